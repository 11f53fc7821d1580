"""The way from several photos of a person to the files of one body, which the command line takes."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import NoPersonError, PhotoError, UsageError
from native_runtime.files.atomic import write_atomically
from native_runtime.pipeline.decoding import part_of
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.people import choose_people
from native_runtime.pipeline.readings import ReadPhoto
from native_runtime.pipeline.reporting import Reporter
from native_runtime.pipeline.requests import Intrinsics
from native_runtime.prompts.prompt import Prompt, check_prompts

from .calibration.read import cameras_of, read_calibration
from .cameras import ViewCamera
from .earlier import read_earlier
from .fit import JointFit, ViewObservation, fit_photos, fit_synchronised, refit_views
from .joint import KnownCameras, extrinsics_between
from .observing import looks_of_all, match_people, observation
from .prompts import ViewPrompts, read_view_prompts
from .request import ViewLook, ViewsRequest
from .scale import in_metres
from .summary import write_summary

if TYPE_CHECKING:
    from native_runtime.detection.landmarks import PersonLandmarks
    from native_runtime.engines.estimate import Estimate
    from native_runtime.image.reading import Photo
    from native_runtime.mhr import Body
    from native_runtime.mhr.state import PlacedState

Array = NDArray[np.float64]

BESIDE = 0.03
"""Part of the person's size by which a body may lie beside what a photo shows of it, on average."""
VIEWS = "views"
"""Among an estimate's details: what the other photos have to do with it."""


@dataclass(frozen=True)
class SavedView:
    """The body as one photo shows it, in files.

    Attributes:
        photo: the photo's file.
        person: the person's number in it.
        estimate: the body before the photo's camera.
        stem: of the files, which end in ``.npz`` and ``.json``.
        picture: the photo without the lens's distortion, which the estimate belongs to; None where it is the photo.
    """

    photo: str
    person: int
    estimate: Estimate
    stem: Path
    picture: Path | None


@dataclass(frozen=True)
class SavedViews:
    """One body in several photos, in files.

    Attributes:
        views: in the photos' order.
        summary: the ``.json`` of all.
        content: what it says.
    """

    views: tuple[SavedView, ...]
    summary: Path
    content: dict[str, Any]


@dataclass
class _Looked:
    """A photo that was looked at."""

    path: str
    found: ReadPhoto
    camera: ViewCamera | None
    person: int = 0
    estimate: Estimate | None = None

    @property
    def seen(self) -> PersonLandmarks | None:
        return self.found.reading.people[self.person].landmarks or self.found.seen.get(self.person)


def estimate_views(
    request: ViewsRequest, inference: Inference, reporter: Reporter, stems: Sequence[Path]
) -> SavedViews:
    """Look at all photos, fit one body to them, and save it as each photo shows it.

    Args:
        request: what is asked for.
        inference: opens engines and reads photos.
        reporter: hears of progress.
        stems: of each photo's files, without the person's number.

    Raises:
        PhotoError, ModelError, NoPersonError: a photo or a model cannot be used, or nobody is in a photo.
        FileError: the calibration cannot be used.
        PromptError: the prompts cannot be used.
        UsageError: the request does not fit the photos, the engine, the calibration or the earlier run.
        OSError: a file cannot be written.
    """
    started = time.perf_counter()
    doubles = _check_photos([str(photo) for photo in request.photos])
    prompts = _prompts(request)
    earlier = None if request.start is None else read_earlier(Path(request.start), request)
    if earlier is not None and request.people is None and request.boxes is None:
        request = replace(request, people=earlier.people)
    cameras: Sequence[ViewCamera | None] = [None] * len(request.photos)
    if request.calibration is not None:
        names = [str(photo) for photo in request.photos]
        cameras = cameras_of(read_calibration(request.calibration), names, request.cameras)
    looked = []
    for number, (path, camera) in enumerate(zip(request.photos, cameras, strict=True)):
        looked.append(_look(request, number, str(path), camera, inference, reporter))
        reporter.progress(0.4 * (number + 1) / len(request.photos))
    _choose(request, looked, inference)
    faces = [view.seen for view in looked]
    looks = looks_of_all(faces, looked[0].found.engine, request.sex, request.age)
    seen = []
    for number, view in enumerate(looked):
        if earlier is not None and view.found.engine.capabilities.fits:
            view.estimate = earlier.estimate_of(number, view.found.engine.body)
        else:
            reporter.status(f"Fitting photo {number + 1} of {len(looked)}")
        seen.append(_observe(request, view, looks, inference, prompts[number]))
        reporter.progress(0.4 + 0.3 * (number + 1) / len(looked))
    reporter.status("Fitting one body to all photos")
    body = looked[0].found.engine.body
    before_fit = time.perf_counter()
    known = [view.camera for view in looked if view.camera is not None]
    if known:
        known = in_metres(body, known, [view.start for view in seen], request.unit)
    if earlier is not None:
        fit = refit_views(body, seen, earlier.state(body), request.one_pose, known or None, earlier.doubted)
    elif request.one_pose:
        fit = fit_synchronised(body, seen, known or None)
    else:
        fit = fit_photos(body, seen)
    seconds = {"look": before_fit - started, "fit": time.perf_counter() - before_fit}
    about = _doubts(request, looked, seen, fit, doubles)
    return _saved(request, body, looked, about, fit, known, stems, seconds, reporter, prompts)


