"""Cameras and crops that take in what they should."""

from __future__ import annotations

import math

import numpy as np

from native_runtime.camera import project
from native_runtime.render.framing import crop_around, studio_view, turntable_views
from native_runtime.render.raster import Surface, View
from native_runtime.render.wire import wire

Array = np.ndarray


def _cloud(rng: np.random.Generator) -> Array:
    points = rng.normal(0, 1, (300, 3)) * rng.uniform(0.05, 2.5, 3) + rng.normal(0, 5, 3)
    return np.asarray(points)


def _inside(view: View, points: Array, margin: float) -> bool:
    """Whether all points are seen with a margin, as a part of the frame."""
    local = view.local(points)
    pixels = project(local, view.intrinsics)
    size = np.array([view.width, view.height])
    low, high = pixels.min(axis=0) / size, pixels.max(axis=0) / size
    return bool((local[:, 2] > 0).all() and (low > margin).all() and (high < 1 - margin).all())


def test_a_turntable_takes_in_everything_at_one_size(rng: np.random.Generator) -> None:
    for _ in range(50):
        points = _cloud(rng)
        views = turntable_views(points, rng.uniform(-4, 4), rng.uniform(0, 0.5), 300, 8)
        assert len(views) == 8
        assert all(_inside(view, points, 0.03) for view in views)
        assert len({(view.width, view.height) for view in views}) == 1
        assert all(np.array_equal(view.intrinsics, views[0].intrinsics) for view in views)
        # all from one distance of one axis, a constant angle apart
        positions = np.array([view.position for view in views])
        centre = positions.mean(axis=0)
        distances = np.linalg.norm(positions - centre, axis=1)
        np.testing.assert_allclose(distances, distances[0])
        np.testing.assert_allclose(positions[:, 2], positions[0, 2])
        steps = np.diff(np.unwrap([math.atan2(y, x) for x, y, _ in positions - centre]))
        np.testing.assert_allclose(np.abs(steps), math.pi / 4, atol=1e-9)
        axis = centre + [[0, 0, -0.5], [0, 0, 0.5]]
        heights = [np.ptp(project(view.local(axis), view.intrinsics)[:, 1]) for view in views]
        np.testing.assert_allclose(heights, heights[0])


def test_a_studio_view_takes_in_everything(rng: np.random.Generator) -> None:
    for _ in range(100):
        points = _cloud(rng)
        view = studio_view(points, rng.uniform(-4, 4), rng.uniform(-0.3, 0.8), 400)
        assert _inside(view, points, 0.03)
        pixels = project(view.local(points), view.intrinsics) / (view.width, view.height)
        assert np.ptp(pixels, axis=0).max() > 0.55  # and is filled


def test_the_crop_lies_within_the_photo(rng: np.random.Generator) -> None:
    for _ in range(300):
        width, height = rng.integers(20, 3000, 2).tolist()
        pixels = rng.normal(0.5, rng.uniform(0.01, 1), (20, 2)) * (width, height)
        pixels[rng.random(20) < 0.2] = np.nan
        crop = crop_around(pixels, width, height)
        assert crop.left >= 0
        assert crop.top >= 0
        assert crop.left + crop.width <= width
        assert crop.top + crop.height <= height
        assert min(crop.width, crop.height) >= 1
        seen = pixels[np.isfinite(pixels).all(axis=1)]
        within = ((seen > 0) & (seen < (width, height))).all(axis=1)
        if len(seen) and within.all():
            corner = np.array([crop.left, crop.top])
            assert ((seen >= corner) & (seen <= corner + (crop.width, crop.height))).all()


def test_wires_are_the_meshs_edges_and_no_diagonals() -> None:
    """A square of one quad, 2 m wide, seen from 4 m at 25 px a metre, with a smaller one before its middle."""
    corners = np.array([[-1.0, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]])
    vertices = np.concatenate([corners, corners * 0.25 - (0, 0.1, 0)])
    triangles = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]], np.int32)
    edges = np.array([[True, False, True], [True, True, False]] * 2)
    surface = Surface(vertices, triangles, np.full((8, 3), 0.5), edges, np.zeros(4, bool))
    axes = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    intrinsics = np.array([[100.0, 0, 49.5], [0, 100, 49.5], [0, 0, 1]])
    lines = wire(surface, View(intrinsics, axes, np.array([0.0, -4, 0]), 100, 100))
    assert lines[30:70, 28:40].max() < 0.01
    outer = lines[48:52, :]
    assert outer[:, 24:27].max() > 0.3
    assert outer[:, 73:76].max() > 0.3
    diagonal = [lines[99 - n, n] for n in range(28, 40)]
    assert max(diagonal) < 0.01
    inner = 25 * 4 / 3.9
    assert lines[48:52, round(49.5 - inner / 4)].max() > 0.3
    assert lines[45:55, 45:55].max() < 0.01  # what lies behind the small square is hidden
    assert lines[:20].max() == 0
