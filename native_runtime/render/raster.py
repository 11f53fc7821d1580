"""Which part of a surface each pixel shows: a small rasteriser in NumPy.

Blender's own engines do not fit a preview that has to appear in a second on any machine: Workbench ends the process
where there is no OpenGL (a server, a container) and takes seconds where OpenGL is software, and Cycles takes ten
seconds and more per view on two cores. They are there for those who want them (``blender_engines``).

Units are metres. World axes are Blender's (z up); a view's own axes are the photo camera's (x right, y down, z
forward).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .paint import Paint

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

#: Nothing nearer than this is drawn, m.
NEAR = 0.05
_EMPTY = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Surface:
    """What is drawn.

    Attributes:
        vertices: (V, 3) m, world.
        triangles: (T, 3), counter-clockwise seen from outside.
        colours: (V, 3) linear Rec.709.
        edges: (T, 3) whether the side opposite to each corner is an edge of the mesh, and not a diagonal that only
            divides a polygon.
        two_sided: (T,) whether it is seen from its back too: closed bodies need not, cloth and cards of hair do.
        paint: pictures that lie on it in place of the colours, or None.
    """

    vertices: Array
    triangles: NDArray[np.int32]
    colours: Array
    edges: NDArray[np.bool_]
    two_sided: NDArray[np.bool_]
    paint: Paint | None = None

    @staticmethod
    def plain(vertices: Array, triangles: NDArray[np.int32], colour: Array) -> Surface:
        """A closed body of one colour (3,), without edges."""
        return Surface(
            vertices,
            triangles,
            np.tile(colour, (len(vertices), 1)),
            np.zeros(triangles.shape, bool),
            np.zeros(len(triangles), bool),
        )

    @cached_property
    def normals(self) -> Array:
        """(V, 3) unit, weighted by the areas of the triangles around each vertex."""
        a, b, c = self.vertices[self.triangles].transpose(1, 0, 2)
        faces = np.cross(b - a, c - a)
        sums = np.stack(
            [np.bincount(self.triangles.ravel(), np.repeat(faces[:, k], 3), len(self.vertices)) for k in range(3)],
            axis=1,
        )
        return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)


@dataclass(frozen=True)
class View:
    """A pinhole camera.

    Attributes:
        intrinsics: (3, 3) px; pixel (0, 0) is the centre of the top-left pixel.
        axes: (3, 3) columns: the camera's x (right), y (down), z (forward) in world axes.
        position: (3,) m, world.
        width, height: px.
    """

    intrinsics: Array
    axes: Array
    position: Array
    width: int
    height: int

    def local(self, points: Array) -> Array:
        """(N, 3) world points in the camera's axes."""
        return (points - self.position) @ self.axes

    def screen(self, local: Array) -> Array:
        """(N, 3) points in the camera's axes as (N, 2) px; without meaning for those that are not before the camera."""
        with np.errstate(divide="ignore", invalid="ignore"):
            seen = local @ self.intrinsics.T
            return seen[:, :2] / seen[:, 2:]

    def supersampled(self, times: int) -> View:
        """The same view with ``times`` finer pixels."""
        matrix = self.intrinsics.copy()
        matrix[:2, 2] = (matrix[:2, 2] + 0.5) * times - 0.5
        matrix[:2, :2] *= times
        return View(matrix, self.axes, self.position, self.width * times, self.height * times)


@dataclass(frozen=True)
class Hits:
    """The nearest surface behind each covered pixel.

    Attributes:
        pixel: (N,) flat index.
        triangle: (N,).
        weights: (N, 3) of the triangle's corners, linear on the screen.
    """

    pixel: NDArray[np.int64]
    triangle: NDArray[np.int64]
    weights: Floats


def seen_by(view: View, surface: Surface) -> tuple[Hits, Array]:
    """What a view sees of a surface, and all its vertices in the view's axes (V, 3)."""
    local = view.local(surface.vertices)
    screen, before = view.screen(local), local[:, 2] > NEAR
    nearness = 1.0 / np.maximum(local[:, 2], NEAR)
    return rasterise(screen, nearness, before, surface, view.width, view.height), local


