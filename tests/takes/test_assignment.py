"""The cheapest matching, against every possible one."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from native_runtime.takes.assignment import assign


def _total(costs: np.ndarray, pairs: list[tuple[int, int]], most: float) -> float:
    return sum(costs[pair] for pair in pairs) + most * (len(costs) - len(pairs))


def _least(costs: np.ndarray, most: float) -> float:
    rows, columns = costs.shape
    wide = np.concatenate([costs, np.full((rows, rows), most)], axis=1)
    return min(
        sum(wide[k, column] for k, column in enumerate(order)) for order in permutations(range(columns + rows), rows)
    )


@pytest.mark.parametrize("seed", range(30))
def test_no_matching_is_cheaper(seed: int) -> None:
    rng = np.random.default_rng(seed)
    costs = rng.uniform(0, 1, tuple(rng.integers(1, 5, 2)))
    costs[rng.uniform(size=costs.shape) < 0.2] = np.inf
    pairs = assign(costs, 0.7)
    assert _total(costs, pairs, 0.7) == pytest.approx(_least(costs, 0.7))
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert all(costs[pair] <= 0.7 for pair in pairs)


def test_greed_would_cost_more() -> None:
    """The cheapest pair of all is not part of the cheapest matching."""
    assert assign(np.array([[0.1, 0.2], [0.2, 0.9]]), 1.0) == [(0, 1), (1, 0)]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nobody_is_matched_with_nobody(shape: tuple[int, int]) -> None:
    assert assign(np.zeros(shape), 1.0) == []


def test_who_fits_nobody_stays_alone() -> None:
    assert assign(np.full((2, 2), np.inf), 1.0) == []
    assert assign(np.array([[np.nan, 0.5], [3.0, 2.0]]), 1.0) == [(0, 1)]
