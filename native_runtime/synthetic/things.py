"""What stands in a picture: a surface, and how its colours are found at each pixel; simple shapes among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.render.raster import Surface

from .noise import sampled
from .palette import colour, foliage

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

_CELL = 0.12
"""Metres: triangles that are painted by their depth must not be much larger than the body's."""


@dataclass(frozen=True)
class Thing:
    """Something to paint.

    Attributes:
        surface: where it is; its colours are not used.
        values: (V, C) numbers at its vertices, which are interpolated over its pixels.
        albedo: from such numbers (N, C) to colours (N, 3), linear.
    """

    surface: Surface
    values: Array
    albedo: Callable[[Floats], Floats]


def mesh(vertices: Array, triangles: NDArray, two_sided: bool = False) -> Surface:
    """A surface without colours."""
    corners = np.asarray(triangles, np.int32)
    return Surface(
        vertices, corners, np.zeros_like(vertices), np.ones_like(corners, bool), np.full(len(corners), two_sided)
    )


def plain(surface: Surface, rng: np.random.Generator) -> Thing:
    """Of one colour, blotched, or striped."""
    first, second = colour(rng), colour(rng)
    kind, size, style, axis = int(rng.integers(8)), float(rng.uniform(0.3, 2.0)), rng.random(), int(rng.integers(3))
    width, strength = float(rng.uniform(0.05, 0.3)), float(rng.uniform(0.02, 0.25))

    def albedo(places: Floats) -> Floats:
        tone = np.exp(strength * sampled(kind, places[:, 0] / size, places[:, 2] / size + places[:, 1]))[:, None]
        if style < 0.7:
            return np.asarray(first * tone, np.float32)
        share = (np.sin(places[:, axis] / width * np.pi) > 0)[:, None]
        return np.asarray(np.where(share, first, second) * tone, np.float32)

    return Thing(surface, surface.vertices, albedo)


def box(size: Array) -> tuple[Array, NDArray[np.int32]]:
    """Vertices and triangles of a box of ``size`` (3,) m that stands on the origin."""
    places, corners, count = [], [], 0
    for axis in range(3):
        for side in (0, 1):
            u, v = [a for a in range(3) if a != axis]
            steps = [max(int(np.ceil(size[a] / _CELL)), 1) for a in (u, v)]
            grid = np.stack(np.meshgrid(*(np.linspace(0, 1, n + 1) for n in steps), indexing="ij"), -1).reshape(-1, 2)
            face = np.zeros((len(grid), 3))
            face[:, axis], face[:, u], face[:, v] = side, grid[:, 0], grid[:, 1]
            quads = _quads(steps[0], steps[1])
            outward = (side == 1) == (axis != 1)
            corners.append((quads if outward else quads[:, ::-1]) + count)
            places.append((face - [0.5, 0.5, 0.0]) * size)
            count += len(face)
    return np.concatenate(places), np.concatenate(corners).astype(np.int32)


def turned_profile(radii: Array, heights: Array, columns: int = 16) -> tuple[Array, NDArray[np.int32]]:
    """Vertices and triangles of a profile turned about the vertical: a ball, a post, a vase."""
    angle = np.linspace(0, 2 * np.pi, columns + 1)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    places = np.concatenate([np.c_[ring * r, np.full(columns + 1, h)] for r, h in zip(radii, heights)])
    return places, _quads(len(radii) - 1, columns)[:, ::-1].copy()


def ball(radius: float) -> tuple[Array, NDArray[np.int32]]:
    """Vertices and triangles of a ball about the origin."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 11)
    return turned_profile(radius * np.cos(angle), radius * np.sin(angle), 20)


def post(radius: float, height: float) -> tuple[Array, NDArray[np.int32]]:
    """Vertices and triangles of a round post on the origin."""
    steps = max(int(np.ceil(height / _CELL)), 1)
    heights = np.concatenate([[0.0], np.linspace(0, height, steps + 1), [height]])
    return turned_profile(np.concatenate([[0.0], np.full(steps + 1, radius), [0.0]]), heights)


def leaves(rng: np.random.Generator, spread: Array, count: int, size: float = 1.0) -> Thing:
    """A bush: leaves of some size in an ellipsoid of ``spread`` (3,) m on the origin."""
    way = rng.normal(size=(count, 3))
    middle = way / np.linalg.norm(way, axis=1, keepdims=True) * rng.random((count, 1)) ** 0.4 * spread / 2
    middle[:, 2] += spread[2] / 2
    along, across = rng.normal(size=(2, count, 3)) * rng.uniform(0.03, 0.07) * size
    corners = np.stack([middle - along, middle + across, middle + along, middle - across], axis=1).reshape(-1, 3)
    first = 4 * np.arange(count)[:, None]
    triangles = np.concatenate([first + [0, 1, 2], first + [0, 2, 3]])
    tone = np.repeat(rng.uniform(0.4, 1.4, count), 4)
    green = foliage(rng)
    return Thing(
        mesh(corners, triangles, two_sided=True), tone[:, None], lambda v: np.asarray(v[:, :1] * green, np.float32)
    )


def moved(thing: Thing, place: Array, turn: float = 0.0) -> Thing:
    """The same elsewhere: turned about the vertical, then moved by ``place`` (3,) m."""
    c, s = np.cos(turn), np.sin(turn)
    vertices = thing.surface.vertices @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]).T + place
    surface = mesh(vertices, thing.surface.triangles)
    surface = Surface(vertices, thing.surface.triangles, surface.colours, surface.edges, thing.surface.two_sided)
    return Thing(surface, thing.values, thing.albedo)


def _quads(rows: int, columns: int) -> NDArray[np.int32]:
    """(2 rows columns, 3) triangles of a grid of (rows + 1) (columns + 1) places."""
    a = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).ravel()
    b, c, d = a + columns + 1, a + columns + 2, a + 1
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
