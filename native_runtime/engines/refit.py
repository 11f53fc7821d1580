"""Any engine's estimate, brought to what an artist pinned and did by hand; needs nothing of the engine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import PromptError
from native_runtime.fitting.evidence import Directions, Evidence, Points2D
from native_runtime.fitting.pins import Pin
from native_runtime.fitting.problem import FitState
from native_runtime.fitting.refit import limb_parameters, refit
from native_runtime.mhr import Body
from native_runtime.prompt_quality import person_size
from native_runtime.prompts import Prompt, kind_of

from .estimate import Estimate

Array = NDArray[np.float64]

MET = 0.003
"""Part of the person's size: a pin that is missed by more is told of."""

POINT_SIGMA, SMALL, SMALL_WEIGHT = 0.008, ("finger", "thumb", "eye", "ear", "toe"), 0.3
"""Part of the person's size by which an engine's keypoint usually errs; those that crowd together count less."""

_CHAINS = (
    *((f"{s}_shoulder", f"{s}_elbow", f"{s}_wrist") for s in ("left", "right")),
    *((f"{s}_shoulder", f"{s}_hip", f"{s}_knee", f"{s}_ankle", f"{s}_big_toe") for s in ("left", "right")),
    *((f"{s}_heel", f"{s}_big_toe") for s in ("left", "right")),
    *((f"{s}_wrist", f"{s}_{f}_third_joint") for s in ("left", "right") for f in ("forefinger", "pinky_finger")),
    ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"),
    ("left_ear", "right_ear"), ("left_ear", "nose"), ("right_ear", "nose"),
)  # fmt: skip
_SEGMENTS = tuple(segment for chain in _CHAINS for segment in pairwise(chain))
SEGMENT_SIGMA = 0.2
"""Radians."""

_SAME = 1e-5
"""A number that differs by less was not touched: it has only been through single precision."""


@dataclass(frozen=True)
class Edits:
    """What an artist did to a body by hand, beside the pins.

    Attributes:
        start: the body as it stands.
        answered: what the engine answered before the artist took it up; None when that is not known, and all of
            `start` counts as the artist's.
    """

    start: Estimate
    answered: Estimate | None = None

    def on(self, estimate: Estimate, spared: NDArray[np.bool_] | None = None) -> Estimate:
        """An estimate's numbers with those that were edited in their place. What follows from them is not renewed.

        Args:
            spared: (204,) model parameters that stay the estimate's.

        Raises:
            PromptError: the edits are of another body.
        """
        shift = self.start.camera_translation - (self.answered or estimate).camera_translation
        moved = np.abs(shift) > _SAME * np.maximum(1.0, np.abs(self.start.camera_translation))
        parameters = self._touched("model_parameters", estimate)
        parameters[:3] = False  # the place is in the camera's translation
        parameters[3:6] = parameters[3:6].any()  # Euler angles mean nothing one by one
        if spared is not None:
            parameters &= ~spared
        return replace(
            estimate,
            model_parameters=np.where(parameters, self.start.model_parameters, estimate.model_parameters),
            identity=np.where(self._touched("identity", estimate), self.start.identity, estimate.identity),
            expression=np.where(self._touched("expression", estimate), self.start.expression, estimate.expression),
            camera_translation=estimate.camera_translation + np.where(moved, shift, 0.0),
        )

    def _touched(self, field: str, estimate: Estimate) -> NDArray[np.bool_]:
        """Which numbers of a field the artist changed."""
        ours, now = getattr(estimate, field), getattr(self.start, field)
        before = np.full(now.shape, np.nan) if self.answered is None else getattr(self.answered, field)
        if not ours.shape == now.shape == before.shape:
            raise PromptError("The character's body is another one than the engine's: its edits cannot be kept.")
        return ~(np.abs(now - before) <= _SAME * np.maximum(1.0, np.abs(now)))


def same_numbers(first: Estimate, second: Estimate) -> bool:
    """Whether two estimates of a person stand alike."""
    names = ("model_parameters", "identity", "expression", "camera_translation")
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in names)


def pins_of(prompts: Sequence[Prompt], body: Body) -> list[Pin]:
    """The prompts that say where a keypoint is."""
    return [
        Pin(body.keypoint_names[prompt[0]], np.array(prompt[1:3], np.float64))
        for prompt in prompts
        if kind_of(prompt) == "place"
    ]