def _check_photos(paths: Sequence[str]) -> dict[int, int]:
    """See that all photos can be read, before the first is looked at; numbers of those with the same content as an
    earlier one, and of that one.

    Raises:
        PhotoError: some cannot; all of them are named.
        UsageError: a file is given twice.
    """
    from native_runtime.image.reading import read_photo

    places: dict[str, int] = {}
    contents: dict[str, int] = {}
    doubles, wrong = {}, []
    for number, path in enumerate(paths):
        if os.path.realpath(path) in places:
            raise UsageError(f"{path} is given twice. Give each photo once.")
        places[os.path.realpath(path)] = number
        try:
            pixels = read_photo(path).pixels
        except PhotoError as error:
            wrong.append(error)
            continue
        content = hashlib.sha256(pixels.tobytes()).hexdigest()
        if content in contents:
            doubles[number] = contents[content]
        contents.setdefault(content, number)
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        raise PhotoError(" ".join(str(error) for error in wrong))
    return doubles


def _doubts(
    request: ViewsRequest,
    looked: Sequence[_Looked],
    seen: Sequence[ViewObservation],
    fit: JointFit,
    doubles: Mapping[int, int],
) -> list[list[str]]:
    """What is to be said of each photo: an unsure lens, a photo that is there twice, a body that lies beside the
    person."""
    out: list[list[str]] = []
    for number, (view, one) in enumerate(zip(looked, seen, strict=True)):
        said, name = [], Path(view.path).name
        lens = view.found.lens
        unsure = None if lens is None or view.camera is not None else lens.text(max(view.found.photo.original_size))
        if unsure is not None:
            said.append(unsure)
        if number in doubles:
            said.append(
                f"{name} and {Path(looked[doubles[number]].path).name} are the same picture, which shows nothing more "
                "of the person."
            )
        said += beside(name, float(fit.point_errors[number]), one.evidence.person_size, request.one_pose)
        out.append(said)
    return out


def beside(name: str, error: float, size: float, one_pose: bool) -> list[str]:
    """What is to be said of a photo whose person lies beside the body that all photos have.

    Args:
        name: the photo's.
        error: px, how far the points that it shows are from the body's.
        size: px, of the person in it.
        one_pose: whether the photos are said to show one moment.
    """
    if error <= BESIDE * size:
        return []
    why = "of one moment or one person, or cameras are exchanged" if one_pose else "of one person"
    return [f"The body lies {error:.0f} pixels off the person in {name}: the photos may not be {why}."]


def _look(
    request: ViewsRequest,
    number: int,
    path: str,
    camera: ViewCamera | None,
    inference: Inference,
    reporter: Reporter,
) -> _Looked:
    from native_runtime.image.reading import read_photo

    boxes = None if request.boxes is None else (request.boxes[number],)
    look = part_of(ViewLook, request, photo=path, boxes=boxes, turn=_turn(request), intrinsics=None, up=None)
    if camera is None:
        return _Looked(path, inference.read(look, reporter), None)
    reporter.status(f"Reading {Path(path).name}")
    photo = read_photo(path).turned_by(_turn(request))
    camera = camera.for_picture(photo.original_size)
    look = replace(look, intrinsics=_rows(camera.intrinsics))
    if not camera.distorts:
        return _Looked(path, inference.read(look, reporter), camera)
    for note in photo.notes:
        reporter.status(note)
    found = inference.look(_undistorted(photo, camera), replace(look, turn=0), reporter)
    return _Looked(path, found, camera)


