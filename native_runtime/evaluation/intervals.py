"""How certain a figure is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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

    One group alone says nothing of how groups differ: both bounds are NaN then.

    Args:
        groups: values (n,) each.
    """
    if len(groups) < 2:
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


def paired_difference(
    first: Mapping[str, Sequence[Array]], second: Mapping[str, Sequence[Array]], certainty: float = 0.95, seed: int = 0
) -> tuple[float, float, float]:
    """The mean of one measure less that of another, and its interval, by drawing the same groups for both: what makes a
    group hard makes it hard for both, so that differences are more certain than figures.

    Args:
        first, second: by group, values; groups that one of them lacks are left out of both. Of one group the bounds
            are NaN.
    """
    groups = [group for group in first if group in second]
    if not groups:
        return float("nan"), float("nan"), float("nan")
    sums, counts = np.zeros((2, len(groups))), np.zeros((2, len(groups)))
    for row, values in enumerate((first, second)):
        joined = [np.concatenate(values[group]) for group in groups]
        sums[row] = [np.nansum(those) for those in joined]
        counts[row] = [np.count_nonzero(np.isfinite(those)) for those in joined]
    if (counts.sum(axis=1) == 0).any():
        return float("nan"), float("nan"), float("nan")
    means = sums.sum(axis=1) / counts.sum(axis=1)
    if len(groups) < 2:
        return float(means[0] - means[1]), float("nan"), float("nan")
    draws = np.random.default_rng(seed).integers(len(groups), size=(_RESAMPLES, len(groups)))
    drawn = [counts[row][draws].sum(axis=1) for row in range(2)]
    usable = (drawn[0] > 0) & (drawn[1] > 0)
    one, other = (sums[row][draws].sum(axis=1)[usable] / drawn[row][usable] for row in range(2))
    tail = 50 * (1 - certainty)
    low, high = np.percentile(one - other, [tail, 100 - tail])
    return float(means[0] - means[1]), float(low), float(high)
