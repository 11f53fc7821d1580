"""Boxes around people given by a user, as the command line and the worker accept them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from native_runtime.errors import UsageError

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in px of the original photo."""


def check_boxes(boxes: Any) -> list[Box]:
    """Turn ``[[x0, y0, x1, y1], ...]`` into boxes.

    Raises:
        UsageError: it is no such list, or a box is empty.
    """
    if not isinstance(boxes, (list, tuple)) or not boxes:
        raise UsageError(f"Boxes are a list of [x0, y0, x1, y1], not {boxes!r}.")
    return [check_box(box) for box in boxes]


def read_box(text: str) -> Box:
    """The box written as ``x0,y0,x1,y1``.

    Raises:
        UsageError: it is none.
    """
    try:
        return check_box([float(part) for part in text.split(",")])
    except ValueError:
        raise UsageError(f"A box is written x0,y0,x1,y1 in pixels of the photo, not {text!r}.") from None


def check_inside(boxes: Sequence[Box], size: tuple[int, int]) -> None:
    """Refuse boxes that lie completely outside a photo of `size` (width, height) px.

    Raises:
        UsageError: names the first such box.
    """
    for box in boxes:
        if box[2] <= 0 or box[3] <= 0 or box[0] >= size[0] or box[1] >= size[1]:
            raise UsageError(f"The box {list(box)} lies outside the photo, which has {size[0]} x {size[1]} pixels.")


def overlap(first: Sequence[float], second: Sequence[float]) -> float:
    """Intersection over union of two boxes x0, y0, x1, y1, 0..1."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0.0) * max(height, 0.0)
    both = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)) - shared
    return shared / both if both > 0 else 0.0


def check_box(box: Any) -> Box:
    """Turn ``[x0, y0, x1, y1]`` into a box.

    Raises:
        UsageError: it is none, or empty.
    """
    numbers = (
        [value for value in box if isinstance(value, (int, float)) and not isinstance(value, bool)]
        if (isinstance(box, (list, tuple)))
        else []
    )
    if len(numbers) != 4 or len(box) != 4 or not all(map(math.isfinite, numbers)):
        raise UsageError(f"A box is four numbers x0, y0, x1, y1 in pixels of the photo, not {box!r}.")
    x0, y0, x1, y1 = map(float, numbers)
    if x1 <= x0 or y1 <= y0:
        raise UsageError(f"In a box x0, y0, x1, y1 the second corner lies right of and below the first; not {box!r}.")
    return x0, y0, x1, y1
