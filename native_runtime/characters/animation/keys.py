"""Fewer keys on a curve that has one on every frame, within a bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Keys:
    """The keys of one curve.

    Attributes:
        places: (K,) their frames, counted from the first one of the curve.
        values: (K,).
        slopes: (K,) a frame, the tangents; the curve is the cubic Hermite through them, which is what Blender's Bezier
            curves are with handles a third of the way to the next key.
    """

    places: NDArray[np.intp]
    values: Array
    slopes: Array

    def __len__(self) -> int:
        """How many."""
        return len(self.places)

    def at(self, places: ArrayLike) -> Array:
        """The curve at some frames, between the first and the last key."""
        asked = np.asarray(places, dtype=np.float64)
        if len(self) == 1:
            return np.full(asked.shape, self.values[0])
        first = np.clip(np.searchsorted(self.places, asked, side="right") - 1, 0, len(self) - 2)
        last = first + 1
        places, values, slopes = self.places, self.values, self.slopes
        ends = (places[first], places[last])
        return _hermite(asked, ends, (values[first], values[last]), (slopes[first], slopes[last]))


def every_frame(values: ArrayLike) -> Keys:
    """A key on each frame of (F,) values."""
    dense = np.asarray(values, dtype=np.float64)
    return Keys(np.arange(len(dense)), dense, _slopes(dense))


def reduced(values: ArrayLike, bound: float) -> Keys:
    """The keys that are left when every frame of (F,) values must be met within ``bound``.

    From both ends on, a stretch that misses the bound is divided where it misses most, as Douglas and Peucker (1973)
    divide lines.
    """
    dense = np.asarray(values, dtype=np.float64)
    slopes = _slopes(dense)
    kept = {0, len(dense) - 1}
    waiting = [(0, len(dense) - 1)]
    while waiting:
        first, last = waiting.pop()
        if last - first < 2:
            continue
        inside = np.arange(first + 1, last)
        curve = _hermite(inside, (first, last), (dense[first], dense[last]), (slopes[first], slopes[last]))
        off = np.abs(curve - dense[inside])
        if off.max() > bound:
            worst = int(inside[off.argmax()])
            kept.add(worst)
            waiting += [(first, worst), (worst, last)]
    places = np.array(sorted(kept))
    return Keys(places, dense[places], slopes[places])


def _slopes(dense: Array) -> Array:
    """(F,) tangents by the frames around; at the ends by the one neighbour."""
    return np.gradient(dense) if len(dense) > 1 else np.zeros(len(dense))


def _hermite(asked: NDArray[Any], places: tuple[Any, Any], values: tuple[Any, Any], slopes: tuple[Any, Any]) -> Array:
    """The cubic between two keys: their places, values and slopes."""
    width = places[1] - places[0]
    s = (asked - places[0]) / width
    start = (2 * s**3 - 3 * s**2 + 1) * values[0] + (s**3 - 2 * s**2 + s) * width * slopes[0]
    return np.asarray(start + (3 * s**2 - 2 * s**3) * values[1] + (s**3 - s**2) * width * slopes[1])
