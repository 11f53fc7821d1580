"""Pixels within outlines, and outlines from edges."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Mask = NDArray[np.bool_]

# OpenCV takes whole numbers; this many bits of them are fractions of a pixel
_SUBPIXEL_BITS = 6


def fill_outlines(outlines: Sequence[ArrayLike], size: tuple[int, int]) -> Mask:
    """The pixels (H, W) within any of some closed outlines.

    Args:
        outlines: each (N, 2) px of the original photo; the last point is joined to the first.
        size: width, height px.
    """
    width, height = size
    picture = np.zeros((height, width), np.uint8)
    for outline in outlines:
        points = np.asarray(outline, dtype=np.float64)
        # far outside nothing is drawn, but the numbers would not fit OpenCV's
        points = np.clip(points, -4.0 * max(size), 5.0 * max(size))
        cv2.fillPoly(picture, [np.round(points * 2**_SUBPIXEL_BITS).astype(np.int32)], 1, shift=_SUBPIXEL_BITS)
    return picture.astype(np.bool_)


def chains(edges: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The chains of points that edges make, open or closed, each in the order of its points.

    Where more than two edges meet, a chain goes on along any of them.
    """
    beside: dict[int, list[int]] = {}
    for a, b in edges:
        beside.setdefault(a, []).append(b)
        beside.setdefault(b, []).append(a)
    found: list[list[int]] = []
    seen: set[int] = set()
    # ends first: a chain begun in its middle would fall into two
    for start in sorted(beside, key=lambda point: len(beside[point]) != 1):
        chain: list[int] = []
        point: int | None = start
        while point is not None and point not in seen:
            seen.add(point)
            chain.append(point)
            point = next((other for other in beside[point] if other not in seen), None)
        if chain:
            found.append(chain)
    return found
