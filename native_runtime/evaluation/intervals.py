"""How certain a figure is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_RESAMPLES = 1000


def mean(values: Array) -> float:
    """Of the values that are known; NaN of none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def bootstrap(groups: Sequence[Array], certainty: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """The interval of the mean of all values that are known, by drawing groups again and again: the percentile
    bootstrap (Efron, 1979).

    Values of one group belong together, as the joints of a person, the people of a picture or the pictures of a
    sequence do: to draw them one by one would make a figure look more certain than it is.

    Args:
        groups: values (n,) each.
    """
    if not groups:
        return float("nan"), float("nan")
    sums = np.array([np.nansum(group) for group in groups])
    counts = np.array([np.count_nonzero(np.isfinite(group)) for group in groups], np.float64)
    draws = np.random.default_rng(seed).integers(len(groups), size=(_RESAMPLES, len(groups)))
    drawn = counts[draws].sum(axis=1)
    figures = sums[draws].sum(axis=1)[drawn > 0] / drawn[drawn > 0]
    if not len(figures):
        return float("nan"), float("nan")
    tail = 50 * (1 - certainty)
    low, high = np.percentile(figures, [tail, 100 - tail])
    return float(low), float(high)
