"""What is seen of a hand, let go where its wrist is placed by an artist."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from native_runtime.detection.landmarks import BODY_POINTS, HAND_POINTS
from native_runtime.engines.point_names import body_point, hand_point, in_hand
from native_runtime.fitting.evidence import Evidence
from native_runtime.mhr import Body
from native_runtime.prompts.prompt import keypoint_names


def hand_let_go(body: Body, seen: Evidence, side: str) -> Evidence:
    """Evidence that says nothing of where the fingers of a hand are, but how they point: the hand goes with its wrist,
    and not back to where it was seen. Fingers that are pinned stay so.
    """
    fingers: set[str | None] = {hand_point(body, side, name) for name in HAND_POINTS if name != "wrist"}
    fingers |= {name for name in keypoint_names() if name.startswith(side) and is_finger(name)}
    fingers |= {body_point(body, name) for name in BODY_POINTS if in_hand(name) and name.startswith(side)}
    points, placed = seen.points, seen.positions
    free = np.array([name in fingers for name in points.names], bool) & ~points.trusted
    points = replace(points, weights=np.where(free, 0.0, points.weights))
    if placed is not None:
        weights = np.where([name in fingers for name in placed.names], 0.0, placed.weights)
        placed = replace(placed, weights=weights)
    return replace(seen, points=points, positions=placed)


def is_finger(name: str) -> bool:
    """Whether a keypoint is of a finger."""
    return "thumb" in name or "finger" in name
