"""Shapes kept without their zeros: the same sums, few numbers stored, and damaged files noticed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.errors import ModelError
from native_runtime.mhr import Body
from native_runtime.mhr.correctives import PoseCorrectives
from native_runtime.mhr.local_basis import LocalBasis
from tests.support.bodies import toy_body


def shapes(rng: np.random.Generator, counts: tuple[int, ...], vertices: int = 4000) -> list[np.ndarray]:
    """Parts of k shapes each, every part moving its own twentieth of the vertices."""
    parts = []
    for count in counts:
        part = np.zeros((count, vertices, 3), np.float32)
        part[:, rng.permutation(vertices)[: vertices // 20]] = rng.normal(size=(count, vertices // 20, 3))
        parts.append(part)
    return parts


def test_sums_equal_the_dense_ones(rng: np.random.Generator) -> None:
    parts = [*shapes(rng, (5, 1, 24)), rng.normal(size=(3, 4000, 3)).astype(np.float32), np.zeros((2, 4000, 3))]
    basis, dense = LocalBasis.from_parts(parts, 4000), np.concatenate(parts)
    np.testing.assert_array_equal(basis.dense(), dense)
    for coefficients in (rng.normal(size=35), np.eye(35)[7], rng.normal(size=(4, 35)), np.zeros(35)):
        coefficients = coefficients.astype(np.float32)
        found = np.ones((*coefficients.shape[:-1], 4000, 3), np.float32)
        basis.add_to(found, coefficients)
        np.testing.assert_allclose(found, 1 + np.tensordot(coefficients, dense, axes=1), atol=1e-4)


def test_zeros_are_not_stored(rng: np.random.Generator) -> None:
    parts = shapes(rng, (24, 24, 24))
    stored = sum(block.offsets.size for block in LocalBasis.from_parts(parts, 4000).blocks)
    assert stored == 72 * 200 * 3
    # a part of shapes that move different places is cut where that pays
    apart = np.concatenate([part[:8] for part in shapes(rng, (8, 8, 8), 40_000)])
    stored = sum(block.offsets.size for block in LocalBasis.from_parts([apart], 40_000).blocks)
    assert stored < 24 * 4000 * 3


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("corrective_vertices", lambda a: a[:-1]),
        ("corrective_vertices", lambda a: a[::-1].copy()),
        ("corrective_vertices", lambda a: a + 5000),
        ("corrective_offsets", lambda a: a[:-3]),
        ("corrective_block_components", lambda a: a + 1),
        ("corrective_block_vertices", lambda a: -a),
        ("corrective_activation", lambda a: a[:, :-6]),
        ("corrective_block_vertices", None),
    ],
)
def test_body_files_with_damaged_correctives_are_refused(tmp_path: Path, key: str, value: object) -> None:
    rng, toy = np.random.default_rng(1), toy_body()
    basis = np.concatenate(shapes(rng, (24, 6), toy.vertex_count))
    body = replace(toy, correctives=PoseCorrectives.from_dense(rng.normal(size=(30, 750)), basis))
    body.save(tmp_path / "a.npz")
    again = Body.load(tmp_path / "a.npz")
    assert again.hash == body.hash
    assert again.correctives is not None
    np.testing.assert_array_equal(again.correctives.basis.dense(), basis)
    arrays = dict(np.load(tmp_path / "a.npz"))
    if callable(value):
        arrays[key] = value(arrays[key])
    else:
        del arrays[key]
    np.savez(tmp_path / "b.npz", **arrays)
    with pytest.raises(ModelError, match="not a usable body file"):
        Body.load(tmp_path / "b.npz")
