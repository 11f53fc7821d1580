"""A small software renderer for previews, in NumPy.

Blender's own engines do not fit a preview that has to appear in a second on any machine: Workbench ends the process
where there is no OpenGL (a server, a container), and Cycles takes ten seconds and more per view on two cores.
Drawing the evaluated mesh here takes half a second.

Units are metres. World axes are Blender's (z up); a view's own axes are the photo camera's (x right, y down, z
forward).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

#: Nothing nearer than this is drawn, m.
_NEAR = 0.05
#: Pixels are drawn this many times finer along each side, then averaged.
_SUPERSAMPLING = 2
_SHADOW_SIZE = 640
_SHADOW_BIAS = 0.012
_FLOOR_CELLS = 200
_OPENNESS_RADII = (0.012, 0.045)  # m
_OPENNESS_TURNS = 5
_EMPTY = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Surface:
    """What is drawn.

    Attributes:
        vertices: (V, 3) m, world.
        triangles: (T, 3), counter-clockwise seen from outside.
        colours: (V, 3) linear Rec.709.
    """

    vertices: Array
    triangles: NDArray[np.int32]
    colours: Array

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

    def supersampled(self, times: int) -> View:
        """The same view with ``times`` finer pixels."""
        matrix = self.intrinsics.copy()
        matrix[:2, 2] = (matrix[:2, 2] + 0.5) * times - 0.5
        matrix[:2, :2] *= times
        return View(matrix, self.axes, self.position, self.width * times, self.height * times)


@dataclass(frozen=True)
class Light:
    """A distant light: (3,) unit vector towards it (world), its linear colour, and how far it reaches around the
    form (0..1).
    """

    towards: Array
    colour: Array
    wrap: float


def render(surface: Surface, view: View, key: Light, others: list[Light], sky: Array, ground: Array) -> Floats:
    """Draws a surface: (H, W, 4) linear colour times coverage, and coverage.

    Args:
        key: the light that casts shadows.
        others: lights that do not.
        sky, ground: (3,) linear light from above and from below.
    """
    fine = view.supersampled(_SUPERSAMPLING)
    local = fine.local(surface.vertices)
    with np.errstate(divide="ignore", invalid="ignore"):
        screen = local @ fine.intrinsics.T
        screen = screen[:, :2] / screen[:, 2:]
    nearness = 1.0 / np.maximum(local[:, 2], _NEAR)
    hits = _rasterise(screen, nearness, local[:, 2] > _NEAR, surface.triangles, fine.width, fine.height)
    if len(hits.pixel) == 0:
        return np.zeros((view.height, view.width, 4), np.float32)

    corners = surface.triangles[hits.triangle]
    # linear on the screen is 1/z: with it the weights become linear on the surface
    weights = hits.weights * nearness[corners].astype(np.float32)
    weights /= weights.sum(axis=1, keepdims=True)

    def across(values: Array) -> Floats:
        single = values.astype(np.float32)
        first, second, third = (weights[:, k, None] * single[corners[:, k]] for k in range(3))
        return first + second + third

    place = across(surface.vertices)
    normal = _unit(across(surface.normals()))
    towards_eye = _unit(fine.position.astype(np.float32) - place)
    open_sky = _openness(hits, across(local[:, 2:])[:, 0], fine)
    lit = _lit_by(surface, key, place, normal)

    light = (0.5 + 0.5 * normal[:, 2:]) * (sky - ground).astype(np.float32) + ground.astype(np.float32)
    light *= open_sky[:, None]
    gloss = np.zeros(len(place), np.float32)
    for lamp, reach in [(key, lit), *((lamp, open_sky) for lamp in others)]:
        towards = lamp.towards.astype(np.float32)
        facing = np.clip((normal @ towards + lamp.wrap) / (1 + lamp.wrap), 0, None) * reach
        light += facing[:, None] * lamp.colour.astype(np.float32)
        shine = np.clip(np.einsum("nc,nc->n", normal, _unit(towards + towards_eye)), 0, None)
        gloss += shine**32 * reach * np.float32(lamp.colour.mean())
    edge = (1 - np.clip(np.einsum("nc,nc->n", normal, towards_eye), 0, 1)) ** 3
    colour = across(surface.colours) * light + (0.06 * gloss + 0.04 * edge * open_sky)[:, None]

    canvas = np.zeros((fine.height * fine.width, 4), np.float32)
    canvas[hits.pixel, :3] = colour
    canvas[hits.pixel, 3] = 1.0
    size = (view.width, view.height)
    return cv2.resize(canvas.reshape(fine.height, fine.width, 4), size, interpolation=cv2.INTER_AREA)


def _unit(vectors: Floats) -> Floats:
    return vectors / np.maximum(np.sqrt(np.einsum("nc,nc->n", vectors, vectors)), 1e-9)[:, None]


def floor_shadow(surface: Surface, view: View, softness: float = 0.05) -> Floats:
    """How much the surface darkens the floor z = 0 around the places where it comes near: (H, W), 0 none .. 1 full.

    Args:
        softness: radius of the blur in m right under the surface.
    """
    low, high = surface.vertices.min(axis=0)[:2] - 0.6, surface.vertices.max(axis=0)[:2] + 0.6
    cell = float((high - low).max()) / _FLOOR_CELLS
    shape = np.ceil((high - low) / cell).astype(int) + 1
    density = np.zeros((shape[1], shape[0]), np.float32)
    # near parts cast a small dark shadow, higher parts a wide faint one
    for reach, strength, blur in ((0.05, 0.75, 1.0), (0.30, 0.55, 3.0), (1.2, 0.30, 7.0)):
        layer = np.zeros_like(density)
        cells = ((surface.vertices[:, :2] - low) / cell).astype(int)
        near = np.exp(-np.clip(surface.vertices[:, 2], 0, None) / reach)
        np.maximum.at(layer, (cells[:, 1], cells[:, 0]), near.astype(np.float32))
        radius = softness * blur / cell
        layer = cv2.dilate(layer, np.ones((max(1, round(radius)),) * 2, np.uint8))
        layer = cv2.GaussianBlur(layer, (0, 0), max(radius, 0.5))
        density = 1 - (1 - density) * (1 - strength * layer)
    columns, rows = np.meshgrid(np.arange(view.width), np.arange(view.height))
    pixels = np.stack([columns, rows, np.ones_like(rows)], axis=-1).reshape(-1, 3)
    rays = pixels @ np.linalg.inv(view.intrinsics).T @ view.axes.T
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(rays[:, 2] < -1e-6, -view.position[2] / rays[:, 2], np.nan)
    hit = (view.position[:2] + rays[:, :2] * distance[:, None] - low) / cell
    hit = np.nan_to_num(hit, nan=-1e6).astype(np.float32).reshape(view.height, view.width, 2)
    return cv2.remap(density, hit[..., 0], hit[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


def encode_srgb(linear: NDArray) -> NDArray[np.uint8]:
    """Linear Rec.709 to 8 bit sRGB, bright parts rolled off smoothly instead of clipped."""
    x = np.clip(linear, 0, None)
    x = np.where(x > 0.7, 0.7 + 0.3 * (1 - np.exp(-(x - 0.7) / 0.3)), x)
    srgb = np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.power(np.maximum(x, 1e-6), 1 / 2.4) - 0.055)
    return np.round(255 * np.clip(srgb, 0, 1)).astype(np.uint8)


def decode_srgb(pixels: NDArray[np.uint8]) -> Floats:
    """8 bit sRGB to linear Rec.709."""
    x = np.arange(256) / 255
    table = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return table[pixels]


@dataclass(frozen=True)
class _Hits:
    """The nearest surface behind each covered pixel: flat pixel index, triangle, screen weights (N, 3) of its
    corners.
    """

    pixel: NDArray[np.int64]
    triangle: NDArray[np.int64]
    weights: Floats


def _rasterise(
    screen: Array, nearness: Array, visible: NDArray[np.bool_], triangles: NDArray, width: int, height: int
) -> _Hits:
    """Finds the nearest front-facing triangle behind each pixel.

    Args:
        screen: (V, 2) px.
        nearness: (V,) something that grows towards the eye and is linear on the screen (1/z for a perspective).
        visible: (V,) vertices in front of the eye; triangles with another are left out.
    """
    index = np.flatnonzero(visible[triangles].all(axis=1))
    corners = screen[triangles[index]]
    low = np.maximum(np.ceil(corners.min(axis=1)), 0)
    high = np.minimum(np.floor(corners.max(axis=1)), (width - 1, height - 1))
    a, b, c = corners.transpose(1, 0, 2)
    area = _cross(b - a, c - a)
    # y points down on the screen, so that what is counter-clockwise from outside has a negative area here
    keep = (area < -1e-9) & (high >= low).all(axis=1)
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
    return _Hits(pixel, index[chosen], np.einsum("nkc,nc->nk", edges[chosen], place.astype(np.float32)))


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


def _lit_by(surface: Surface, light: Light, place: Floats, normal: Floats) -> Floats:
    """How much of a distant light reaches each place (N,): a shadow map, softened."""
    side = np.cross(light.towards, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    axes = np.stack([side, np.cross(-light.towards, side), -light.towards], axis=1)
    points = surface.vertices @ axes
    low = points[:, :2].min(axis=0)
    scale = (_SHADOW_SIZE - 8) / float((points[:, :2].max(axis=0) - low).max())
    screen = (points[:, :2] - low) * scale + 4
    everywhere = np.ones(len(points), bool)
    hits = _rasterise(screen, -points[:, 2], everywhere, surface.triangles, _SHADOW_SIZE, _SHADOW_SIZE)
    depth = np.full(_SHADOW_SIZE**2, np.inf, np.float32)
    depth[hits.pixel] = np.einsum("nk,nk->n", hits.weights, points[surface.triangles[hits.triangle], 2])
    depth = depth.reshape(_SHADOW_SIZE, _SHADOW_SIZE)

    seen = (place + normal * _SHADOW_BIAS) @ axes.astype(np.float32)
    columns, rows = ((seen[:, :2] - low.astype(np.float32)) * np.float32(scale) + 4).T
    total = np.zeros(len(place), np.float32)
    taps = [(r * np.cos(t), r * np.sin(t)) for r, n in ((1.2, 5), (3.2, 7)) for t in np.arange(n) * 2 * np.pi / n]
    for dx, dy in taps:
        x = np.clip(columns + (dx + 0.5), 0, _SHADOW_SIZE - 1).astype(np.int32)
        y = np.clip(rows + (dy + 0.5), 0, _SHADOW_SIZE - 1).astype(np.int32)
        total += depth[y, x] > seen[:, 2] - _SHADOW_BIAS
    return total / np.float32(len(taps))


def _openness(hits: _Hits, depths: Floats, view: View) -> Floats:
    """How open the surroundings of each pixel are (N,), 0..1: neighbours that stand nearer to the eye shut out
    light.
    """
    depth = np.full(view.width * view.height, np.inf, np.float32)
    depth[hits.pixel] = depths
    depth = depth.reshape(view.height, view.width)
    rows, columns = np.divmod(hits.pixel.astype(np.int32), np.int32(view.width))
    shut = np.zeros(len(depths), np.float32)
    scale = view.intrinsics[0, 0] / float(np.median(depths))

    def rise(dx: int, dy: int, radius: float) -> Floats:
        x, y = np.clip(columns + dx, 0, view.width - 1), np.clip(rows + dy, 0, view.height - 1)
        return np.maximum(depths - depth[y, x], np.float32(-radius))

    for radius in _OPENNESS_RADII:
        for turn in np.arange(_OPENNESS_TURNS) * np.pi / _OPENNESS_TURNS + 40 * radius:
            dx, dy = round(scale * radius * np.cos(turn)), round(scale * radius * np.sin(turn))
            # opposite neighbours: a slanted plane stands out on one side as far as it falls back on the other
            slope = rise(dx, dy, radius) + rise(-dx, -dy, radius)
            # what stands far in front is another part of the body and does not touch this one
            shut += np.clip(slope / (2 * radius), 0, 1) * (slope < 6 * radius)
    return np.clip(1 - 1.6 * shut / (len(_OPENNESS_RADII) * _OPENNESS_TURNS), 0.25, 1)
