"""Frames in which a network took left for right or jumped to something else, found before the fit.

Exchanged sides: each frame has hypotheses (as seen; all of the person exchanged; legs; arms), and the cheapest path
through them is the one with the least leaping (``starts.viterbi``). An exchange costs a little by itself, so that
crossing legs are left as they are seen. Jumps: frames in which the person as a whole is far from where the frames
around have them; they are treated as if they showed nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.landmarks import BODY_POINTS
from native_runtime.fitting.evidence import Evidence
from native_runtime.takes.observations import FrameObservation

from .frames import tells
from .starts import viterbi

Array = NDArray[np.float64]

EXCHANGES = ("", "sides exchanged", "legs exchanged", "arms exchanged")
JUMP = "jump"

_EXCHANGE = 12.0
"""What an exchange costs in each frame."""
_STEP = 0.05
"""Part of the person's size by which a point ordinarily moves from frame to frame, at 25 frames a second."""
_STEP_3D = 0.25
"""m, the same in space, where depth is doubtful."""
_RATE = 25.0
_FAR = 0.45
"""Part of the person's size: a person does not jump so far and back."""
_AROUND = 3
"""Frames on both sides that say where the person is."""

_LEGS = ("knee", "ankle", "heel", "foot_index", "toe")
_ARMS = ("elbow", "wrist", "hand_", "pinky", "index", "thumb", "finger", "olecranon", "cubital")


def repaired(observations: Sequence[FrameObservation], fps: float) -> tuple[list[FrameObservation], dict[int, str]]:
    """The observations put right, and what was found, by frame.

    Args:
        observations: of consecutive frames.
        fps: frames per second.
    """
    out, found = list(observations), {}
    for index, kind in _exchanged(out, fps).items():
        out[index] = put_right(out[index], kind)
        found[out[index].frame] = kind
    for index in _jumps(out):
        out[index] = put_right(out[index], JUMP)
        found[out[index].frame] = JUMP
    return out, found


def put_right(observation: FrameObservation, kind: str) -> FrameObservation:
    """An observation in which something was found wrong (``EXCHANGES``, ``JUMP``), without it."""
    evidence = observation.evidence
    kept = exchanged(evidence, kind) if evidence is not None and kind in EXCHANGES else None
    # a body made from what was seen has its sides exchanged, too
    return replace(observation, evidence=kept, start=None, spreads=None)


def mirrored(name: str) -> str:
    """The name of the same point of the other side; itself in the middle."""
    if name.startswith("blazepose_"):
        number = int(name.removeprefix("blazepose_"))
        other = BODY_POINTS.index(_other(BODY_POINTS[number]))
        return f"blazepose_{other:02d}"
    return _other(name)


def _other(name: str) -> str:
    for side, other in (("left", "right"), ("right", "left")):
        if name.startswith(f"{side}_"):
            return other + name[len(side) :]
        if name.endswith(f"_{side}"):
            return name[: -len(side)] + other
    return name


def _limb(name: str) -> str:
    if name.startswith("blazepose_"):
        name = BODY_POINTS[int(name.removeprefix("blazepose_"))]
    if any(part in name for part in _LEGS):
        return EXCHANGES[2]
    return EXCHANGES[3] if any(part in name for part in _ARMS) else ""


