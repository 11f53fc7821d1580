"""Any engine's estimate, adapted to the artist's pins and edits, without the engine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import PromptError
from native_runtime.fitting.collision import hands_inside
from native_runtime.fitting.follow import Fixed
from native_runtime.fitting.pins import Pin, PinTerm
from native_runtime.fitting.problem import SeenPoints, named_rows
from native_runtime.fitting.refit import refit
from native_runtime.mhr import Body, PointSet
from native_runtime.prompts.prompt import Prompt, kind_of
from native_runtime.prompts.quality import person_size

from .edits import TOGETHER, WITHOUT_EDITS, Edits
from .estimate import Estimate

Array = NDArray[np.float64]

MET = 0.003
"""Part of the person's size: a pin that is missed by more is reported."""

INSIDE = 0.03
"""Metres: a hand that pins leave deeper in the body than this is reported."""

SIDES = {"l": "left", "r": "right"}

CARRIED = 0.5
"""Px by which an edit may move a pinned keypoint before its limb is brought back."""


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


def refit_estimate(body: Body, estimate: Estimate, pins: Sequence[Pin], edits: Edits | None = None) -> Estimate:
    """An estimate after the artist's edits, brought to pins; everything else stays near.

    Args:
        body: the body that the estimate's numbers belong to.
        estimate: an engine's answer; it need not know of the pins.
        pins: where keypoints shall be.
        edits: what the artist did by hand; None for nothing. Only pins that came later may change it.

    Returns:
        The estimate itself where there is nothing to do.

    Raises:
        PromptError: the edits are of another body, or nothing of the person lies before the camera.
    """
    edited = estimate if edits is None else edits.on(estimate)
    return _moved(body, estimate, edited, pins, edits)


def keep_edits(body: Body, estimate: Estimate, pins: Sequence[Pin], edits: Edits | None, snap: bool) -> Estimate:
    """The answer of an engine that has heard of the pins, with the artist's edits but for those older than a pin.

    An edit of the trunk carries limbs along: their pins are then met again as well as the engine had met them.

    Args:
        snap: whether what the engine left between keypoints and pins is to be closed.
    """
    if edits is None:
        return _moved(body, estimate, estimate, pins if snap else (), None)
    edited = edits.on(estimate, without_yielding=True)
    if snap:
        return _moved(body, estimate, edited, pins, edits)
    names = [pin.keypoint for pin in pins]
    heard = dict(zip(names, estimate.keypoints_2d[[body.keypoint_names.index(name) for name in names]]))
    held = [Pin(name, place) for name, place in heard.items() if np.isfinite(place).all()]
    answer = _moved(body, estimate, edited, _carried(body, edited, held), edits)
    missed = {pin.keypoint: float(np.linalg.norm(heard[pin.keypoint] - pin.place)) for pin in pins}
    return replace(answer, details=answer.details | {"pins_missed_px": missed})


def _carried(body: Body, edited: Estimate, pins: Sequence[Pin]) -> list[Pin]:
    """The pins of keypoints that an edit elsewhere has moved."""
    if not pins:
        return []
    state = edited.state
    points = SeenPoints(PointSet.from_rows(body, named_rows(body, [pin.keypoint for pin in pins])))
    term = PinTerm(points, np.array([pin.place for pin in pins]), edited.intrinsics, 1.0, 1.0)
    away = term.distances(body.pose(edited.model_parameters), state)
    return list(pins) if away.max() > CARRIED else []


def _moved(body: Body, estimate: Estimate, edited: Estimate, pins: Sequence[Pin], edits: Edits | None) -> Estimate:
    noted: dict[str, Any] = {} if edits is None else {WITHOUT_EDITS: edits.replaced(estimate)}
    if edits is not None and edits.along:
        noted[TOGETHER] = edits.along
    if not pins and same_numbers(estimate, edited):
        return replace(estimate, details=estimate.details | noted) if noted else estimate
    started = time.perf_counter()
    state = edited.state
    size = person_size(estimate.keypoints_3d, estimate.intrinsics)
    if not np.isfinite(size):
        raise PromptError("The whole person is behind the camera: no place in the photo can move it.")
    moved = refit(body, edited.intrinsics, state, pins, fixed=_fixed(body, edits))
    solved = time.perf_counter()
    missed = {pin.keypoint: float(rest) for pin, rest in zip(pins, moved.rests) if rest > max(MET * size, 1.0)}
    result = estimate.with_state(body, moved.state)
    inside = hands_inside(body, moved.state, INSIDE) if pins else ()
    if inside:
        inside = tuple(side for side in inside if side not in hands_inside(body, state, INSIDE))
    return replace(
        result,
        seconds=estimate.seconds | {"refit": solved - started, "mesh": time.perf_counter() - solved},
        warnings=(
            *estimate.warnings,
            *map(_out_of_reach, missed, missed.values()),
            *(_inside(SIDES[side]) for side in inside),
        ),
        details=estimate.details
        | noted
        | {
            "pins_missed_px": {p.keypoint: float(r) for p, r in zip(pins, moved.rests)},
            "pins_out_of_reach": list(missed),
        },
    )


def _fixed(body: Body, edits: Edits | None) -> Fixed | None:
    if edits is None:
        return None
    return Fixed(edits.firm(len(body.parameter_names)), *edits.moves_root)


def _inside(side: str) -> str:
    return (
        f"The {side} hand now lies inside the body: a place in the photo says nothing about depth. "
        "Turn the arm towards the camera or away from it."
    )


def _out_of_reach(keypoint: str, rest: float) -> str:
    return (
        f"The {keypoint.replace('_', ' ')} cannot reach the place given for it: {rest:.0f} px are left. The bones "
        "are too short for it in the rest of the pose, or another place or an edit by hand opposes it."
    )
