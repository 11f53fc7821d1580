"""The camera by lines that somebody drew along edges of the photo: two pairs, each of two edges that are parallel in
the world, and the pairs at right angles to each other.

Parallel edges meet in a vanishing point; two directions at right angles with vanishing points v and w, from the
principal point, give the focal length, f^2 = -v . w (Caprile and Torre, IJCV 1990, section 2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.camera import fov_from_focal
from native_runtime.errors import UsageError

from .cameras import Cameras, pitch_and_roll

Array = NDArray[np.float64]

_PARALLEL = math.radians(0.15)
"""Lines at less than this angle to each other are parallel in the picture: they meet nowhere that one could tell."""
_SHORTEST = 2.0
"""Px."""
_FIELD_OF_VIEW = (3.0, 150.0)
"""Degrees along the longer side: others are no lenses but slips of the hand."""
_SEEN = 1e-6
"""A horizon that is flatter to the line of sight than this lies nowhere near the picture."""
_YAW = math.radians(35.0)


@dataclass(frozen=True)
class CameraByLines:
    """What drawn lines say.

    Attributes:
        focal_px: None where they leave it open: a pair is parallel in the picture, too.
        up: (3,) unit vector against gravity, camera axes.
    """

    focal_px: float | None
    up: Array


def camera_by_lines(lines: ArrayLike, vertical: bool, intrinsics: ArrayLike, size: tuple[int, int]) -> CameraByLines:
    """The camera of a photo by two pairs of lines.

    Args:
        lines: (2, 2, 2, 2) px: two pairs of two lines with two ends.
        vertical: whether the first pair is vertical in the world; otherwise both pairs are horizontal.
        intrinsics: (3, 3) px: gives the principal point, and the focal length where the lines do not.
        size: (width, height) px of the photo.

    Raises:
        UsageError: no camera sees such lines at right angles.
    """
    matrix = np.asarray(intrinsics, np.float64)
    pairs = np.asarray(lines, np.float64).reshape(2, 2, 2, 2) - matrix[:2, 2]
    points, far = zip(*(_meeting(pair) for pair in pairs))
    focal = None
    if not any(far):
        squared = -float(points[0][:2] @ points[1][:2]) / float(points[0][2] * points[1][2])
        angle = fov_from_focal(math.sqrt(squared), max(size)) if squared > 0.0 else 0.0
        if not _FIELD_OF_VIEW[0] <= angle <= _FIELD_OF_VIEW[1]:
            raise UsageError(
                "No camera sees these two pairs of lines at right angles to each other. Put each pair along edges that "
                "are parallel in reality."
            )
        focal = math.sqrt(squared)
    length = math.sqrt(matrix[0, 0] * matrix[1, 1]) if focal is None else focal
    first, second = (np.array([*(point[:2] / length), point[2]]) for point in points)
    up = first if vertical else np.cross(first / np.linalg.norm(first), second / np.linalg.norm(second))
    if np.linalg.norm(up) < 1e-6:
        raise UsageError("Both pairs of lines have the same direction: put the second one along other edges.")
    up = up / np.linalg.norm(up)
    return CameraByLines(focal, up if up[1] <= 0.0 else -up)


def lines_of_camera(intrinsics: ArrayLike, up: ArrayLike, size: tuple[int, int]) -> Array:
    """(2, 2, 2, 2) px: two vertical lines and two horizontal ones that a camera would see so, to begin with."""
    matrix = np.asarray(intrinsics, np.float64)
    focal = math.sqrt(matrix[0, 0] * matrix[1, 1])
    axes = Cameras(np.array([[math.log(focal), *pitch_and_roll(up), _YAW]])).axes[0]
    width, height = size
    pairs = []
    for axis, places in ((axes[0], ((0.15, 0.5), (0.85, 0.5))), (axes[1], ((0.5, 0.15), (0.5, 0.85)))):
        for x, y in places:
            middle = np.array([x * (width - 1), y * (height - 1)])
            along = focal * axis[:2] - axis[2] * (middle - matrix[:2, 2])
            half = 0.25 * min(width, height) * along / np.linalg.norm(along)
            pairs.append([middle + half, middle - half])
    return np.array(pairs).reshape(2, 2, 2, 2)


def horizon(intrinsics: ArrayLike, up: ArrayLike, width: int) -> Array | None:
    """(2, 2) px: where the horizon meets the left and the right border of a photo; None where it meets neither."""
    line = np.linalg.inv(np.asarray(intrinsics, np.float64)).T @ np.asarray(up, np.float64)
    if abs(line[1]) * width < _SEEN * np.abs(line).max():
        return None
    ends = np.array([-0.5, width - 0.5])
    return np.stack([ends, -(line[0] * ends + line[2]) / line[1]], axis=1)


def _meeting(pair: Array) -> tuple[Array, bool]:
    """(3,) where two lines (2, 2, 2) px meet, homogeneous, and whether that is too far off to be told."""
    ways = pair[:, 1] - pair[:, 0]
    lengths = np.linalg.norm(ways, axis=1)
    if lengths.min() < _SHORTEST:
        raise UsageError("A line is too short: drag its ends apart.")
    first, second = (np.cross([*line[0], 1.0], [*line[1], 1.0]) for line in pair)
    ways = ways / lengths[:, None]
    angle = abs(math.asin(min(1.0, abs(float(ways[0, 0] * ways[1, 1] - ways[0, 1] * ways[1, 0])))))
    if angle < _PARALLEL:
        along = ways[0] + math.copysign(1.0, float(ways[0] @ ways[1])) * ways[1]
        return np.array([*(along / np.linalg.norm(along)), 0.0]), True
    point = np.cross(first, second)
    return point / np.linalg.norm(point), False