def rasterise(
    screen: Array, nearness: Array, visible: NDArray[np.bool_], surface: Surface, width: int, height: int
) -> Hits:
    """Finds the nearest triangle behind each pixel that faces it, or has two sides.

    Args:
        screen: (V, 2) px.
        nearness: (V,) something that grows towards the eye and is linear on the screen (1/z for a perspective).
        visible: (V,) vertices in front of the eye; triangles with another are left out.
    """
    triangles = surface.triangles
    index = np.flatnonzero(visible[triangles].all(axis=1))
    corners = screen[triangles[index]]
    low = np.maximum(np.ceil(corners.min(axis=1)), 0)
    high = np.minimum(np.floor(corners.max(axis=1)), (width - 1, height - 1))
    a, b, c = corners.transpose(1, 0, 2)
    area = _cross(b - a, c - a)
    # y points down on the screen, so that what is counter-clockwise from outside has a negative area here
    faces = (area < -1e-9) | (surface.two_sided[index] & (area > 1e-9))
    keep = faces & (high >= low).all(axis=1)
    index, corners, low, extent = index[keep], corners[keep], low[keep].astype(np.int64), (high - low)[keep].max(axis=1)
    edges = _edges(corners - low[:, None], area[keep])
    depth = nearness[triangles[index]]
    far, near = (depth.min(), depth.max()) if len(depth) else (0.0, 1.0)
    depth = ((near - depth) / max(near - far, 1e-30)).astype(np.float32)

    buffer = np.full(width * height, _EMPTY, np.int64)
    size = 2
    todo = np.arange(len(index))
    while len(todo):
        group, todo = todo[extent[todo] < size], todo[extent[todo] >= size]
        # a few million tests at a time keep the memory flat
        for part in np.array_split(group, len(group) * size * size // 2_000_000 + 1):
            owner, x, y, weights = _covered(edges[part], size)
            owner = part[owner]
            x, y = x + low[owner, 0], y + low[owner, 1]
            rank = np.clip(np.einsum("kn,nk->n", weights, depth[owner]), 0, 1).astype(np.float64) * (1 << 30)
            inside = (x < width) & (y < height)
            np.minimum.at(buffer, (y * width + x)[inside], ((rank.astype(np.int64) << 32) | owner)[inside])
        size *= 2
    pixel = np.flatnonzero(buffer != _EMPTY)
    chosen = buffer[pixel] & 0xFFFFFFFF
    place = np.stack([pixel % width - low[chosen, 0], pixel // width - low[chosen, 1], np.ones_like(pixel)], axis=-1)
    return Hits(pixel, index[chosen], np.einsum("nkc,nc->nk", edges[chosen], place.astype(np.float32)))


def _edges(corners: Array, area: Array) -> Floats:
    """Barycentric weights as linear functions of the place: (N, 3, 3), weight k = e[k] . (x, y, 1).

    Args:
        corners: (N, 3, 2) px.
        area: (N,) doubled signed areas.
    """
    first, second = corners[:, [1, 2, 0]], corners[:, [2, 0, 1]]
    step = second - first
    rows = np.stack([-step[..., 1], step[..., 0], -_cross(step, first)], axis=-1)
    return (rows / area[:, None, None]).astype(np.float32)


def _covered(edges: Floats, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Floats]:
    """Which places of a ``size`` x ``size`` window lie in each triangle: triangle numbers, x, y (N,), weights (3,
    N).
    """
    steps = np.arange(size, dtype=np.float32)
    grid = [
        edges[:, k, 0, None, None] * steps + (edges[:, k, 1, None] * steps + edges[:, k, 2, None])[:, :, None]
        for k in range(3)
    ]
    owner, y, x = np.nonzero((grid[0] >= 0) & (grid[1] >= 0) & (grid[2] >= 0))
    return owner, x, y, np.stack([weights[owner, y, x] for weights in grid])


def _cross(u: Array, v: Array) -> Array:
    return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
