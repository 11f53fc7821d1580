"""Strengths by Bradley and Terry."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from native_runtime.evaluation.preference.strengths import bradley_terry, connected


def test_two_engines_by_hand() -> None:
    """The odds are those of the votes, with half a vote more for either."""
    wins = np.array([[0.0, 29.5], [9.5, 0.0]])
    strengths = bradley_terry(wins)
    assert strengths.sum() == pytest.approx(0, abs=1e-9)
    assert strengths[0] - strengths[1] == pytest.approx(np.log(30 / 10), abs=1e-6)


def test_known_strengths_are_found_of_many_votes(rng: np.random.Generator) -> None:
    true = np.array([0.8, 0.1, -0.2, -0.7])
    wins = np.zeros((4, 4))
    for i, j in combinations(range(4), 2):
        wins[i, j] = rng.binomial(6000, 1 / (1 + np.exp(true[j] - true[i])))
        wins[j, i] = 6000 - wins[i, j]
    assert bradley_terry(wins) == pytest.approx(true, abs=0.05)


def test_it_is_the_most_likely(rng: np.random.Generator) -> None:
    wins = rng.integers(1, 30, size=(3, 3)).astype(float)
    np.fill_diagonal(wins, 0)
    counted = wins + 0.5 * (wins > 0)

    def likelihood(strengths: np.ndarray) -> float:
        return float(-(counted * np.log1p(np.exp(strengths[None] - strengths[:, None]))).sum())

    best = bradley_terry(wins)
    for _ in range(50):
        step = rng.normal(scale=0.05, size=3)
        assert likelihood(best + step) <= likelihood(best) + 1e-9


def test_an_engine_that_won_every_vote_stays_finite() -> None:
    strengths = bradley_terry(np.array([[0.0, 40.0], [0.0, 0.0]]))
    assert np.isfinite(strengths).all()
    assert strengths[0] - strengths[1] == pytest.approx(np.log(81), abs=1e-6)


def test_many_tables_at_once_are_as_one_by_one(rng: np.random.Generator) -> None:
    tables = rng.integers(0, 9, size=(5, 3, 3)).astype(float)
    tables[:, range(3), range(3)] = 0
    assert bradley_terry(tables) == pytest.approx(np.stack([bradley_terry(one) for one in tables]), abs=1e-6)


def test_engines_are_connected_by_way_of_others() -> None:
    wins = np.zeros((4, 4))
    wins[0, 1] = wins[1, 2] = 1
    assert not connected(wins)
    wins[3, 2] = 1
    assert connected(wins)
