"""Where the pole of a limb stands, so that it bends as it does, on frame after frame without a flip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_STRAIGHT = 0.04
"""Of a limb's length: a bend by less says little about its plane, and the upper bone's own turn says it instead."""
_ALONG = 1e-9


def bend_direction(start: Array, middle: Array, end: Array, hint: Array) -> Array:
    """(3,) of length 1, across the line from start to end: where a limb bends to.

    Bent limbs tell it by themselves. Towards a straight limb it becomes that of the hint, and it never goes against it
    there, so that it does not leap as a limb stretches or bends a little the wrong way.

    Args:
        start, middle, end: (3,) where the limb begins, bends and ends.
        hint: (3,) where the upper bone would bend to by its own turn.
    """
    line = end - start
    length = float(np.linalg.norm(middle - start) + np.linalg.norm(end - middle))
    bend, turned = across(middle - start, line), across(hint, line)
    size = float(np.linalg.norm(turned))
    turned = turned / size if size > _ALONG else turned
    least = max(_STRAIGHT * length, _ALONG)
    share = min(float(np.linalg.norm(bend)) / least, 1.0)
    if bend @ turned < 0.0 and share < 1.0:
        return turned
    mixed = bend / least * share + turned * (1.0 - share)
    return np.asarray(mixed / max(float(np.linalg.norm(mixed)), _ALONG))


def turn_about(line: Array, one: Array, other: Array) -> float:
    """Radians by which one direction is turned about a line to become another, as far as both are across it."""
    first, second = across(one, line), across(other, line)
    axis = line / max(float(np.linalg.norm(line)), _ALONG)
    return float(np.arctan2(np.cross(first, second) @ axis, first @ second))


def across(way: Array, line: Array) -> Array:
    """The part of a way (3,) across a line (3,)."""
    return np.asarray(way - line * float(way @ line) / max(float(line @ line), _ALONG))
