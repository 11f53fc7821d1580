"""What ``compact`` looks at, as arrays: the same for training and for use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection import multipose
from native_runtime.detection.landmarks import (
    BODY_POINTS,
    COCO_IN_BODY,
    Glimpses,
    PersonLandmarks,
    SecondOpinion,
)
from native_runtime.detection.lifting import POINTS
from native_runtime.detection.pose import MIRRORED

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

POINT_CHANNELS = 17
"""Of each point: 0, 1 place in the window from its middle, in sides; 2 depth in sides; 3 to 5 place in space, m, from
the middle of the hips; 6, 7 visibility and presence; 8, 9 place in the picture from the middle of the hips, in the
person's scale (about metres); 10, 11 the second network's place from the first one's, in sides, 12 its score, 13
whether there is one; 14, 15 an artist's place from the network's, in sides, 16 whether there is one."""
VIEW_CHANNELS = 5
"""0 logarithm of how near the person is (``lifting.Sight.nearness``) beyond the usual, 1 whether that is known; 2, 3
the photo's downward direction in the window, 4 whether it counts."""

_USUAL_NEARNESS = -1.3
_COCO = list(COCO_IN_BODY)
_HIPS = [BODY_POINTS.index(f"{side}_hip") for side in ("left", "right")]
_COLUMNS = [BODY_POINTS.index(name) for name in POINTS]
_FLIP = np.array([-1.0, 1.0])


class Inputs(NamedTuple):
    """Of B looks at people.

    Attributes:
        points: (B, 33, ``POINT_CHANNELS``).
        view: (B, ``VIEW_CHANNELS``).
        coarse: (B, 64, 288) features of the window's cells.
        fine: (B, 33, 192) features at the points.
    """

    points: Floats
    view: Floats
    coarse: Floats
    fine: Floats


def inputs_of(
    person: PersonLandmarks, focal_px: float | None = None, placed: Mapping[int, Sequence[float]] | None = None
) -> Inputs | None:
    """What is known of a person, a row for each look; None where the landmark network gave no features.

    Args:
        focal_px: of the picture that the landmarks' pixels are of; None where it is not known.
        placed: by BlazePose's number of a point, (x, y) px in that picture: where an artist says that it is.
    """
    seen = person.glimpses
    return None if seen is None else inputs_of_glimpses(seen, person.second, focal_px, placed or {})


def inputs_of_glimpses(
    seen: Glimpses, second: SecondOpinion | None, focal_px: float | None, placed: Mapping[int, Sequence[float]]
) -> Inputs:
    """As ``inputs_of``."""
    rows = [_row(seen, look, second, focal_px, placed) for look in range(len(seen.mirrored))]
    points, view = (np.array(column, np.float32) for column in zip(*rows, strict=True))
    return Inputs(points, view, np.asarray(seen.coarse, np.float32), np.asarray(seen.fine, np.float32))


def _row(
    seen: Glimpses,
    look: int,
    second: SecondOpinion | None,
    focal_px: float | None,
    placed: Mapping[int, Sequence[float]],
) -> tuple[Array, Array]:
    mirrored, window, own = bool(seen.mirrored[look]), seen.window, np.asarray(seen.points[look], np.float64)
    world = seen.world[look] - seen.world[look][_HIPS].mean(axis=0)
    flat = (own - own[_HIPS].mean(axis=0)) * window.size
    across = float((world[_COLUMNS, :2] ** 2).sum())
    spread = max(math.sqrt(float((flat[_COLUMNS] ** 2).sum()) / max(across, 1e-9)), 1e-9)
    points = np.zeros((len(BODY_POINTS), POINT_CHANNELS))
    points[:, :2], points[:, 2], points[:, 3:6] = own - 0.5, seen.depths[look], world
    points[:, 6:8], points[:, 8:10] = seen.seen[look], flat / spread
    if second is not None and np.any(second.scores > 0):
        its, scores = window.to_fractions(second.points), second.scores
        if mirrored:
            its, scores = (np.array([1.0, 0.0]) + its * _FLIP)[multipose.MIRRORED], scores[multipose.MIRRORED]
        points[_COCO, 10:12], points[_COCO, 12], points[_COCO, 13] = its - own[_COCO], scores, 1.0
    for number, place in placed.items():
        x, y = window.to_fractions(np.asarray(place, np.float64))
        number, x = (MIRRORED[number], 1.0 - x) if mirrored else (number, x)
        points[number, 14:] = x - own[number, 0], y - own[number, 1], 1.0
    down = window.axes.T @ [0.0, 1.0] * (_FLIP if mirrored else 1.0)
    nearness = (0.0, 0.0) if focal_px is None else (math.log(spread / focal_px) - _USUAL_NEARNESS, 1.0)
    return points, np.array([*nearness, *down, 1.0])
