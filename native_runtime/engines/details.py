"""Reading an estimate's details: their files come from anywhere, so nothing in them is trusted.

What is missing, of another type or impossible counts as not told; it is never brought into range, as a colour that is
no colour says nothing of the person.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Colour = tuple[float, float, float]

DOUBTED = "doubted_prompts"
"""Among an estimate's details: prompts that are no pins, as they may be off: their ``error`` and ``keypoints``."""

WHOLE_BODY = "whole_body_from_pins"
"""Among an estimate's details, where the whole body has moved for its pins before it met them: the ``error`` that they
were taken to have before, as part of the person's height.
"""

PHOTO_TURNED = "photo_turned"
"""Among an estimate's details: the degrees clockwise by which the photo was turned after reading; 0 where missing."""

#: Of numbers: larger ones do not fit into arrays.
_LARGEST = 1e300


def part_of(details: Any, name: str) -> Mapping[str, Any]:
    """What details tell under a name; empty where that is missing, or no JSON object."""
    found = details.get(name) if isinstance(details, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def number_of(content: Any, least: float = -math.inf, most: float = math.inf) -> float | None:
    """A finite number within bounds; None for all else."""
    if isinstance(content, bool) or not isinstance(content, int | float):
        return None
    return float(content) if least <= content <= most and abs(content) <= _LARGEST else None


def colour_of(content: Any, most: float) -> Colour | None:
    """Three channels of 0 to ``most``; None for all else."""
    if not isinstance(content, Sequence) or isinstance(content, str) or len(content) != 3:
        return None
    red, green, blue = (number_of(channel, 0.0, most) for channel in content)
    return None if red is None or green is None or blue is None else (red, green, blue)


def points_of(content: Any, count: int) -> list[tuple[float, float]] | None:
    """So many points [x, y]; None for all else."""
    if not isinstance(content, Sequence) or isinstance(content, str) or len(content) != count:
        return None
    points = []
    for point in content:
        if not isinstance(point, Sequence) or isinstance(point, str) or len(point) != 2:
            return None
        x, y = (number_of(value) for value in point)
        if x is None or y is None:
            return None
        points.append((x, y))
    return points


def turn_of(details: Any) -> int:
    """Degrees clockwise by which a photo was turned, by its estimate's details: 0, 90, 180 or 270."""
    turn = details.get(PHOTO_TURNED) if isinstance(details, Mapping) else None
    return next((known for known in (90, 180, 270) if turn == known), 0)
