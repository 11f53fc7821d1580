"""Closed shoes around each foot: a sole, an upper over the toes, and a collar at the ankle or on the calf.

A shoe is a stack of rings. Each lies around all of the foot at its height and above, as a convex outline, so that toes
share one box. Heights are cm above the ground on which the foot of MHR's rest pose stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from native_runtime.texture.anatomy import PARTS, parts_of

from .choice import Choice, Colour, Style
from .wearable import Wearable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Points around each ring, and the body's vertices that each point is bound to.
_AROUND, _ANCHORS = 44, 8
#: cm: the ground to the bottom of the sole. What stands on the floor barefoot stands in it by so much.
_BELOW = 0.3
#: Rounds of smoothing of outlines, and cm, the reach of the mean that evens out how they follow the foot.
_ROUNDS, _REACH = 3, 1.2
#: Dark grey and off-white, linear Rec.709.
_UPPER: Colour = (0.06, 0.062, 0.068)
_SOLE: Colour = (0.62, 0.61, 0.58)
_DARK_SOLE: Colour = (0.03, 0.029, 0.028)
#: A sole next to an upper as light as this is darker.
_LIGHT = 0.45


@dataclass(frozen=True)
class Ring:
    """A ring of a shoe.

    Attributes:
        height: cm.
        around: cm, the height from which on the foot lies within it.
        margin: cm, between foot and ring.
        material: of the strip below it: 0 the upper, 1 the sole.
    """

    height: float
    around: float
    margin: float
    material: int


_SOLE_RINGS = (
    Ring(-_BELOW, -1.0, 0.15, 1),
    Ring(-_BELOW + 0.15, -1.0, 0.5, 1),
    Ring(0.6, -1.0, 0.55, 1),
    Ring(1.45, -1.0, 0.55, 1),
    Ring(1.6, -1.0, 0.42, 1),
    Ring(1.62, -1.0, 0.3, 0),
)
_UPPER_RINGS = tuple(
    Ring(height, height - lift, 0.32, 0)
    for height, lift in ((2.2, 1.8), (2.9, 1.7), (3.6, 1.5), (4.2, 1.2), (4.9, 1.0), (5.6, 0.9), (6.4, 0.8), (7.2, 0.7))
)


def _collar(top: float, margin: float = 0.35) -> tuple[Ring, ...]:
    """The upper edge, turned in."""
    return (
        Ring(top, top - 0.4, margin + 0.1, 0),
        Ring(top + 0.25, top - 0.2, margin, 0),
        Ring(top + 0.2, top - 0.2, margin - 0.2, 0),
        Ring(top - 0.6, top - 0.6, -0.15, 0),
    )


_RINGS: dict[str, tuple[Ring, ...]] = {
    "sneakers": (*_SOLE_RINGS, *_UPPER_RINGS, Ring(7.9, 7.4, 0.36, 0), *_collar(8.5)),
    "boots": (
        *_SOLE_RINGS,
        *_UPPER_RINGS,
        *(Ring(height, height, 0.4, 0) for height in (8.2, 9.5, 11.0, 12.5, 14.0, 15.5)),
        *_collar(17.0, 0.45),
    ),
}
#: Above this height, cm, a ring lies around the leg's slice alone: the calf is wider than the ankle below.
_ANKLE = 9.0


def _shoes(body: Body, style: str) -> Wearable:
    part = parts_of(body)
    made = [_shoe(body, np.isin(part, [PARTS.index(f"{side}_foot"), PARTS.index(f"{side}_lowleg")]), style)
            for side in "lr"]  # fmt: skip
    counts = np.cumsum([0, *(len(one.vertices) for one in made)])
    return replace(
        made[0],
        vertices=np.concatenate([one.vertices for one in made]),
        anchors=np.concatenate([one.anchors for one in made]),
        shares=np.concatenate([one.shares for one in made]),
        face_sizes=np.concatenate([one.face_sizes for one in made]),
        face_vertices=np.concatenate([one.face_vertices + start for one, start in zip(made, counts)]).astype(np.int32),
        face_materials=np.concatenate([one.face_materials for one in made]),
        uvs=np.concatenate([one.uvs for one in made]),
    )


def _shoe(body: Body, mine: NDArray[np.bool_], style: str) -> Wearable:
    rings = _RINGS[style]
    rest = body.rest_vertices.astype(np.float64)
    top = rings[-3].height + 4.0
    foot = np.flatnonzero(mine & (rest[:, 1] < top))
    if len(foot) < _ANCHORS:
        raise Sam3dbError(f"'{body.name}' has no feet to make shoes for.")
    points = rest[foot]
    ground = float(points[:, 1].min())
    edges = _edges(body, foot)
    outlines = np.stack([_outline(points - (0, ground, 0), edges, ring) for ring in rings])
    vertices = outlines.reshape(-1, 3) + (0.0, ground, 0.0)
    count = len(rings)
    faces, materials, uvs = [], [], []
    for ring in range(count - 1):
        for k in range(_AROUND):
            after = (k + 1) % _AROUND
            low, high = ring * _AROUND, (ring + 1) * _AROUND
            faces.append([low + k, low + after, high + after, high + k])
            materials.append(rings[ring + 1].material)
            u, v = np.array([k, k + 1]) / _AROUND, np.array([ring, ring + 1]) / count
            uvs += [(u[0], v[0]), (u[1], v[0]), (u[1], v[1]), (u[0], v[1])]
    # the bottom, in strips across
    for k in range(_AROUND // 2):
        one, other = k, _AROUND - 1 - k
        quad = [one + 1, one, other, other - 1] if one + 1 < other - 1 else [one + 1, one, other]
        if len(set(quad)) > 2:
            faces.append(list(dict.fromkeys(quad)))
            materials.append(1)
            uvs += [(0.0, 0.0)] * len(faces[-1])
    anchors, shares = _bound(vertices, points)
    return Wearable(
        name=style.capitalize(),
        kind="shoes",
        vertices=vertices,
        anchors=foot[anchors],
        shares=shares,
        face_sizes=np.array([len(face) for face in faces], np.int32),
        face_vertices=np.array([vertex for face in faces for vertex in face], np.int32),
        face_materials=np.array(materials, np.int32),
        material_names=("shoes", "sole"),
        uvs=np.array(uvs, np.float32),
    )


def _edges(body: Body, vertices: Ints) -> Ints:
    """(E, 2) the sides of triangles between some vertices, by their places among these."""
    place = np.full(body.vertex_count, -1)
    place[vertices] = np.arange(len(vertices))
    triangles = place[body.triangles]
    triangles = triangles[(triangles >= 0).all(axis=1)]
    return np.unique(np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1), axis=0)


def _slice(points: Floats, edges: Ints, height: float) -> Floats:
    """(K, 3) where the edges between points cross a height."""
    low, high = points[edges[:, 0]], points[edges[:, 1]]
    crossing = (low[:, 1] - height) * (high[:, 1] - height) < 0
    low, high = low[crossing], high[crossing]
    share = (height - low[:, 1:2]) / (high[:, 1:2] - low[:, 1:2])
    return np.asarray(low + share * (high - low))


def _outline(points: Floats, edges: Ints, ring: Ring) -> Floats:
    """(_AROUND, 3) a ring around points (N, 3), counter-clockwise from above, from the heel on."""
    inside = [_slice(points, edges, ring.around)]
    if ring.height <= _ANKLE:
        inside.append(points[(points[:, 1] >= ring.around) & (points[:, 1] < _ANKLE + 1.0)])
    flat = np.concatenate(inside)[:, [2, 0]].astype(np.float32)
    hull = cv2.convexHull(flat).reshape(-1, 2).astype(np.float64)
    ends = np.roll(hull, -1, axis=0)
    if ((hull[:, 0] * ends[:, 1]) - (hull[:, 1] * ends[:, 0])).sum() < 0:
        hull = hull[::-1]
    even = _resampled(hull)
    for _ in range(_ROUNDS):
        even = 0.5 * even + 0.25 * (np.roll(even, 1, axis=0) + np.roll(even, -1, axis=0))
    along = np.roll(even, -1, axis=0) - np.roll(even, 1, axis=0)
    out = np.stack([along[:, 1], -along[:, 0]], axis=1)
    out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
    # smoothing has drawn the outline in; it has to lie around the foot all the same
    reach = (hull @ out.T).max(axis=0) - (even * out).sum(axis=1)
    reach = np.maximum(reach, 0.5 * reach + 0.25 * (np.roll(reach, 1) + np.roll(reach, -1)))
    wide = even + out * (reach + ring.margin)[:, None]
    return np.stack([wide[:, 1], np.full(_AROUND, ring.height), wide[:, 0]], axis=1)


def _resampled(hull: Floats) -> Floats:
    """(_AROUND, 2) points evenly along a closed outline (z, x), from the middle of its rear end on."""
    rear = int(np.argmin(hull[:, 0]))
    closed = np.concatenate([np.roll(hull, -rear, axis=0), hull[rear : rear + 1]])
    steps = np.linalg.norm(np.diff(closed, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    places = np.linspace(0, along[-1], _AROUND, endpoint=False)
    return np.stack([np.interp(places, along, column) for column in closed.T], axis=1)


def _bound(vertices: Floats, points: Floats) -> tuple[Ints, Floats]:
    """(N, _ANCHORS) which of some points each vertex is bound to, and by how much: the nearest ones."""
    squares = ((vertices[:, None] - points[None]) ** 2).sum(axis=2)
    anchors = np.argpartition(squares, _ANCHORS, axis=1)[:, :_ANCHORS]
    near = np.take_along_axis(squares, anchors, axis=1)
    shares = 1.0 / (near - near.min(axis=1, keepdims=True) + _REACH**2) ** 2
    return anchors, shares / shares.sum(axis=1, keepdims=True)


@lru_cache(maxsize=4)
def _made(body: Body, style: str) -> Wearable:
    return _shoes(body, style)


def _make(body: Body, choice: Choice) -> Wearable:
    upper = choice.colour or _UPPER
    sole = _DARK_SOLE if choice.style == "boots" or min(upper) > _LIGHT else _SOLE
    return replace(_made(body, choice.style), colours={"shoes": upper, "sole": sole})


KIND = "shoes"
STYLES: Mapping[str, Style] = {"sneakers": Style("Sneakers", _make), "boots": Style("Boots", _make)}
