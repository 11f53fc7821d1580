"""What a photo shows of a person: how sharp, how whole, and among how many others."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_SIDE = 256
"""Px of the longer side of a person's part of the photo when its sharpness is measured: what networks see of it."""
_LAGS = 1, 4
"""Px there between which grey values are compared."""
_DIRECTIONS = ((1, 0), (0, 1), (0.7071, 0.7071), (0.7071, -0.7071), (0.9239, 0.3827), (0.3827, 0.9239),
               (0.9239, -0.3827), (0.3827, -0.9239))  # fmt: skip
_GRAIN = 0.8
"""Px: standard deviation of the blur that takes away a photo's grain, which would pass for sharpness."""


@dataclass(frozen=True)
class Sharpness:
    """How grey values change along a direction: 1 where edges are sharp, 2 where they are ramps.

    Attributes:
        softest: along the direction in which the picture is most blurred; NaN where there is nothing to see.
        difference: how much sharper it is along the direction in which it is sharpest.
    """

    softest: float
    difference: float


def sharpness(pixels: NDArray[np.uint8], box: Array) -> Sharpness:
    """Measure the part of a photo within a box.

    With edges of a height h and a step of k px, the mean square of differences grows as k where edges are sharp and as
    k^2 where they are ramps longer than k; the exponent between two steps is what is told (a variogram's slope).
    Movement makes ramps along one direction, a lens out of focus along all.

    Args:
        pixels: (H, W, 3) uint8.
        box: (4,) x0 y0 x1 y1 px of ``pixels``.
    """
    height, width = pixels.shape[:2]
    x0, y0 = np.floor(np.clip(box[:2], 0, [width - 2, height - 2])).astype(int)
    x1, y1 = np.ceil(np.clip(box[2:], [x0 + 2, y0 + 2], [width, height])).astype(int)
    grey = cv2.cvtColor(np.ascontiguousarray(pixels[y0:y1, x0:x1]), cv2.COLOR_RGB2GRAY)
    scale = _SIDE / max(grey.shape)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), _GRAIN)
    slopes = []
    for dx, dy in _DIRECTIONS:
        near, far = (_change(smooth, lag * dx, lag * dy) for lag in _LAGS)
        if near > 1e-3 and far > 1e-3:
            slopes.append(float(np.log(far / near) / np.log(_LAGS[1] / _LAGS[0])))
    if not slopes:
        return Sharpness(float("nan"), 0.0)
    return Sharpness(max(slopes), max(slopes) - min(slopes))


def _change(grey: NDArray[np.float32], dx: float, dy: float) -> float:
    """Mean square of the differences from a picture moved by (dx, dy) px."""
    height, width = grey.shape
    moved = cv2.warpAffine(
        grey, np.array([[1, 0, dx], [0, 1, dy]], np.float32), (width, height), borderMode=cv2.BORDER_REPLICATE
    )
    margin = _LAGS[1] + 1
    inner = slice(margin, -margin)
    if height <= 2 * margin or width <= 2 * margin:
        return 0.0
    return float(np.mean((moved[inner, inner] - grey[inner, inner]) ** 2))
