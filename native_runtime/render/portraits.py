"""Which part of a photo a small picture of a person shows, and that picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

#: A picture of head and shoulders, in shares of a person's longer side: its own side, and how far below its top the
#: middle of the head is.
_BUST, _HEAD_BELOW_TOP = 0.36, 0.16
#: Less of it within the person's box than this, and it would rather show what is behind them.
_FILLED = 0.5


def shown_square(box: ArrayLike, head: ArrayLike | None) -> tuple[float, float, float, bool]:
    """The square of a photo that a small picture shows: left, top, side px, and whether it is the whole person.

    Head and shoulders, unless too little of that square is within the person's box: somebody who leans, or reaches out
    of the photo, would be a picture of what is behind them.
    """
    x0, y0, x1, y1 = np.asarray(box, dtype=np.float64).tolist()
    longer = max(x1 - x0, y1 - y0, 1.0)
    if head is not None:
        side = _BUST * longer
        x, y = np.asarray(head, dtype=np.float64).tolist()
        left, top = x - side / 2, y - _HEAD_BELOW_TOP * longer
        across = min(left + side, x1) - max(left, x0)
        down = min(top + side, y1) - max(top, y0)
        if min(across, down) > 0 and across * down >= _FILLED * side**2:
            return left, top, side, False
    return (x0 + x1 - longer) / 2, (y0 + y1 - longer) / 2, longer, True


def cut_portrait(pixels: NDArray[np.uint8], box: ArrayLike, head: ArrayLike | None, side: int) -> NDArray[np.float32]:
    """That part as Blender wants it: (side * side * 4,) RGBA 0..1, bottom row first; beside a whole person it is
    transparent.
    """
    left, top, size, whole = shown_square(box, head)
    scale = side / size
    place = np.array([[scale, 0.0, -left * scale], [0.0, scale, -top * scale]])
    rgba = np.ones((side, side, 4), np.float32)
    small = cv2.warpAffine(pixels, place, (side, side), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    rgba[..., :3] = small / 255.0
    if whole:
        x0, y0, x1, y1 = np.asarray(box, dtype=np.float64)
        middles = (np.arange(side) + 0.5) / scale
        rgba[(middles + top < y0) | (middles + top > y1)] = 0.0
        rgba[:, (middles + left < x0) | (middles + left > x1)] = 0.0
    return rgba[::-1].ravel()
