"""One body in several photos again, for interactive work: an artist drags a keypoint in one of them, and the body moves
in all.

The cameras are those of the scene and stay: only the body moves. What the photos show is known from before, as long as
their readings are kept.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera, project
from native_runtime.engines.estimate import Estimate, Prompts
from native_runtime.engines.looks import LOOKS
from native_runtime.errors import UsageError
from native_runtime.fitting.evidence_terms import FitProblem
from native_runtime.fitting.prior import PosePrior
from native_runtime.mhr.state import PlacedState
from native_runtime.pipeline.decoding import part_of
from native_runtime.pipeline.heights import HEIGHT
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.readings import ReadPhoto
from native_runtime.pipeline.reporting import Reporter
from native_runtime.pipeline.requests import PoseRequest
from native_runtime.prompts.prompt import Prompt, keypoint_names, kind_of
from native_runtime.takes.hands import hand_let_go, is_finger

from .cameras import ViewCamera
from .fit import ViewObservation, point_errors, refit_views
from .joint import CameraTrust, JointState, in_view
from .observing import looks_of_all, observation
from .pose_request import PoseViewsRequest, ViewPhoto
from .prompts import with_prompts
from .run import VIEWS

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

STAND = CameraTrust(pixels=0.01, metres=1e-4, doubtful=0.01)
"""The scene's cameras are where they are."""
OFF = 0.02
"""Part of the person's size by which pins may take the body off half of what a photo shows of it."""
GIVE, ROUNDS = 0.7, 3
"""Standard deviations of a pin from which on its pull does not grow, where it is out of reach; fits to settle that."""
OUT_OF_REACH = 0.02
"""Part of the person's size: a pin that is missed by more is reported."""
_ANSWER = "views of a person"


@dataclass(frozen=True)
class _Read:
    """A photo of the request as an engine read it."""

    view: ViewPhoto
    camera: ViewCamera
    found: ReadPhoto
    person: int


def pose_views(request: PoseViewsRequest, inference: Inference, reporter: Reporter) -> Estimate:
    """The body with what is said about keypoints in the photos, before the first one's camera.

    Its details say under ``views`` how far it is from what each photo shows (``point_errors_px``) and what there is to
    say about the pins in each (``prompts``), by the photos' numbers.

    Args:
        request: what is asked for. Without pins the body stays where it starts.
        inference: opens the engine and reads photos.
        reporter: hears of progress.

    Raises:
        PhotoError, ModelError, NoPersonError: as ``Inference.person_at``.
        UsageError: the body is another one than the engine's.
    """
    inference.keep_photos(len(request.views))
    read = []
    for number, view in enumerate(request.views):
        asked = part_of(
            PoseRequest, request, photo=view.photo, box=view.box, intrinsics=view.intrinsics, up=view.up, pins=()
        )
        found, person = inference.person_at(asked, reporter)
        inference.seen_of(found, person)
        read.append(_Read(view, _camera_of(view), found, person))
        reporter.progress(0.5 * (number + 1) / len(request.views))
    engine = read[0].found.engine
    start = _start(request, engine.body)
    seen = _observations(request, read, start, inference)
    cameras = [one.camera for one in read]
    state = _seen_by(engine.body, start, cameras)
    fitted = time.perf_counter()
    if any(view.pins for view in request.views):
        reporter.status("Fitting the body to all photos")
        state = pinned(engine.body, seen, state, cameras, not request.calibrated)
    errors = point_errors(engine.body, _without_pins(seen), state)
    reporter.progress(1.0)
    return _answer(request, read, state, errors, time.perf_counter() - fitted, inference)


def pinned(
    body: Body,
    seen: Sequence[ViewObservation],
    start: JointState,
    cameras: Sequence[ViewCamera],
    from_person: bool = False,
) -> JointState:
    """The body at its pins, as far as it can come near them and stay where the photos show it.

    The pins are met first. Where that takes most of the body off what is seen of it, they are out of its reach: their
    pull is then bounded (a pseudo-Huber loss by reweighting, as ``fitting.pins`` has it), so that the limb only reaches
    for them, and what other photos show of the same keypoints no longer counts.

    Args:
        body: the body.
        seen: what the photos show; pins are the points that count as certain.
        start: the body before.
        cameras: of the photos.
        from_person: as of ``refit_views``.
    """
    size = float(np.mean([view.evidence.person_size for view in seen]))
    plain = _without_pins(seen)
    before = _usual_errors(body, plain, start)
    state = _fitted(body, seen, start, cameras, from_person)
    if (_usual_errors(body, plain, state) - before).max() <= OFF * size:
        return state
    state, seen = start, _alone(body, seen)
    for _ in range(ROUNDS):
        state = _fitted(body, _bounded(body, seen, state), state, cameras, from_person)
    return state


