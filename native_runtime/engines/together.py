"""Brings the people of one photo together in space: estimates of several, moved along their lines of sight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from native_runtime.camera import Gravity
from native_runtime.detection.landmarks import PersonLandmarks
from native_runtime.fitting.floor import footing
from native_runtime.fitting.people import Together, shifts
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body

from .edits import TOGETHER, moved_along
from .estimate import Estimate
from .evidence import gather_evidence

LEAST = 0.001
"""Metres: a smaller move is none."""


def brought_together(
    body: Body,
    estimates: Mapping[int, Estimate],
    seen: Mapping[int, PersonLandmarks | None],
    photo: Photo,
    gravity: Gravity | None = None,
) -> dict[int, Estimate]:
    """Estimates of people of one photo, by their numbers, that agree with each other.

    The outcome depends on which people there are, not on the order; whoever need not move keeps an estimate bit for
    bit. How far somebody was moved is in the details (``TOGETHER``).

    Args:
        body: the body of all.
        estimates: of each person alone.
        seen: what landmark networks see of them, for feet on the floor and for who covers whom; None where nothing.
        photo: the photo.
        gravity: which way is up; None for a camera that is held about level.
    """
    numbers = sorted(estimates)
    if len(numbers) < 2:
        return dict(estimates)
    people = [_person(body, estimates[number], seen.get(number), photo, gravity or Gravity()) for number in numbers]
    moved = dict(estimates)
    for number, along in zip(numbers, shifts(body, people, estimates[numbers[0]].intrinsics, gravity), strict=True):
        if abs(along) >= LEAST:
            alone = estimates[number]
            state = replace(alone.state, camera_translation=moved_along(alone, float(along)))
            there = alone.with_state(body, state)
            moved[number] = replace(there, details=there.details | {TOGETHER: float(along)})
    return moved


def _person(
    body: Body, estimate: Estimate, landmarks: PersonLandmarks | None, photo: Photo, gravity: Gravity
) -> Together:
    if landmarks is None:
        return Together(estimate.state)
    evidence = gather_evidence(landmarks, photo, body, estimate.intrinsics)
    stands = footing(body, evidence, estimate.state, gravity.up)
    return Together(estimate.state, evidence.silhouette, stands.planted, evidence.unseen)
