"""Faces in pictures, made so coarse that nobody is recognised."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: A face becomes so many coloured spots along each side.
_SPOTS = 5
#: Radius of what is blurred, to the largest distance between points of a face, and to a person's longer side.
_AROUND, _OF_PERSON = 1.1, 0.06
_SMALLEST = 4.0


def blurred(pixels: NDArray[np.uint8], faces: Iterable[tuple[Array, float]]) -> NDArray[np.uint8]:
    """A picture in which faces are coarse; the given one stays as it is.

    Args:
        pixels: (H, W, 3).
        faces: of each face, points (n, 2) px on it, and the longer side of the person's box, px: a face that is seen
            from the side, or from behind, has its points close together.
    """
    out = pixels.copy()
    height, width = pixels.shape[:2]
    for points, side in faces:
        points = points[np.isfinite(points).all(axis=1)]
        if not len(points):
            continue
        middle = points.mean(axis=0)
        spread = float(np.linalg.norm(points[:, None] - points[None], axis=2).max())
        radius = max(_AROUND * spread, _OF_PERSON * side, _SMALLEST)
        low = np.floor(np.clip(middle - radius, 0, [width, height])).astype(int)
        high = np.ceil(np.clip(middle + radius + 1, 0, [width, height])).astype(int)
        if (high - low < 1).any():
            continue
        part = out[low[1] : high[1], low[0] : high[0]]
        coarse = cv2.resize(part, (_SPOTS, _SPOTS), interpolation=cv2.INTER_AREA)
        coarse = cv2.resize(coarse, part.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        y, x = np.mgrid[low[1] : high[1], low[0] : high[0]]
        inside = np.hypot(x - middle[0], y - middle[1]) <= radius
        part[inside] = coarse[inside]
    return out
