"""The quick re-solve: an existing body follows pins, and nothing else changes.

The limbs of pins bend first, each by itself (``follow``): an arm has its shoulder, a leg its hip, the head its neck. If
that meets all pins, nothing else has moved at all. What remains is shared by the whole body, whose joints are held in
space (``hold``).

The surface keeps its shape and bones their lengths. The outcome depends on the set of pins, not on their order or on
what was pinned before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState

from .follow import Fixed, Stiffness, body_follower, limb_follower, limb_of
from .hold import NECK
from .pins import Pin

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Refit:
    """What came of the pins.

    Attributes:
        state: the body.
        rests: (n,) px by which each pin is missed.
        iterations: solver steps.
    """

    state: PlacedState
    rests: Array
    iterations: int


def refit(
    body: Body,
    intrinsics: NDArray,
    state: PlacedState,
    pins: Sequence[Pin],
    stiffness: Stiffness | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    fixed: Fixed | None = None,
) -> Refit:
    """Bring a body to its pins.

    Args:
        body: the body model.
        intrinsics: (3, 3) px.
        state: the body as it stands. Parameters beyond MHR's limits may stay there.
        pins: what is to be met, each keypoint once.
        stiffness: how stiff everything is.
        cancelled: asked between steps; when true the best state so far is returned.
        fixed: what stays as it is, even where a pin is missed for it; None for nothing.
    """
    if not pins:
        return Refit(state, np.zeros(0), 0)
    # Sums in another order round differently: pins are always taken in the body's own.
    order = sorted(range(len(pins)), key=lambda k: body.keypoint_names.index(pins[k].keypoint))
    limbs: dict[int, list[int]] = defaultdict(list)
    for k in order:
        limbs[limb_of(body, pins[k].keypoint)].append(k)

    moved, rests, steps, met = state, np.zeros(len(pins)), 0, True
    left: dict[int, float] = {}
    for limb, group in limbs.items():
        follower = limb_follower(body, intrinsics, state, [pins[k].keypoint for k in group], stiffness, fixed)
        if follower is None:
            met = False
            continue
        followed = follower.to(np.array([pins[k].place for k in group]), moved, cancelled=cancelled)
        moved, rests[group] = followed.state, followed.rests
        steps, met = steps + followed.iterations, met and followed.met
        left[limb] = float(followed.rests.max())
    if not met:
        whole = body_follower(body, intrinsics, moved, [pins[k].keypoint for k in order], stiffness, fixed)
        places = np.array([pins[k].place for k in order])
        followed = whole.to(places, moved, cancelled=cancelled, slack=_slack(body, left))
        moved, rests[order], steps = followed.state, followed.rests, steps + followed.iterations
    return Refit(moved, rests, steps)


def _slack(body: Body, left: Mapping[int, float]) -> float:
    """Px by which the trunk may be off, from what limbs (by the joint that they begin at) could not reach.

    One arm or leg that is too short for its pin is just that. Where two are, what they hang on must be elsewhere, by
    what the second one shows; the head has no length to spare and speaks for itself.
    """
    head = left.get(body.joint_index(NECK), 0.0)
    return max([head, *sorted(left.values())[-2:-1]])