def exchanged(evidence: Evidence, kind: str) -> Evidence:
    """The evidence with left for right: all of it, or that of legs or arms (``EXCHANGES``)."""

    def named(name: str) -> str:
        return mirrored(name) if kind == EXCHANGES[1] or _limb(name) == kind else name

    def all_named(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(named(name) for name in names)

    def beside(joint: str) -> str:
        leg = "leg" in joint or "foot" in joint
        if kind == EXCHANGES[1] or leg == (kind == EXCHANGES[2]):
            return {"l_": "r_", "r_": "l_"}.get(joint[:2], joint[:2]) + joint[2:]
        return joint

    turns, placed = evidence.directions, evidence.positions
    return replace(
        evidence,
        points=replace(evidence.points, names=all_named(evidence.points.names)),
        directions=replace(turns, starts=all_named(turns.starts), ends=all_named(turns.ends)),
        positions=None if placed is None else replace(placed, names=all_named(placed.names)),
        unseen=tuple(beside(joint) for joint in evidence.unseen),
    )


def _exchanged(observations: Sequence[FrameObservation], fps: float) -> dict[int, str]:
    """What must be exchanged, by place among the observations."""
    seen = [index for index, one in enumerate(observations) if tells(one)]
    if len(seen) < 3:
        return {}
    names = sorted({name for index in seen for name in _sided(observations[index])})
    flat, deep, weights = _tracks([observations[index] for index in seen], names)
    order = np.zeros((len(EXCHANGES), len(names)), np.int64)
    for row, kind in enumerate(EXCHANGES):
        for column, name in enumerate(names):
            moved = kind and (kind == EXCHANGES[1] or _limb(name) == kind) and mirrored(name) in names
            order[row, column] = names.index(mirrored(name)) if moved else column
    leaps = np.zeros((len(seen) - 1, len(EXCHANGES), len(EXCHANGES)))
    for k in range(len(seen) - 1):
        wait = np.sqrt((seen[k + 1] - seen[k]) * _RATE / fps)
        for i, before in enumerate(order):
            for j, after in enumerate(order):
                far = np.nansum(np.stack([
                    (np.linalg.norm(flat[k + 1][after] - flat[k][before], axis=1) / (_STEP * wait)) ** 2,
                    (np.linalg.norm(deep[k + 1][after] - deep[k][before], axis=1) / (_STEP_3D * wait)) ** 2,
                ]), axis=0)  # fmt: skip
                share = np.minimum(weights[k + 1][after], weights[k][before])
                leaps[k, i, j] = np.sum(share * (np.sqrt(1.0 + far) - 1.0))
    own = np.tile(np.where(np.arange(len(EXCHANGES)) > 0, _EXCHANGE, 0.0), (len(seen), 1))
    path = viterbi(own, leaps)
    return {index: EXCHANGES[which] for index, which in zip(seen, path, strict=True) if which}


def _sided(observation: FrameObservation) -> list[str]:
    evidence = observation.evidence
    if evidence is None:
        return []
    placed = evidence.positions.names if evidence.positions is not None else ()
    return [name for name in (*evidence.points.names, *placed) if mirrored(name) != name]


def _tracks(observations: Sequence[FrameObservation], names: Sequence[str]) -> tuple[Array, Array, Array]:
    """Of names: places in the picture (F, n, 2), in the person's size, and in space (F, n, 3), m; NaN where unknown;
    and confidences (F, n)."""
    place = {name: k for k, name in enumerate(names)}
    flat, deep = (
        np.full((len(observations), len(names), 2), np.nan),
        np.full((len(observations), len(names), 3), np.nan),
    )
    weights, heard = np.zeros((len(observations), len(names))), np.zeros((len(observations), len(names)))
    size = float(np.median([one.evidence.person_size for one in observations if one.evidence is not None]))
    for k, one in enumerate(observations):
        if one.evidence is None:
            continue
        points, placed = one.evidence.points, one.evidence.positions
        for name, where, weight in zip(points.names, points.positions, points.weights, strict=True):
            column = place.get(name)
            # of rivals for one point the surest
            if column is not None and weight > heard[k, column]:
                flat[k, column], heard[k, column] = where / size, weight
        if placed is not None:
            for name, where, weight in zip(placed.names, placed.positions, placed.weights, strict=True):
                if name in place:
                    deep[k, place[name]] = where
                    weights[k, place[name]] = min(0.3 * weight, 1.0)
    return flat, deep, np.maximum(np.minimum(heard, 1.0), weights)


def _jumps(observations: Sequence[FrameObservation]) -> list[int]:
    """Places of the frames that are far off those around."""
    seen = [index for index, one in enumerate(observations) if tells(one)]
    if len(seen) < 2 * _AROUND:
        return []
    names = sorted({name for index in seen for name in observations[index].evidence.points.names})  # type: ignore[union-attr]
    flat, _, _ = _tracks([observations[index] for index in seen], names)
    off = np.zeros(len(seen))
    for k in range(len(seen)):
        around = [j for j in range(max(k - _AROUND, 0), min(k + _AROUND + 1, len(seen))) if j != k]
        known = np.isfinite(flat[around, :, 0]).sum(axis=0) * np.isfinite(flat[k, :, 0]) > len(around) / 2
        if known.any():
            middle = np.nanmedian(flat[around][:, known], axis=0)
            off[k] = np.median(np.linalg.norm(flat[k][known] - middle, axis=1))
    far = (off > _FAR) & (off > 4.0 * np.median(off))
    return [index for index, jumped in zip(seen, far, strict=True) if jumped]