def _fitted(
    body: Body,
    seen: Sequence[ViewObservation],
    start: JointState,
    cameras: Sequence[ViewCamera],
    from_person: bool,
) -> JointState:
    world = refit_views(body, seen, start, True, cameras, trust=STAND, from_person=from_person).state.world
    assert world is not None
    return _seen_by(body, world, cameras)


def _seen_by(body: Body, world: PlacedState, cameras: Sequence[ViewCamera]) -> JointState:
    return JointState(tuple(in_view(body, world, camera.rotation, camera.translation) for camera in cameras), world)


def _usual_errors(body: Body, seen: Sequence[ViewObservation], state: JointState) -> Array:
    """(views,) px: the median distance of the points that each photo shows from the body's."""
    prior = PosePrior.load(body)
    still = np.zeros(len(prior.parameters), bool)
    out = []
    for view, placed in zip(seen, state.views, strict=True):
        distances = FitProblem(body, view.evidence, view.intrinsics, prior, still).pixel_distances(placed)
        counting = distances[view.evidence.points.weights > 0.0]
        out.append(float(np.median(counting)) if len(counting) else 0.0)
    return np.array(out)


def _alone(body: Body, seen: Sequence[ViewObservation]) -> list[ViewObservation]:
    """Observations in which pinned keypoints, and the hand that goes with them, are seen where they are pinned only."""
    names = keypoint_names()
    pins = [
        {name for name, pin in zip(view.evidence.points.names, view.evidence.points.trusted, strict=True) if pin}
        for view in seen
    ]
    spoken_of = set().union(*pins)
    for side in ("left", "right"):
        hand = {f"{side}_wrist", *(name for name in names if name.startswith(side) and is_finger(name))}
        if hand & spoken_of:
            spoken_of |= hand
    out = []
    for view, own in zip(seen, pins, strict=True):
        silent: list[Prompt] = [(names.index(name), 0.0, 0.0, "ignore") for name in sorted(spoken_of - own)]
        out.append(replace(view, evidence=with_prompts(body, view.evidence, silent)))
    return out


def _bounded(body: Body, seen: Sequence[ViewObservation], state: JointState) -> list[ViewObservation]:
    """Observations whose pins pull no more than from ``GIVE`` standard deviations away."""
    out = []
    for view, placed in zip(seen, state.views, strict=True):
        points = view.evidence.points
        if points.trusted.any():
            rows = [keypoint_names().index(name) for name, pin in zip(points.names, points.trusted) if pin]
            pose = body.pose(placed.model_parameters)
            vertices = body.vertices(placed.model_parameters, placed.identity, placed.expression)
            places = mhr_to_camera(body.keypoints(pose, vertices)[rows], placed.camera_translation)
            away = np.linalg.norm(project(places, view.intrinsics) - points.positions[points.trusted], axis=1)
            stretch = np.nan_to_num(away, nan=np.inf) / (GIVE * points.sigmas[points.trusted])
            weights = points.weights.copy()
            weights[points.trusted] /= np.sqrt(1.0 + stretch**2)
            points = replace(points, weights=weights)
        out.append(replace(view, evidence=replace(view.evidence, points=points)))
    return out


def _without_pins(seen: Sequence[ViewObservation]) -> list[ViewObservation]:
    """What the photos show by themselves."""
    out = []
    for view in seen:
        points = view.evidence.points
        points = replace(points, weights=np.where(points.trusted, 0.0, points.weights))
        out.append(replace(view, evidence=replace(view.evidence, points=points)))
    return out


def _camera_of(view: ViewPhoto) -> ViewCamera:
    matrix = np.array(view.camera)
    rotation = matrix[:3, :3].T
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-4) or np.linalg.det(rotation) < 0:
        raise UsageError("A view's 'camera' must be a rotation and a translation.")
    return ViewCamera(str(view.number), None, np.array(view.intrinsics), rotation, -rotation @ matrix[:3, 3])


def _start(request: PoseViewsRequest, body: Body) -> PlacedState:
    given = request.start
    sizes = (len(body.parameter_names), body.identity_count, body.expression_count, 3)
    arrays = [np.array(getattr(given, name)) for name in given.__dataclass_fields__]
    if tuple(map(len, arrays)) != sizes:
        raise UsageError(f"The body of the request is another one than the engine's, {body.name!r}.")
    return PlacedState(*arrays)


