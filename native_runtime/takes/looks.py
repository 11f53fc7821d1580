"""What somebody wears, as a histogram of colours: tells people apart who pass each other."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_BINS = (8, 3, 4)
"""Of hue, saturation and brightness."""
_SIDE = 24
"""Pixels of the picture of the torso that is counted."""
_TORSO_IN_BOX = (0.3, 0.18, 0.7, 0.5)
"""Where a standing person's torso is in their box, parts of its width and height."""
_LEAST_SIDE = 3.0

BINS = int(np.prod(_BINS))


def torso_look(pixels: NDArray[np.uint8], box: Array, torso: Array | None = None) -> Array:
    """(96,) histogram of the colours of a torso, with the sum 1; zeros where it is outside the picture.

    Args:
        pixels: (H, W, 3) RGB.
        box: (4,) x0 y0 x1 y1 px of the whole person.
        torso: (4, 2) px of shoulders and hips; None: where they usually are in the box.
    """
    x0, y0, x1, y1 = (float(value) for value in box)
    if torso is not None and np.isfinite(torso).all():
        low, high = torso.min(axis=0), torso.max(axis=0)
        # a person seen from the side has a torso of no width between their joints
        least = np.array([0.12, 0.12]) * (y1 - y0)
        middle, half = (low + high) / 2, np.maximum(high - low, least) / 2 * [0.8, 0.9]
        area = np.concatenate([middle - half, middle + half])
    else:
        a, b, c, d = _TORSO_IN_BOX
        area = np.array([x0 + a * (x1 - x0), y0 + b * (y1 - y0), x0 + c * (x1 - x0), y0 + d * (y1 - y0)])
    height, width = pixels.shape[:2]
    area = np.clip(area, 0, [width, height, width, height])
    if min(area[2] - area[0], area[3] - area[1]) < _LEAST_SIDE:
        return np.zeros(BINS)
    left, top, right, bottom = (int(value) for value in np.round(area))
    part = cv2.resize(pixels[top:bottom, left:right], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(part, cv2.COLOR_RGB2HSV)
    counts = cv2.calcHist([hsv], [0, 1, 2], None, list(_BINS), [0, 180, 0, 256, 0, 256]).ravel()
    return np.asarray(counts / counts.sum(), np.float64)


def look_distance(first: Array, second: Array) -> float:
    """0 (the same colours) .. 1 (none in common); a middle value where one is not known (Bhattacharyya distance)."""
    if not first.any() or not second.any():
        return 0.5
    return float(np.sqrt(np.clip(1.0 - np.sqrt(first * second).sum(), 0.0, 1.0)))
