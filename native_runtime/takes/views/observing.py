"""From photos to what a joint fit uses: who is meant, what is seen of them, and a first fit to each photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import Gravity
from native_runtime.detection.landmarks import BODY_POINTS
from native_runtime.engines.evidence import gather_evidence
from native_runtime.engines.looks import Looks, check_sex, looks_of
from native_runtime.engines.refine import LEAST
from native_runtime.fitting.evidence import Directions, Evidence, Points2D, Positions3D
from native_runtime.fitting.problem import NEAREST_DEPTH
from native_runtime.mhr.rotations import rotation_between
from native_runtime.prompts.quality import person_size

from .cameras import ViewCamera
from .conventions import without_shifts
from .fit import ViewObservation
from .prompts import with_prompts

if TYPE_CHECKING:
    from native_runtime.detection.landmarks import PersonLandmarks
    from native_runtime.engines.base import Engine
    from native_runtime.engines.estimate import Estimate
    from native_runtime.image.reading import Photo
    from native_runtime.mhr import Body
    from native_runtime.prompts.prompt import Prompt

Array = NDArray[np.float64]

_JOINTS = tuple(
    f"{side}_{part}" for side in ("left", "right") for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
)
"""Keypoints of an engine's answer that become evidence."""
_HIPS = ("left_hip", "right_hip")
_ALONG = 1.8
"""How much larger a network's errors are along the view than across (``fitting.trust``)."""
_MATCHED = tuple(BODY_POINTS.index(f"{side}_{part}") for side in ("left", "right") for part in ("shoulder", "hip"))


def looks_of_all(faces: Sequence[PersonLandmarks | None], engine: Engine, sex: str | None, age: float | None) -> Looks:
    """What the faces of several photos say of one person: the photo that is surest about the sex counts."""
    said = [
        looks_of(None if seen is None else seen.face, engine.body, check_sex(sex), lambda: True, age) for seen in faces
    ]
    return max(said, key=lambda looks: (looks.grown, looks.certainty))


def observation(
    engine: Engine,
    photo: Photo,
    seen: PersonLandmarks | None,
    estimate: Estimate,
    gravity: Gravity,
    looks: Looks,
    height: float | None,
    prompts: Sequence[Prompt] = (),
    places_cameras: bool = False,
) -> ViewObservation:
    """What a photo shows of a person.

    Args:
        engine: whose estimate it is.
        photo: the photo.
        seen: what landmark networks see there; None where they see nobody.
        estimate: the engine's answer.
        gravity: which way is up.
        looks: what all photos say of the person.
        height: cm, as somebody said; None: unknown.
        prompts: what an artist says about keypoints, px of the photo.
        places_cameras: whether unknown cameras follow from the person (``conventions``).
    """
    body, stature = engine.body, looks.stature if height is None else height
    evidence = None
    if seen is not None:
        fits = engine.capabilities.fits
        evidence = gather_evidence(
            seen, photo, body, estimate.intrinsics, prompts if fits else (), least=0.0 if fits else LEAST,
            shape=looks.prior(body), aged=looks.aged(body), stature=stature, gravity=gravity,
        )  # fmt: skip
        if places_cameras:
            evidence = without_shifts(body, evidence, estimate.state, estimate.intrinsics)
    if evidence is None or not engine.capabilities.fits:
        evidence = evidence_of_estimate(body, estimate, engine.capabilities.pa_mpjpe, evidence)
        evidence = with_prompts(body, evidence, prompts)
    return ViewObservation(evidence, estimate.intrinsics, gravity, estimate.state)


def evidence_of_estimate(body: Body, estimate: Estimate, pa_mpjpe: float, seen: Evidence | None) -> Evidence:
    """The answer of an engine that is no fit, as evidence: its joints in the photo and in space, each as sure as the
    engine is in general.

    Args:
        body: the engine's.
        estimate: the answer.
        pa_mpjpe: mm (``Capabilities.pa_mpjpe``).
        seen: what landmark networks are certain of, which stays but for its depth; None: nothing.
    """
    rows = [body.keypoint_names.index(name) for name in _JOINTS]
    hips = [body.keypoint_names.index(name) for name in _HIPS]
    # a distance in space has three components
    sigma = pa_mpjpe / 1000.0 / np.sqrt(2.0 + _ALONG**2)
    focal = float(np.mean(np.diag(estimate.intrinsics)[:2]))
    count = len(_JOINTS)
    own = Points2D(
        _JOINTS,
        estimate.keypoints_2d[rows],
        sigma * focal / np.maximum(estimate.keypoints_3d[rows, 2], NEAREST_DEPTH),
        np.ones(count),
        np.zeros(count, bool),
    )
    centre = estimate.keypoints_3d[hips].mean(axis=0)
    axes = rotation_between([0.0, 0.0, 1.0], centre).T
    placed = Positions3D(
        _JOINTS,
        estimate.keypoints_3d[rows] - centre,
        np.tile([sigma, sigma, _ALONG * sigma], (count, 1)),
        np.ones(count),
        _HIPS,
        axes,
    )
    none = np.zeros(0)
    if seen is None:
        nowhere = Directions((), (), np.zeros((0, 3)), none, none)
        return Evidence(own, nowhere, person_size(estimate.keypoints_3d, estimate.intrinsics), positions=placed)
    both = Points2D(
        (*seen.points.names, *own.names),
        np.concatenate([seen.points.positions, own.positions]),
        np.concatenate([seen.points.sigmas, own.sigmas]),
        np.concatenate([seen.points.weights, own.weights]),
        np.concatenate([seen.points.trusted, own.trusted]),
    )
    kept = replace(seen.directions, weights=np.zeros_like(seen.directions.weights))
    return replace(seen, points=both, directions=kept, positions=placed)


def match_people(
    people: Sequence[Sequence[PersonLandmarks | None]],
    photos: Sequence[Photo],
    cameras: Sequence[ViewCamera],
    first: int = 0,
) -> list[int]:
    """Numbers of the person in each photo whom known cameras see at the same place as one in the first photo.

    Shoulders and hips of each two people are triangulated; the nearest lines of sight belong together.

    Args:
        people: in each photo, in working pixels.
        photos: for the way to original pixels.
        cameras: one for each photo.
        first: the person's number in the first photo.
    """
    rays = [
        [None if one is None else _sight(one, photo, camera) for one in group]
        for group, photo, camera in zip(people, photos, cameras, strict=True)
    ]
    reference, chosen = rays[0][first], [first]
    for group, camera in zip(rays[1:], cameras[1:], strict=True):
        apart = [
            np.inf
            if lines is None or reference is None
            else _distance(cameras[0].place, reference, camera.place, lines)
            for lines in group
        ]
        chosen.append(int(np.argmin(apart)) if np.isfinite(apart).any() else 0)
    return chosen


def _sight(person: PersonLandmarks, photo: Photo, camera: ViewCamera) -> Array:
    """(4, 3) unit vectors, world, towards shoulders and hips."""
    places = photo.to_original(person.points_2d[list(_MATCHED)])
    rays = np.concatenate([places, np.ones((len(places), 1))], axis=1) @ np.linalg.inv(camera.intrinsics).T
    rays = rays @ camera.rotation
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))


def _distance(first: Array, rays: Array | None, second: Array, others: Array | None) -> float:
    """The median distance (m) of pairs of lines through two places (3,) along unit vectors (n, 3)."""
    assert rays is not None
    assert others is not None
    across = np.cross(rays, others)
    length = np.linalg.norm(across, axis=1)
    gap = np.abs(across @ (second - first)) / np.maximum(length, 1e-9)
    return float(np.median(gap))