def refit_estimate(
    body: Body, estimate: Estimate, pins: Sequence[Pin], edits: Edits | None = None, evidence: Evidence | None = None
) -> Estimate:
    """An estimate after the artist's edits, brought to pins; everything else stays near.

    Args:
        body: the body that the estimate's numbers belong to.
        estimate: an engine's answer; it need not know of the pins.
        pins: where keypoints shall be.
        edits: what the artist did by hand; None for nothing. Pins may move it.
        evidence: how firmly the engine knows what (see ``fitting.refit``); None: every keypoint about equally.

    Returns:
        The estimate itself where there is nothing to do.

    Raises:
        PromptError: the edits are of another body, or nothing of the person lies before the camera.
    """
    edited = estimate if edits is None else edits.on(estimate)
    return _moved(body, estimate, edited, pins, evidence)


def keep_edits(body: Body, estimate: Estimate, pins: Sequence[Pin], edits: Edits | None, snap: bool) -> Estimate:
    """The answer of an engine that has heard of the pins, with the artist's edits of limbs without pins.

    Args:
        snap: whether what the engine left between keypoints and pins is to be closed.
    """
    edited = estimate if edits is None else edits.on(estimate, limb_parameters(body, [pin.keypoint for pin in pins]))
    return _moved(body, estimate, edited, pins if snap else (), None)


def _moved(
    body: Body, estimate: Estimate, edited: Estimate, pins: Sequence[Pin], evidence: Evidence | None
) -> Estimate:
    if not pins and same_numbers(estimate, edited):
        return estimate
    started = time.perf_counter()
    state = FitState(edited.model_parameters, edited.camera_translation, edited.identity)
    evidence = evidence or own_evidence(body, estimate)
    moved = refit(body, evidence, edited.intrinsics, state, pins)
    solved = time.perf_counter()
    missed = {
        pin.keypoint: float(rest) for pin, rest in zip(pins, moved.rests) if rest > max(MET * evidence.person_size, 1.0)
    }
    result = Estimate.from_parameters(
        body,
        moved.state.model_parameters,
        moved.state.identity,
        edited.expression,
        moved.state.camera_translation,
        estimate.intrinsics,
        image_size=estimate.image_size,
        bbox=estimate.bbox,
        engine=estimate.engine,
        prompts=estimate.prompts,
        seconds=estimate.seconds | {"refit": solved - started},
        photo=estimate.photo,
        person=estimate.person,
        warnings=(*estimate.warnings, *map(_out_of_reach, missed, missed.values())),
        details=estimate.details
        | {
            "pins_missed_px": {p.keypoint: float(r) for p, r in zip(pins, moved.rests)},
            "pins_out_of_reach": list(missed),
        },
    )
    result.seconds["mesh"] = time.perf_counter() - solved
    return result


def _out_of_reach(keypoint: str, rest: float) -> str:
    return (
        f"The {keypoint.replace('_', ' ')} cannot reach its handle: {rest:.0f} px are left. The bones are too "
        "short for it as the rest of the body stands, or another handle holds against it."
    )


def own_evidence(body: Body, estimate: Estimate) -> Evidence:
    """What an estimate says of itself: its keypoints and segments, about equally sure."""
    size = person_size(estimate.keypoints_3d, estimate.intrinsics)
    if not np.isfinite(size):
        raise PromptError("Nothing of this person lies before the camera: handles cannot move it.")
    names = tuple(body.keypoint_names)
    weights = np.array([SMALL_WEIGHT if any(part in name for part in SMALL) else 1.0 for name in names])
    segments = [(a, b) for a, b in _SEGMENTS if a in names and b in names]
    count = len(segments)
    points = Points2D(
        names, estimate.keypoints_2d, np.full(len(names), POINT_SIGMA * size), weights, np.zeros(len(names), bool)
    )
    directions = Directions(
        tuple(a for a, _ in segments),
        tuple(b for _, b in segments),
        np.zeros((count, 3)),
        np.full(count, SEGMENT_SIGMA),
        np.ones(count),
    )
    return Evidence(points, directions, size)
