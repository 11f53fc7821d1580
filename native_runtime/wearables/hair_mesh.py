"""Meshes of hair: a cap over the scalp, and locks, which are closed tubes with a flat side and two tapered ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .hair_head import Head, unit

Array = NDArray[np.float64]
Ints = NDArray[np.int32]

#: Places around a lock: across (halves of its width) and outwards (parts of its thickness).
_RING = np.array([(-1.0, -0.35), (-0.45, 0.75), (0.45, 0.75), (1.0, -0.35)])


@dataclass(frozen=True, eq=False)
class Mesh:
    """Vertices (N, 3) cm, quads and triangles; texture coordinates per corner (L, 2), v from root to tip."""

    vertices: Array
    face_sizes: Ints
    face_vertices: Ints
    uvs: NDArray[np.float32]

    @property
    def triangles(self) -> NDArray[np.int64]:
        """(T, 3) of its polygons."""
        starts = np.cumsum(self.face_sizes) - self.face_sizes
        quads = starts[self.face_sizes == 4]
        loops = [np.stack([starts, starts + 1, starts + 2], axis=1), np.stack([quads, quads + 2, quads + 3], axis=1)]
        return self.face_vertices[np.concatenate(loops)].astype(np.int64)


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """Several as one."""
    counts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])[:-1]
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.face_sizes for mesh in meshes]),
        np.concatenate([mesh.face_vertices + start for mesh, start in zip(meshes, counts)]).astype(np.int32),
        np.concatenate([mesh.uvs for mesh in meshes]),
    )


def cap(
    head: Head, hairline: Sequence[tuple[float, float]], height: float, rng: np.random.Generator,
    columns: int = 60, rows: int = 13, lumps: float = 0.15, rough: float = 0.25, strands: float = 6.0,
) -> Mesh:  # fmt: skip
    """A layer over the scalp that ends in the skin at the hairline; hair's direction in it is away from the whorl.

    Args:
        height: cm of a grown-up, where it is thickest.
        lumps: how uneven it is, as a part of its height.
        rough: how uneven its hairline is, cm.
        strands: how often the picture of strands repeats around the head.
    """
    turn = 2 * np.pi * np.arange(columns) / columns
    ahead = unit(np.array([0.0, 0.0, 1.0]) - head.whorl * head.whorl[2])
    aside = np.cross(head.whorl, ahead)
    around = np.cos(turn)[:, None] * ahead + np.sin(turn)[:, None] * aside
    ends = _ends(head, hairline, around, rng, rough)
    # rows lie closer together at the hairline
    shares = 1 - (1 - np.linspace(0, 1, rows + 1)[1:]) ** 1.25
    angles = shares[:, None] * ends[None]  # (rows, columns)
    ways = np.cos(angles)[..., None] * head.whorl + np.sin(angles)[..., None] * around[None]
    skin = head.on_skin(np.concatenate([head.whorl[None], ways.reshape(-1, 3)]))
    _, normals = head.surface.height(skin)
    out = unit(normals + 0.5 * unit(skin - head.centre))
    depth = np.maximum(head.within(skin, hairline), 0)
    thick = height * (1 - np.exp(-depth / (0.35 + 0.9 * height)))
    thick *= 1 + lumps * waves((skin - head.centre) / head.size, rng, 2.4)
    thick[-columns:] = -0.12
    vertices = skin + out * (np.maximum(thick, -0.12) * head.size)[:, None]

    index = 1 + np.arange(rows * columns).reshape(rows, columns)
    following = np.roll(index, -1, axis=1)
    first = np.stack([np.zeros(columns, int), index[0], following[0]], axis=1)
    quads = np.stack([index[:-1], index[1:], following[1:], following[:-1]], axis=-1).reshape(-1, 4)
    u, repeats = np.arange(columns + 1) / columns, strands
    v = 0.1 + np.concatenate([[0.0], shares]) * 0.5
    left, right = np.tile(u[:-1] * repeats, (rows - 1, 1)), np.tile(u[1:] * repeats, (rows - 1, 1))
    upper, lower = np.repeat(v[1:-1], columns).reshape(rows - 1, -1), np.repeat(v[2:], columns).reshape(rows - 1, -1)
    of_quads = np.stack([left, upper, left, lower, right, lower, right, upper], axis=-1).reshape(-1, 2)
    middle = (u[:-1] + u[1:]) / 2 * repeats
    tops = np.stack(
        [middle, np.full(columns, v[0]), u[:-1] * repeats, np.full(columns, v[1]), u[1:] * repeats,
         np.full(columns, v[1])], axis=-1,
    ).reshape(-1, 2)  # fmt: skip
    return Mesh(
        vertices,
        np.concatenate([np.full(columns, 3), np.full(len(quads), 4)]).astype(np.int32),
        np.concatenate([first.ravel(), quads.ravel()]).astype(np.int32),
        np.concatenate([tops, of_quads]).astype(np.float32),
    )


def locks(points: Array, outwards: Array, widths: Array, thickness: Array, rng: np.random.Generator) -> Mesh:
    """Closed tubes along paths.

    Args:
        points: (K, S, 3) cm, from roots to tips.
        outwards: (K, S, 3) unit, away from the head.
        widths, thickness: (K, S) cm at each point; the ends have none.
    """
    count, steps = points.shape[:2]
    along = unit(np.gradient(points, axis=1))
    across = unit(np.cross(along, outwards))
    out = np.cross(across, along)
    inner = slice(1, steps - 1)
    rings = (
        points[:, inner, None]
        + across[:, inner, None] * (_RING[:, 0] * 0.5 * widths[:, inner, None])[..., None]
        + out[:, inner, None] * (_RING[:, 1] * thickness[:, inner, None])[..., None]
    )
    sides, middle = len(_RING), steps - 2
    vertices = np.concatenate([points[:, :1], rings.reshape(count, -1, 3), points[:, -1:]], axis=1)
    each = vertices.shape[1]

    ring = 1 + np.arange(middle * sides).reshape(middle, sides)
    beside = np.roll(ring, -1, axis=1)
    quads = np.stack([ring[:-1], beside[:-1], beside[1:], ring[1:]], axis=-1).reshape(-1, 4)
    roots = np.stack([np.zeros(sides, int), beside[0], ring[0]], axis=1)
    tips = np.stack([ring[-1], beside[-1], np.full(sides, each - 1)], axis=1)
    polygons = np.concatenate([roots.ravel(), quads.ravel(), tips.ravel()])
    sizes = np.concatenate([np.full(sides, 3), np.full(len(quads), 4), np.full(sides, 3)])

    places = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=1), axis=-1).mean(axis=0))])
    v = places / places[-1]
    # three sides show, the fourth lies on the head: all get a strip of the same width
    u0, u1 = np.arange(sides) / sides, (np.arange(sides) + 1) / sides
    flat = [np.stack([np.stack([u0, u1, u0], 1).ravel(), np.repeat([[v[0], v[1], v[1]]], sides, 0).ravel()], 1)]
    flat[0][0::3, 0] = (u0 + u1) / 2
    flat[0][1::3, 0], flat[0][2::3, 0] = u1, u0
    rows = np.arange(middle - 1)
    top, bottom = np.repeat(v[1 + rows], sides), np.repeat(v[2 + rows], sides)
    left, right = np.tile(u0, middle - 1), np.tile(u1, middle - 1)
    flat.append(np.stack([left, top, right, top, right, bottom, left, bottom], axis=1).reshape(-1, 2))
    last = np.stack([u0, np.full(sides, v[-2]), u1, np.full(sides, v[-2]), (u0 + u1) / 2, np.ones(sides)], axis=1)
    flat.append(last.reshape(-1, 2))
    uv = np.concatenate(flat)
    start, strip = rng.random(count), np.clip(0.14 * widths.max(axis=1), 0.05, 0.5)
    uvs = np.tile(uv, (count, 1, 1))
    uvs[..., 0] = start[:, None] + uvs[..., 0] * strip[:, None]
    return Mesh(
        vertices.reshape(-1, 3),
        np.tile(sizes, count).astype(np.int32),
        (np.arange(count)[:, None] * each + polygons).ravel().astype(np.int32),
        uvs.reshape(-1, 2).astype(np.float32),
    )


def ball(centre: Array, radius: float, rng: np.random.Generator, wound: int = 16) -> Mesh:
    """Locks wound about a place: (3,), cm."""
    steps = 14
    turns = np.linspace(0, rng.uniform(1.2, 1.5), steps) * np.pi
    axes = unit(rng.normal(size=(wound, 3)) * (1.0, 1.0, 1.6))
    first = unit(np.cross(axes, rng.normal(size=(wound, 3))))
    second = np.cross(axes, first)
    out = np.cos(turns)[:, None] * first[:, None] + np.sin(turns)[:, None] * second[:, None]
    tilt = axes * rng.uniform(-0.35, 0.35, wound)[:, None]
    points = centre + radius * 0.88 * unit(out + tilt[:, None]) * (1.0, 1.0, 0.85)
    profile = np.sin(np.pi * np.linspace(0, 1, steps)) ** 0.4
    widths = np.tile(0.9 * radius * profile, (wound, 1))
    return joined([_sphere(centre, 0.9 * radius), locks(points, unit(points - centre), widths, 0.2 * widths, rng)])


def tail(axis: Array, radius: float, rng: np.random.Generator, count: int = 26) -> Mesh:
    """Locks that hang together about a line (S, 3), cm: at its widest ``radius`` cm from it."""
    steps = len(axis)
    along = unit(np.gradient(axis, axis=0))
    aside = unit(np.cross(along, [1.0, 0.0, 0.0]))
    level = np.cross(along, aside)
    widest = radius * np.interp(np.linspace(0, 1, steps), [0, 0.12, 0.45, 0.8, 1.0], [0.45, 0.5, 1.0, 0.85, 0.35])
    turn = 2 * np.pi * (np.arange(count) + rng.uniform(-0.3, 0.3, count)) / count * 2
    far = np.where(np.arange(count) % 2 == 0, 0.95, 0.6) * rng.uniform(0.9, 1.08, count)
    out = np.cos(turn)[:, None, None] * aside + np.sin(turn)[:, None, None] * level
    points = axis + out * (far[:, None] * widest)[..., None]
    # some end earlier than others
    share = rng.uniform(0.78, 1.0, count)[:, None] * np.linspace(0, 1, steps)
    low = np.clip((share * (steps - 1)).astype(int), 0, steps - 2)
    part = (share * (steps - 1) - low)[..., None]
    rows = np.arange(count)[:, None]
    points, out = ((1 - part) * v[rows, low] + part * v[rows, low + 1] for v in (points, out))
    profile = np.clip((1 - np.linspace(0, 1, steps)) / 0.4, 0, 1) ** 0.7
    widths = np.tile(0.95 * widest * profile, (count, 1)) * rng.uniform(0.85, 1.2, count)[:, None]
    return locks(points, unit(out), widths, 0.3 * widths, rng)


def _sphere(centre: Array, radius: float, columns: int = 12, rows: int = 7) -> Mesh:
    """A ball of quads (and triangles at its poles)."""
    angles = np.pi * np.arange(1, rows) / rows
    turns = 2 * np.pi * np.arange(columns) / columns
    wide, high = np.sin(angles)[:, None], np.cos(angles)[:, None] + 0 * turns
    rings = np.stack([wide * np.sin(turns), high, wide * np.cos(turns)], axis=-1).reshape(-1, 3)
    vertices = centre + radius * np.concatenate([[[0, 1, 0]], rings, [[0, -1, 0]]])
    index = 1 + np.arange((rows - 1) * columns).reshape(rows - 1, columns)
    beside, last = np.roll(index, -1, axis=1), len(vertices) - 1
    upper = np.stack([np.zeros(columns, int), index[0], beside[0]], axis=1)
    quads = np.stack([index[:-1], index[1:], beside[1:], beside[:-1]], axis=-1).reshape(-1, 4)
    lower = np.stack([index[-1], np.full(columns, last), beside[-1]], axis=1)
    corners = np.concatenate([upper.ravel(), quads.ravel(), lower.ravel()])
    places = vertices[corners] - centre
    u = 3 * np.arctan2(places[:, 0], places[:, 2]) / (2 * np.pi)
    v = np.arccos(np.clip(places[:, 1] / radius, -1, 1)) / np.pi
    sizes = np.concatenate([np.full(columns, 3), np.full(len(quads), 4), np.full(columns, 3)])
    return Mesh(vertices, sizes.astype(np.int32), corners.astype(np.int32), np.stack([u, v], axis=1).astype(np.float32))


def waves(places: Array, rng: np.random.Generator, size: float) -> Array:
    """(N,) smooth noise of about unit strength at places (N, 3), whose waves are about ``size`` long."""
    total = np.zeros(len(places))
    for _ in range(6):
        way = unit(rng.normal(size=3)) * 2 * np.pi / (size * rng.uniform(0.7, 1.5))
        total += np.sin(places @ way + rng.uniform(0, 2 * np.pi))
    return total / 6**0.5


def _ends(
    head: Head, hairline: Sequence[tuple[float, float]], around: Array, rng: np.random.Generator, rough: float
) -> Array:
    """(C,) radians from the whorl at which each meridian meets the hairline."""
    angles = np.linspace(0.3, 2.6, 48)
    ways = np.cos(angles)[:, None, None] * head.whorl + np.sin(angles)[:, None, None] * around[None]
    inside = head.within(head.on_skin(ways.reshape(-1, 3)).reshape(ways.shape), hairline)
    columns = np.arange(len(around))
    first = np.clip((inside <= 0).argmax(axis=0), 1, None)
    before, after = inside[first - 1, columns], inside[first, columns]
    ends = angles[first - 1] + (angles[1] - angles[0]) * before / np.maximum(before - after, 1e-9)
    smooth = (np.roll(ends, 1) + 2 * ends + np.roll(ends, -1)) / 4
    return np.asarray(np.minimum(ends, smooth) + rough / 9.0 * rng.uniform(-1, 1, len(ends)))
