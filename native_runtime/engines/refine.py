"""Any network's estimate, brought onto what the bundled networks see in the photo (``fitting.refine``)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.landmarks import PersonLandmarks
from native_runtime.fitting.pins import Pin
from native_runtime.fitting.refine import AFTER_NETWORK, Refined, refine
from native_runtime.fitting.trust import NetworkTrust
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.prompts.prompt import Prompt

from .base import REFINED
from .estimate import Estimate
from .evidence import gather_evidence
from .refit import pins_of, refit_estimate

LEAST = 0.5
"""Certainty from which what the landmark networks see counts: a network knows hidden limbs better than they do."""

KEPT = 0.5
"""Px by which the fit may move a pinned keypoint away from its pin before its limb is brought back."""


@dataclass(frozen=True)
class Sight:
    """What is known of a person in a photo besides a network's answer.

    Attributes:
        photo: the photo.
        landmarks: what the landmark networks see of the person, in working pixels.
        prompts: what an artist says of keypoints.
        mask: (H, W) in original pixels, where an artist says that the person is; None: as the networks see it.
    """

    photo: Photo
    landmarks: PersonLandmarks
    prompts: Sequence[Prompt] = ()
    mask: NDArray[np.bool_] | None = None


def refine_estimate(body: Body, estimate: Estimate, sight: Sight, strength: float, pa_mpjpe: float) -> Estimate:
    """An estimate brought onto what is seen; it stays near, and pins are met as well as before.

    Args:
        body: the body that the estimate's numbers belong to.
        estimate: an engine's answer.
        sight: what is seen.
        strength: 0..1; at 0 the estimate comes back as it is.
        pa_mpjpe: mm, how accurate the engine is (``Capabilities.pa_mpjpe``).
    """
    if strength <= 0.0:
        return estimate
    started = time.perf_counter()
    lens, trust = estimate.intrinsics, NetworkTrust.of(body, pa_mpjpe)
    evidence = gather_evidence(sight.landmarks, sight.photo, body, lens, sight.prompts, sight.mask, LEAST)
    result = refine(body, estimate.state, evidence, lens, trust, strength, settings=AFTER_NETWORK)
    moved = estimate.with_state(body, result.state) if result.state is not estimate.state else estimate
    moved = _pins_met(body, estimate, moved, pins_of(sight.prompts, body))
    return replace(
        moved,
        seconds=estimate.seconds | {"refine": time.perf_counter() - started},
        warnings=(*estimate.warnings, *_warnings(result)),
        details=estimate.details | {REFINED: _details(estimate, moved, result, strength)},
    )


def _pins_met(body: Body, before: Estimate, after: Estimate, pins: Sequence[Pin]) -> Estimate:
    """The estimate with the limbs of pins brought back to where the engine had them, if the fit moved them away."""
    if not pins:
        return after
    rows = [body.keypoint_names.index(pin.keypoint) for pin in pins]
    heard, places = before.keypoints_2d[rows], np.array([pin.place for pin in pins])
    missed = np.linalg.norm(after.keypoints_2d[rows] - places, axis=1)
    farther = missed > np.linalg.norm(heard - places, axis=1) + KEPT
    if not farther.any():
        return after
    # those that the fit brought nearer stay where they are now
    held = np.where(farther[:, None], heard, after.keypoints_2d[rows])
    kept = [Pin(pin.keypoint, place) for pin, place in zip(pins, held) if np.isfinite(place).all()]
    return replace(refit_estimate(body, after, kept), warnings=after.warnings, details=after.details)


def _details(before: Estimate, after: Estimate, result: Refined, strength: float) -> dict[str, Any]:
    away = 1000.0 * np.linalg.norm(after.joints - before.joints, axis=1)
    return {
        "strength": strength,
        "point_error_px": [result.network_error, result.point_error],
        "joints_moved_mm": [float(away.mean()), float(away.max())],
        "set_aside": list(result.contradicted),
    }


def _warnings(result: Refined) -> list[str]:
    if "body" in result.contradicted:
        return ["What is seen in the photo does not fit the estimated person at all: it was not refined to the photo."]
    return [
        f"The {limb} is seen elsewhere in the photo than the engine has it; it was left to the engine. Check it."
        for limb in result.contradicted
    ]
