"""The linear algebra and derivatives of the temporal fit, against dense and numerical ones."""

from __future__ import annotations

import numpy as np
import pytest

from native_runtime.mhr.rotations import rotation_vector_to_matrix
from native_runtime.takes.temporal.banded import Banded
from native_runtime.takes.temporal.fit import windows
from native_runtime.takes.temporal.starts import viterbi, weighted_median
from native_runtime.takes.temporal.whole import rotation_vectors


def _random(frames: int, own: int, shared: int, seed: int = 0) -> tuple[Banded, np.ndarray]:
    """A positive definite matrix of that form, and the same dense."""
    rng, size = np.random.default_rng(seed), frames * own + shared
    dense = 0.1 * np.eye(size)
    for k in range(frames):
        # residuals that see three neighbouring frames and what all share
        seen = [*range(k * own, min((k + 3) * own, frames * own)), *range(frames * own, size)]
        rows = np.zeros((3 * own, size))
        rows[:, seen] = rng.normal(size=(3 * own, len(seen)))
        dense += rows.T @ rows
    out = Banded.zeros(frames, own, shared)

    def block(row: int, column: int) -> np.ndarray:
        return dense[row * own : (row + 1) * own, column * own : (column + 1) * own]

    for k in range(frames):
        out.diagonal[k] = block(k, k)
        out.border[k] = dense[frames * own :, k * own : (k + 1) * own]
        if k + 1 < frames:
            out.first[k] = block(k + 1, k)
        if k + 2 < frames:
            out.second[k] = block(k + 2, k)
    out.corner[:] = dense[frames * own :, frames * own :]
    return out, dense


@pytest.mark.parametrize(("frames", "own", "shared"), [(1, 4, 2), (2, 3, 0), (7, 5, 3)])
def test_the_banded_matrix_solves_and_multiplies_as_the_dense_one(frames: int, own: int, shared: int) -> None:
    matrix, dense = _random(frames, own, shared)
    vector = np.random.default_rng(1).normal(size=len(dense))
    parts = vector[: frames * own].reshape(frames, own), vector[frames * own :]
    np.testing.assert_allclose(np.concatenate([part.ravel() for part in matrix.times(*parts)]), dense @ vector)
    solved = np.concatenate([part.ravel() for part in matrix.solve(*parts)])
    np.testing.assert_allclose(dense @ solved, vector, atol=1e-9)


def test_unknowns_that_stand_alone_keep_what_they_are_given() -> None:
    matrix, dense = _random(5, 3, 2)
    own, shared = np.zeros((5, 3), bool), np.array([False, True])
    own[1, 2] = own[4] = True
    fixed = np.concatenate([own.ravel(), shared])
    vector = np.random.default_rng(2).normal(size=17)
    solved = np.concatenate(
        [part.ravel() for part in matrix.without(own, shared).solve(vector[:15].reshape(5, 3), vector[15:])]
    )
    np.testing.assert_allclose(solved[fixed], vector[fixed])
    np.testing.assert_allclose((dense[np.ix_(~fixed, ~fixed)] @ solved[~fixed]), vector[~fixed], atol=1e-9)


def test_rotation_vectors_undo_their_matrices() -> None:
    vectors = np.array([[0.0, 0, 0], [1e-12, 0, 0], [0.3, -0.2, 1.0], [0, 3.0, 0]])
    np.testing.assert_allclose(
        rotation_vectors(np.stack([rotation_vector_to_matrix(vector) for vector in vectors])), vectors, atol=1e-12
    )


def test_windows_cover_every_frame_once_with_what_moves() -> None:
    for count in (1, 299, 300, 301, 570, 1234):
        moved = np.concatenate([np.arange(held, last) for _, last, held in windows(count, 300, 30)])
        assert sorted(set(moved)) == list(range(count))
        assert all(last - first <= 300 for first, last, _ in windows(count, 300, 30))


def test_the_weighted_median_is_the_middle() -> None:
    values = np.array([[1.0], [2.0], [10.0]])
    assert weighted_median(values, np.ones(3)) == 2.0
    assert weighted_median(values, np.array([1.0, 1.0, 3.0])) == 10.0
    assert weighted_median(values[:2], np.ones(2)) == 1.5
    assert weighted_median(values[:1], np.ones(1)) == 1.0


def test_viterbi_finds_what_trying_everything_finds() -> None:
    rng = np.random.default_rng(3)
    own, leaps = rng.random((6, 3)), rng.random((5, 3, 3))
    paths = np.stack(np.meshgrid(*[range(3)] * 6, indexing="ij"), axis=-1).reshape(-1, 6)
    costs = own[np.arange(6), paths].sum(axis=1) + leaps[np.arange(5), paths[:, :-1], paths[:, 1:]].sum(axis=1)
    assert viterbi(own, leaps) == paths[np.argmin(costs)].tolist()
