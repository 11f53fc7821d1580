"""How certain a figure is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_RESAMPLES = 1000


def mean(values: Array) -> float:
    """Of the values that are known; NaN of none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def bootstrap(
    groups: Sequence[Array], figure: Callable[[Array], float] = mean, certainty: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """The interval of a figure of all values, by drawing groups again and again: the percentile bootstrap
    (Efron, 1979).

    Values of one group belong together, as the joints of a person or the people of a picture do: to draw them one by
    one would make a figure look more certain than it is.

    Args:
        groups: values (n,) each.
        figure: of all values.
    """
    if not groups:
        return float("nan"), float("nan")
    random = np.random.default_rng(seed)
    draws = random.integers(len(groups), size=(_RESAMPLES, len(groups)))
    figures = [figure(np.concatenate([groups[index] for index in draw])) for draw in draws.tolist()]
    tail = 50 * (1 - certainty)
    low, high = np.nanpercentile(figures, [tail, 100 - tail]) if np.isfinite(figures).any() else (np.nan, np.nan)
    return float(low), float(high)