def _rows(matrix: Array) -> Intrinsics:
    return tuple((float(x), float(y), float(z)) for x, y, z in matrix)


def _turn(request: ViewsRequest) -> int:
    if request.turn == "auto":
        raise UsageError("Several photos are turned by a number of degrees, not by 'auto': say which.")
    return int(request.turn)


def _undistorted(photo: Photo, camera: ViewCamera) -> Photo:
    if not camera.distorts:
        return photo
    working = camera.for_picture(photo.size)
    return replace(photo, pixels=working.undistorted_picture(photo.pixels))


def _choose(request: ViewsRequest, looked: Sequence[_Looked], inference: Inference) -> None:
    """Who is meant in each photo; what the bundled networks see of them is known afterwards."""
    for number, view in enumerate(looked):
        wanted = "largest" if request.people is None else [request.people[number]]
        try:
            (view.person,) = choose_people(wanted, len(view.found.bboxes))
        except NoPersonError as error:
            name = view.path.replace("{", "{{").replace("}", "}}")
            raise NoPersonError(f"{name}: {error.template}", error.remedy, **error.people) from error
    known = [view.camera for view in looked if view.camera is not None]
    if known and request.people is None and request.boxes is None:
        people = [[one.landmarks for one in view.found.reading.people] for view in looked]
        if all(people[0]):
            chosen = match_people(people, [view.found.photo for view in looked], known)
            for view, person in zip(looked, chosen, strict=True):
                view.person = person
    for view in looked:
        inference.seen_of(view.found, view.person)


def _observe(
    request: ViewsRequest, view: _Looked, looks: Any, inference: Inference, prompts: Sequence[Prompt]
) -> ViewObservation:
    found = view.found
    can = found.engine.capabilities
    if view.estimate is None:
        ages = {view.person: request.age} if request.age is not None else None
        ((_, view.estimate),) = inference.estimates(
            found, [view.person], prompts, inference=request.inference, refine=request.refine, sex=request.sex,
            ages=ages,
        )  # fmt: skip
    assert found.lens is not None
    height = request.height_cm if can.fits else None
    unknown = request.one_pose and request.calibration is None
    return observation(
        found.engine, found.photo, view.seen, view.estimate, found.lens.gravity, looks, height, prompts, unknown
    )


def _prompts(request: ViewsRequest) -> ViewPrompts:
    """Of the file and of the request itself, one list for each photo."""
    photos = [str(photo) for photo in request.photos]
    from_file = ((),) * len(photos) if request.prompts is None else read_view_prompts(Path(request.prompts), photos)
    more = ((),) * len(photos) if request.pins is None else request.pins
    return tuple(tuple(check_prompts([*one, *other])) for one, other in zip(from_file, more, strict=True))


