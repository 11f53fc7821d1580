"""The previews' own renderer puts things where a pinhole camera sees them."""

from __future__ import annotations

import numpy as np
import pytest

from native_runtime.render.colour import decode_srgb, encode_srgb, roll_off
from native_runtime.render.floor import floor_shadow
from native_runtime.render.raster import Surface, View
from native_runtime.render.shading import Light, render

AXES = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # looks along +y, z up
KEY = Light(np.array([0.0, -0.8, 0.6]), np.full(3, 0.5), 0.1)
SKY, GROUND = np.full(3, 0.4), np.full(3, 0.2)


def _view(width: int = 80, height: int = 60, position: tuple[float, float, float] = (0, -4, 0)) -> View:
    intrinsics = np.array([[100.0, 0, 38.25], [0, 100, 29.5], [0, 0, 1]])
    return View(intrinsics, AXES, np.array(position, float), width, height)


def _square(x: float, y: float, z: float, half: float, colour: tuple[float, float, float] = (0.5, 0.5, 0.5)) -> Surface:
    """A square that faces -y, towards the view."""
    corners = np.array([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]]) * half + (x, y, z)
    return _surface(corners, np.array([[0, 1, 2], [0, 2, 3]]), np.tile(colour, (4, 1)))


def _surface(
    vertices: np.ndarray, triangles: np.ndarray, colours: np.ndarray | None = None, two_sided: bool = False
) -> Surface:
    grey = np.full((len(vertices), 3), 0.5)
    both = np.full(len(triangles), two_sided)
    return Surface(vertices, triangles.astype(np.int32), grey if colours is None else colours, triangles >= 0, both)


def _together(*surfaces: Surface) -> Surface:
    starts = np.cumsum([0, *(len(s.vertices) for s in surfaces)])
    return _surface(
        np.concatenate([s.vertices for s in surfaces]),
        np.concatenate([s.triangles + start for s, start in zip(surfaces, starts)]),
        np.concatenate([s.colours for s in surfaces]),
    )


def _render(surface: Surface, view: View | None = None) -> np.ndarray:
    return render(surface, view or _view(), KEY, [], SKY, GROUND)


def test_coverage_lies_where_the_pinhole_puts_it() -> None:
    coverage = _render(_square(0.2, 0.0, -0.1, 0.4))[..., 3].astype(float)
    rows, columns = np.mgrid[:60, :80]
    centre = np.array([(columns * coverage).sum(), (rows * coverage).sum()]) / coverage.sum()
    # 4 m away: 25 px per metre; the centre of pixel 0 is at 0
    assert centre == pytest.approx([38.25 + 0.2 * 25, 29.5 + 0.1 * 25], abs=0.13)
    assert coverage.sum() == pytest.approx((0.8 * 25) ** 2, rel=0.03)


def test_the_nearer_surface_hides_the_other() -> None:
    red, green = _square(0, 0, 0, 0.3, (0.8, 0, 0)), _square(0, 0.5, 0, 0.6, (0, 0.8, 0))
    for scene in (_together(red, green), _together(green, red)):
        picture = _render(scene)
        assert picture[30, 38, 0] > picture[30, 38, 1]
        assert picture[30, 38 + 11, 1] > picture[30, 38 + 11, 0]


def test_what_cannot_be_seen_is_not_drawn() -> None:
    square = _square(0, 0, 0, 0.3)
    away = _surface(square.vertices, square.triangles[:, ::-1].copy())
    for surface in (away, _square(0, -6, 0, 0.3), _square(50, 0, 0, 0.3)):
        assert _render(surface).max() == 0


def test_what_has_two_sides_looks_the_same_from_its_back() -> None:
    square = _square(0, 0, 0, 0.3)
    away = _surface(square.vertices, square.triangles[:, ::-1].copy(), two_sided=True)
    np.testing.assert_allclose(_render(away), _render(square), atol=1e-5)


def test_a_surface_around_the_eye_does_no_harm() -> None:
    rng = np.random.default_rng(0)
    surface = _surface(rng.normal(0, 3, (300, 3)), rng.integers(0, 300, (500, 3)))
    picture = _render(surface, _view(position=(0, 0, 0)))
    assert np.isfinite(picture).all()


def test_large_and_tiny_triangles() -> None:
    assert _render(_square(0, 0, 0, 5.0))[..., 3].min() == 1
    fine = np.linspace(-0.5, 0.5, 120)
    x, z = np.meshgrid(fine, fine)
    vertices = np.stack([x, 0 * x, z], axis=-1).reshape(-1, 3)
    first = (np.arange(119)[:, None] * 120 + np.arange(119)).ravel()
    triangles = np.concatenate([[first, first + 1, first + 121], [first, first + 121, first + 120]], axis=1).T
    surface = _surface(vertices, triangles)
    coverage = _render(surface)[..., 3]
    inner = coverage[20:40, 28:48]
    assert inner.min() == 1  # no holes between neighbours
    assert coverage.sum() == pytest.approx(25**2, rel=0.03)


def test_light_from_above_is_blocked() -> None:
    corners = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    floor = _surface(corners, np.array([[0, 1, 2], [0, 2, 3]]))
    lid = _surface(corners * 0.4 + (0, 0, 0.5), floor.triangles)
    down = View(_view().intrinsics, np.diag([1.0, -1, -1]), np.array([0.0, 0, 4]), 80, 60)
    sun = Light(np.array([0.6, 0.0, 0.8]), np.full(3, 1.0), 0.0)
    picture = render(_together(floor, lid), down, sun, [], SKY, GROUND)[..., 0]
    # the sun stands at +x, so the shadow falls towards -x: the lid's edge at -0.4 m reaches -0.775 m
    assert picture[30, 38 - round(0.6 * 25)] < 0.6 * picture[30, 38 + round(0.6 * 25)]


def test_floor_shadow_lies_under_the_surface() -> None:
    view = View(_view().intrinsics, np.diag([1.0, -1, -1]), np.array([0.0, 0, 4]), 80, 60)
    shadow = floor_shadow(_square(0.3, 0.2, 0.0, 0.1), view)
    assert shadow.shape == (60, 80)
    row, column = np.unravel_index(shadow.argmax(), shadow.shape)
    assert (column, row) == pytest.approx((38.25 + 0.3 * 25, 29.5 - 0.2 * 25), abs=3)
    assert shadow.max() > 0.2
    assert shadow[:, 0].max() == 0
    up = View(_view().intrinsics, np.diag([1.0, 1, 1]), np.array([0.0, 0, 4]), 80, 60)
    assert floor_shadow(_square(0, 0, 0, 0.1), up).max() == 0


def test_srgb_and_back() -> None:
    values = np.arange(256, dtype=np.uint8).repeat(3).reshape(-1, 1, 3)
    np.testing.assert_array_equal(encode_srgb(decode_srgb(values)), values)
    assert encode_srgb(np.array([50.0])) == 255


def test_bright_light_is_rolled_off_below_white() -> None:
    light = np.linspace(0, 4, 400, dtype=np.float32)
    rolled = roll_off(light)
    np.testing.assert_allclose(rolled[light <= 0.7], light[light <= 0.7])
    assert (np.diff(rolled) > 0).all()
    assert rolled[-1] <= 1