def _observations(
    request: PoseViewsRequest, read: Sequence[_Read], start: PlacedState, inference: Inference
) -> list[ViewObservation]:
    """What each photo shows of the person, with what is said about it."""
    engine = read[0].found.engine
    faces = [inference.seen_of(one.found, one.person) for one in read]
    looks = looks_of_all(faces, engine, request.sex, request.age)
    out = []
    for one, face in zip(read, faces, strict=True):
        assert one.found.lens is not None
        estimate = _own_answer(request, one, inference)
        if estimate is None:
            estimate = Estimate.from_state(
                engine.body,
                in_view(engine.body, start, one.camera.rotation, one.camera.translation),
                one.camera.intrinsics,
                image_size=np.array(one.found.photo.original_size),
                bbox=np.array(one.view.box),
                engine=engine.name,
            )
        height = request.height_cm if engine.capabilities.fits else None
        out.append(
            observation(
                engine, one.found.photo, face, estimate, one.found.lens.gravity, looks, height, one.view.pins,
                places_cameras=not request.calibrated,
            )
        )  # fmt: skip
    wrists = {keypoint_names()[pin[0]] for one in read for pin in one.view.pins if kind_of(pin) == "place"}
    for side in ("left", "right"):
        if f"{side}_wrist" in wrists:
            out = [replace(view, evidence=hand_let_go(engine.body, view.evidence, side)) for view in out]
    return out


def _own_answer(request: PoseViewsRequest, one: _Read, inference: Inference) -> Estimate | None:
    """What an engine that is no fit says of a photo, asked once; None of one that is."""
    if one.found.engine.capabilities.fits:
        return None
    key = (_ANSWER, one.person, request.inference, request.refine)
    if key not in one.found.kept:
        ((_, one.found.kept[key]),) = inference.estimates(
            one.found, [one.person], inference=request.inference, refine=request.refine
        )
    known: Estimate = one.found.kept[key]
    return known


def _answer(
    request: PoseViewsRequest,
    read: Sequence[_Read],
    state: JointState,
    errors: Array,
    seconds: float,
    inference: Inference,
) -> Estimate:
    first, engine = read[0], read[0].found.engine
    body = engine.body
    faces = [inference.seen_of(one.found, one.person) for one in read]
    looks = looks_of_all(faces, engine, request.sex, request.age)
    prompts = {}
    for one, placed in zip(read, state.views, strict=True):
        prompts[str(one.view.number)] = _judgement(body, placed, one)
    assert state.world is not None
    own = _own_answer(request, first, inference)
    details: dict[str, Any] = {} if own is None else dict(own.details)
    details |= {
        LOOKS: looks.to_json(),
        VIEWS: {
            "photos": [one.found.photo.path.name for one in read],
            "number": 0,
            "one_pose": True,
            "point_errors_px": {str(one.view.number): float(error) for one, error in zip(read, errors, strict=True)},
            "prompts": prompts,
        },
    }
    if request.height_cm is not None:
        details[HEIGHT] = {"stated": request.height_cm}
    return Estimate.from_state(
        body,
        state.world,
        first.camera.intrinsics,
        image_size=np.array(first.found.photo.original_size),
        bbox=np.array(first.view.box),
        engine=engine.name,
        seconds={"fit": seconds},
        photo=first.found.photo.path.name,
        person=first.person,
        prompts=Prompts(first.view.pins, False),
        details=details,
    )


def _judgement(body: Body, state: PlacedState, one: _Read) -> dict[str, Any]:
    """What there is to say about the pins in a photo, in the form of an estimate's details."""
    pins: list[Prompt] = [pin for pin in one.view.pins if kind_of(pin) == "place"]
    if not pins:
        return {}
    estimate = Estimate.from_state(
        body, state, one.camera.intrinsics, image_size=np.zeros(2), bbox=np.zeros(4), engine=""
    )
    rows = [pin[0] for pin in pins]
    places = project(estimate.keypoints_3d[rows], one.camera.intrinsics)
    missed = np.linalg.norm(places - np.array([pin[1:3] for pin in pins], np.float64), axis=1)
    width, height = one.view.box[2] - one.view.box[0], one.view.box[3] - one.view.box[1]
    far = max(OUT_OF_REACH * float(np.hypot(width, height)), 2.0)
    names = [keypoint_names()[row] for row in rows]
    return {
        "pins_missed_px": {name: float(rest) for name, rest in zip(names, missed, strict=True)},
        "pins_out_of_reach": [name for name, rest in zip(names, missed, strict=True) if not rest <= far],
    }
