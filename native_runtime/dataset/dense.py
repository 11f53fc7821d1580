"""The dense keypoints: 595 points on the surface of a body, as many as MHR's coarsest mesh (LOD 6) has vertices.

On the default body they are chosen once (``choose``) and kept as places on the body at rest, so that every level of
detail has the same ones. On MHR's own bodies they are the vertices of LOD 6, where that is installed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.files.templates import load_json
from native_runtime.mhr import Body

Array = NDArray[np.float64]

COUNT = 595
FILE = "mhr", "dense_points.json"
_FINER = {"wrist": 2.6, "thumb": 2.6, "index": 2.6, "middle": 2.6, "ring": 2.6, "pinky": 2.6, "head": 1.7, "jaw": 1.7,
          "foot": 1.6, "ball": 1.6, "subtalar": 1.6, "transverse": 1.6, "talocrural": 1.6}  # fmt: skip
"""How much nearer to each other points are on some parts of the body, by a part of a joint's name."""
_INNER = ("mouth", "eyes", "iris", "pupil", "teeth", "tongue", "lashes")
_MIDDLE, _MIRRORED = 0.05, 0.05
"""cm: vertices this near to the middle have no other side; a vertex and its mirror image are this near."""
_NEAREST = 24
"""Triangles by their middles among which the one is that a point lies on."""


@dataclass(frozen=True)
class DensePoints:
    """Points on the triangles of a body.

    Attributes:
        corners: (N, 3) vertices.
        weights: (N, 3) their weights, which sum to 1.
    """

    corners: NDArray[np.int32]
    weights: Array

    def of(self, vertices: Array) -> Array:
        """(N, k) the points of values (V, k) at the body's vertices."""
        return np.einsum("nc,nck->nk", self.weights, np.asarray(vertices, np.float64)[self.corners])


def rest_places() -> Array:
    """(595, 3) cm: the points on the default body at rest, MHR's axes."""
    return np.array(load_json(*FILE)["places"], np.float64)


def mirrors() -> NDArray[np.int64]:
    """(595,) the point on the other side of each; its own number in the middle."""
    places = rest_places()
    away = np.linalg.norm(places[:, None] - places[None] * [-1.0, 1.0, 1.0], axis=-1)
    return np.asarray(away.argmin(axis=1))


def attach(body: Body, places: Array) -> DensePoints:
    """The points of a body's surface that are nearest to places (N, 3) cm about the body at rest."""
    rest, triangles = np.asarray(body.rest_vertices, np.float64), body.triangles
    middles = rest[triangles].mean(axis=1)
    away = (places**2).sum(axis=1)[:, None] - 2 * places @ middles.T + (middles**2).sum(axis=1)
    near = np.argpartition(away, min(_NEAREST, len(middles) - 1), axis=1)[:, :_NEAREST]
    weights = _nearest_on(rest[triangles[near]], places[:, None])
    off = np.einsum("nkc,nkcx->nkx", weights, rest[triangles[near]]) - places[:, None]
    best = np.linalg.norm(off, axis=2).argmin(axis=1)
    rows = np.arange(len(places))
    return DensePoints(triangles[near[rows, best]], weights[rows, best])


def _nearest_on(corners: Array, places: Array) -> Array:
    """Weights (..., 3) of the corners (..., 3, 3) of triangles at the point that is nearest to places (..., 3): within
    the triangle the foot of the perpendicular, else the nearest point of its edges.
    """
    a, b, c = (corners[..., k, :] for k in range(3))
    u, v, w = b - a, c - a, places - a
    uu, uv, vv, wu, wv = ((x * y).sum(-1) for x, y in ((u, u), (u, v), (v, v), (w, u), (w, v)))
    area = np.maximum(uu * vv - uv * uv, 1e-12)
    second, third = (vv * wu - uv * wv) / area, (uu * wv - uv * wu) / area
    found = np.stack([1 - second - third, second, third], axis=-1)
    inside = (found >= 0).all(axis=-1)
    best = np.where(inside[..., None], found, 0.0)
    least = np.where(inside, 0.0, np.inf)
    for one, other in ((0, 1), (1, 2), (2, 0)):
        start, edge = corners[..., one, :], corners[..., other, :] - corners[..., one, :]
        length = np.maximum((edge * edge).sum(-1), 1e-12)
        share = np.clip(((places - start) * edge).sum(-1) / length, 0, 1)
        away = np.linalg.norm(start + share[..., None] * edge - places, axis=-1)
        weights = np.zeros(found.shape)
        weights[..., one], weights[..., other] = 1 - share, share
        nearer = ~inside & (away < least)
        best = np.where(nearer[..., None], weights, best)
        least = np.where(nearer, away, least)
    return best


def choose(body: Body) -> Array:
    """(595, 3) cm: vertices of the outer surface, far from each other, the same on both sides.

    The farthest from those that were chosen is next, with its mirror image; distances count more on hands, feet and
    the head.
    """
    rest = np.asarray(body.rest_vertices, np.float64)
    outer = np.zeros(body.vertex_count, bool)
    inner = np.isin(body.material_names, _INNER)
    outer[body.face_vertices[np.repeat(~inner[body.face_materials], body.face_sizes)]] = True
    candidates = np.flatnonzero(outer & (rest[:, 0] > -_MIDDLE))
    mirrored = rest[candidates] * [-1.0, 1.0, 1.0]
    others = rest[outer]
    squared = (mirrored**2).sum(axis=1)[:, None] - 2 * mirrored @ others.T + (others**2).sum(axis=1)
    away = np.sqrt(np.maximum(squared.min(axis=1), 0.0))
    candidates = candidates[away < _MIRRORED]
    places = rest[candidates]
    middle = np.abs(places[:, 0]) < _MIDDLE
    main = body.skin_indices[candidates, body.skin_weights[candidates].argmax(axis=1)]
    scale = np.array(
        [max([1.0, *(s for part, s in _FINER.items() if part in body.joint_names[joint])]) for joint in main]
    )
    chosen = [int(np.lexsort((places[:, 2], places[:, 1]))[-1])]
    least = np.linalg.norm(places - places[chosen[0]], axis=1) * scale
    count = 1 if middle[chosen[0]] else 2
    while count < COUNT:
        free = middle if COUNT - count == 1 else np.ones(len(places), bool)
        following = int(np.where(free, least, -1.0).argmax())
        chosen.append(following)
        count += 1 if middle[following] else 2
        least = np.minimum(least, np.linalg.norm(places - places[following], axis=1) * scale)
    kept = places[chosen]
    sides = kept[~middle[chosen]]
    return np.round(np.concatenate([kept[middle[chosen]] * [0.0, 1.0, 1.0], sides, sides * [-1.0, 1.0, 1.0]]), 3)