def _saved(
    request: ViewsRequest,
    body: Body,
    looked: Sequence[_Looked],
    doubts: Sequence[Sequence[str]],
    fit: JointFit,
    known: Sequence[ViewCamera],
    stems: Sequence[Path],
    seconds: dict[str, float],
    reporter: Reporter,
    prompts: ViewPrompts,
) -> SavedViews:
    from native_runtime.engines.estimate import Prompts
    from native_runtime.pipeline.heights import of_stated_height

    estimates = []
    for number, view in enumerate(looked):
        assert view.estimate is not None
        estimate = view.estimate.with_state(body, fit.state.views[number])
        if request.height_cm is not None:
            estimate = of_stated_height(body, estimate, request.height_cm)
        estimates.append(replace(estimate, prompts=Prompts(prompts[number])))
    places = _camera_places(body, fit.state.world, [one.state for one in estimates]) if request.one_pose else None
    told = _cameras_told(body, fit, known)
    out: list[SavedView] = []
    for number, (view, estimate, stem) in enumerate(zip(looked, estimates, stems, strict=True)):
        about: dict[str, Any] = {
            "photos": [Path(other.path).name for other in looked],
            "number": number,
            "one_pose": request.one_pose,
            "point_error_px": float(fit.point_errors[number]),
        }
        if places is not None:
            about["camera_to_world"] = places[number].tolist()
        about |= told[number]
        warnings = tuple(dict.fromkeys([*estimate.warnings, *_warnings(about), *doubts[number]]))
        estimate = replace(estimate, details=estimate.details | {VIEWS: about}, warnings=warnings)
        stem = stem.with_name(f"{stem.name}_person{view.person}")
        picture = _write_undistorted(view, stem) if view.camera is not None and view.camera.distorts else None
        if picture is not None:
            estimate = replace(estimate, photo=picture.name)
        estimate.save(stem)
        for warning in estimate.warnings:
            reporter.warning(warning)
        out.append(SavedView(view.path, view.person, estimate, stem, picture))
    content = _summary(request, body, out, fit, seconds)
    summary = stems[0].with_name(f"{stems[0].name}_views.json")
    write_summary(summary, content)
    return SavedViews(tuple(out), summary, content)


def _camera_places(body: Body, world: PlacedState | None, views: Sequence[PlacedState]) -> list[Array]:
    """(4, 4) each camera's axes to the world: the calibration's, or the first camera's axes where there is none."""
    out = []
    for placed in views:
        rotation, translation = extrinsics_between(body, world or views[0], placed)
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = rotation.T, -rotation.T @ translation
        out.append(matrix)
    return out


def _cameras_told(body: Body, fit: JointFit, known: Sequence[ViewCamera]) -> list[dict[str, Any]]:
    """What is said of known cameras: their names, and how far they were off."""
    if not known:
        return [{} for _ in fit.state.views]
    cameras = KnownCameras(body, known)
    out = []
    for number, camera in enumerate(known):
        turn, shift = cameras.off(number, fit.state)
        focal = float(np.mean(np.diag(camera.intrinsics)[:2]))
        out.append(
            {
                "camera": camera.name,
                "camera_turned_px": float(np.linalg.norm(turn[:2]) * focal),
                "camera_moved_m": float(np.linalg.norm(shift)),
                "camera_doubted": number in fit.doubted,
            }
        )
    return out


def _warnings(about: dict[str, Any]) -> list[str]:
    if not about.get("camera_doubted"):
        return []
    return [
        f"The calibration of the camera {about['camera']} contradicts the others: its picture is about "
        f"{about['camera_turned_px']:.0f} pixels off. It was turned to fit them, and counts less. Calibrate it again."
    ]


def _write_undistorted(view: _Looked, stem: Path) -> Path:
    import cv2

    path = stem.with_name(f"{stem.name}_undistorted.png")
    coded, data = cv2.imencode(".png", view.found.photo.pixels[:, :, ::-1])
    if not coded:
        raise OSError(f"{path} cannot be coded.")
    return write_atomically(path, data.tobytes())


def _summary(
    request: ViewsRequest, body: Body, views: Sequence[SavedView], fit: JointFit, seconds: dict[str, float]
) -> dict[str, Any]:
    from native_runtime.characters.measures.measurer import Measurer

    first = views[0].estimate
    stature = Measurer(body).stature(first.model_parameters, first.identity)
    scales = [index for index, name in enumerate(body.parameter_names) if name.startswith("scale_")]
    return {
        "body_name": body.name,
        "body_hash": body.hash,
        "engine": first.engine,
        "one_pose": request.one_pose,
        "calibrated": request.calibration is not None,
        "stature_cm": float(stature),
        "skeleton": {body.parameter_names[index]: float(first.model_parameters[index]) for index in scales},
        "identity": [float(value) for value in first.identity],
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "views": [
            {
                "photo": Path(view.photo).name,
                "person": view.person,
                "estimate": f"{view.stem.name}.npz",
                "picture": None if view.picture is None else view.picture.name,
                "intrinsics": view.estimate.intrinsics.tolist(),
                "image_size": view.estimate.image_size.tolist(),
                **view.estimate.details[VIEWS],
            }
            for view in views
        ],
    }
