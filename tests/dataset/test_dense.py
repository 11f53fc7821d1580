"""The dense keypoints: the same on both sides, on the surface, and on every level of detail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.dataset import dense
from native_runtime.mhr import Body


def test_they_are_those_that_the_rule_chooses(default_body_path: Path) -> None:
    body = Body.load(default_body_path.with_name("default-lod1.npz"))
    assert np.array_equal(dense.choose(body), dense.rest_places())


def test_both_sides_have_the_same(default_body_path: Path) -> None:
    places, other = dense.rest_places(), dense.mirrors()
    assert places.shape == (dense.COUNT, 3)
    assert np.array_equal(other[other], np.arange(dense.COUNT))
    np.testing.assert_allclose(places[other], places * [-1, 1, 1], atol=1e-9)


@pytest.mark.parametrize(("name", "off"), [("default", 0.01), ("default-lod1", 0.01), ("default-lod2", 0.7)])
def test_they_are_on_every_level_of_detail(default_body_path: Path, name: str, off: float) -> None:
    body = Body.load(default_body_path.with_name(f"{name}.npz"))
    points = dense.attach(body, dense.rest_places())
    np.testing.assert_allclose(points.weights.sum(axis=1), 1.0)
    assert points.weights.min() >= 0
    assert np.linalg.norm(points.of(body.rest_vertices) - dense.rest_places(), axis=1).max() < off


def test_the_nearest_point_of_a_triangle_is_found(rng: np.random.Generator) -> None:
    corners, places = rng.normal(size=(40, 3, 3)), 2 * rng.normal(size=(40, 3))
    weights = dense._nearest_on(corners, places)
    found = np.linalg.norm(np.einsum("nc,ncx->nx", weights, corners) - places, axis=1)
    tried = rng.dirichlet(np.ones(3), size=4000)
    best = np.linalg.norm(np.einsum("tc,ncx->ntx", tried, corners) - places[:, None], axis=2).min(axis=1)
    assert (found <= best + 1e-9).all()
    assert (found >= best - 0.2).all()
