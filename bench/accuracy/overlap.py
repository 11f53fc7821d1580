"""How deep a body's parts lie within each other, and two people within each other, on a coarse mesh.

A part's surface is closed where it was cut from the rest, so that its winding number (Jacobson et al., "Robust
Inside-Outside Segmentation using Generalized Winding Numbers", 2013, section 3; solid angles by van Oosterom and
Strackee, 1983) is one within and zero outside, also for places in folds. The depth of a vertex within another part is
its distance from that part's own surface, cuts not counted.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from native_runtime.mhr import Body
from native_runtime.synthetic.anatomy import Anatomy

Array = NDArray[np.float64]

NOTICED = 0.01
"""Metres: parts deeper within each other than this can be seen to be. Skin and clothes give by less."""
_FEWEST = 3
"""So many vertices must lie that deep: a single one may be the mesh's own coarseness."""
_GROUPS = {
    "head": ("head",),
    "trunk": ("torso", "neck"),
    **{f"{s}_{part}": (f"{s}_{part}",) for s in "lr" for part in (
        "upper_arm", "forearm", "hand", "thigh", "shin", "foot",
    )},
}  # fmt: skip
_TOUCHING = {
    # What hangs on one joint overlaps by the nature of skinning, and so do an upper arm and a thigh with the trunk.
    ("head", "trunk"), ("l_thigh", "r_thigh"),
    *(pair for s in "lr" for pair in (
        ("trunk", f"{s}_upper_arm"), (f"{s}_upper_arm", f"{s}_forearm"), (f"{s}_forearm", f"{s}_hand"),
        ("trunk", f"{s}_thigh"), (f"{s}_thigh", f"{s}_shin"), (f"{s}_shin", f"{s}_foot"),
    )),
}  # fmt: skip


@dataclass(frozen=True)
class Overlap:
    """The deepest pair of parts: metres, and their names; 0 and "" where all keep apart."""

    depth: float
    first: str
    second: str


class OverlapMeter:
    """Measures one body's mesh; a coarse level of detail will do.

    Attributes:
        body: whose vertices are measured.
    """

    def __init__(self, body: Body) -> None:
        self.body = body
        anatomy = Anatomy(body)
        outer = anatomy.skin[body.triangles].all(axis=1)
        self._triangles = np.asarray(body.triangles)[outer]
        self._skin = anatomy.skin
        self._parts: dict[str, _Part] = {}
        for name, groups in _GROUPS.items():
            mine = np.isin(anatomy.group, groups)
            # A face belongs to the part of most of its corners.
            self._parts[name] = _Part.of(self._triangles[mine[self._triangles].sum(axis=1) >= 2])

    def within_itself(self, vertices: Array) -> Overlap:
        """The deepest overlap of parts that do not hang on each other, of posed vertices (V, 3) m."""
        vertices = np.asarray(vertices, np.float64)
        found = Overlap(0.0, "", "")
        names = list(self._parts)
        boxes = {name: _box(vertices[part.vertices]) for name, part in self._parts.items()}
        for a, first in enumerate(names):
            for second in names[a + 1 :]:
                if (first, second) in _TOUCHING or (second, first) in _TOUCHING:
                    continue
                if not _meet(boxes[first], boxes[second]):
                    continue
                depth = max(
                    self._depth(vertices, self._parts[first], vertices, self._parts[second]),
                    self._depth(vertices, self._parts[second], vertices, self._parts[first]),
                )
                if depth > found.depth:
                    found = Overlap(depth, first, second)
        return found

    def between(self, one: Array, other: Array) -> float:
        """How deep two people's posed vertices (V, 3) m lie within each other, metres."""
        one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
        whole = self._whole
        return max(self._depth(one, whole, other, whole), self._depth(other, whole, one, whole))

    @cached_property
    def _whole(self) -> _Part:
        return _Part.of(self._triangles)

    def _depth(self, vertices: Array, part: _Part, others: Array, other: _Part) -> float:
        """The depth of the third deepest vertex of ``part`` within ``other``, 0 where fewer are inside."""
        box = _box(others[other.vertices])
        points = vertices[part.vertices]
        points = points[np.all((points > box[0]) & (points < box[1]), axis=1)]
        if len(points) < _FEWEST:
            return 0.0
        surface = other.closed(others)
        points = points[winding_numbers(points, surface) > 0.5]
        if len(points) < _FEWEST:
            return 0.0
        # A cut's closure may bulge out of the body (at the hip it does). A place on one part and within another is half
        # within the whole surface and once more, one on skin that meets nothing only half.
        enough = 1.0 if others is vertices else 0.5
        points = points[winding_numbers(points, others[self._triangles]) > enough]
        if len(points) < _FEWEST:
            return 0.0
        depths = distances_to(points, others[other.triangles])
        return float(np.sort(depths)[-_FEWEST])


@dataclass(frozen=True)
class _Part:
    """Some triangles of a mesh, and the rings of edges that they end at."""

    triangles: NDArray[np.int32]
    vertices: NDArray[np.int32]
    rings: tuple[NDArray[np.int32], ...]

    @staticmethod
    def of(triangles: NDArray[np.int32]) -> _Part:
        return _Part(triangles, np.unique(triangles), tuple(_rings(triangles)))

    def closed(self, vertices: Array) -> Array:
        """(T, 3, 3) corners, each ring closed by a fan about its middle."""
        surfaces = [vertices[self.triangles]]
        for ring in self.rings:
            a, b = vertices[ring[:, 1]], vertices[ring[:, 0]]  # the other way round, as a neighbour would go
            middle = np.broadcast_to(a.mean(axis=0), a.shape)
            surfaces.append(np.stack([a, b, middle], axis=1))
        return np.concatenate(surfaces)


def _rings(triangles: NDArray[np.int32]) -> list[NDArray[np.int32]]:
    """The border's directed edges (n, 2), ring by ring (rings that touch count as one)."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    known = set(map(tuple, edges.tolist()))
    border = [(a, b) for a, b in known if (b, a) not in known]
    near: dict[int, list[int]] = defaultdict(list)
    for a, b in border:
        near[a].append(b)
        near[b].append(a)
    label: dict[int, int] = {}
    for start in sorted(near):
        if start in label:
            continue
        waiting, number = [start], len(label)
        while waiting:
            at = waiting.pop()
            if at not in label:
                label[at] = number
                waiting += near[at]
    rings: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for a, b in sorted(border):
        rings[label[a]].append((a, b))
    return [np.array(ring, np.int32) for ring in rings.values()]


def winding_numbers(points: Array, surface: Array, chunk: int = 1_000_000) -> Array:
    """(N,) of points (N, 3) in a surface of triangles (T, 3, 3): 1 within a closed one whose faces turn outwards."""
    middle = surface.reshape(-1, 3).mean(axis=0)
    a, b, c = (surface[:, k] - middle for k in range(3))
    # Of corners seen from a point p: det(a-p, b-p, c-p) = det(a, b, c) - p (a x b + b x c + c x a), and so on.
    volume = np.einsum("ti,ti->t", a, np.cross(b, c))
    normal = np.cross(a, b) + np.cross(b, c) + np.cross(c, a)
    products = [(np.einsum("ti,ti->t", u, v), u + v) for u, v in ((a, b), (b, c), (c, a), (a, a), (b, b), (c, c))]
    result = np.empty(len(points))
    step = max(1, chunk // max(len(surface), 1))
    for begin in range(0, len(points), step):
        p = points[begin : begin + step] - middle
        squared = np.einsum("ni,ni->n", p, p)[:, None]
        ab, bc, ca, *squares = (constant - p @ both.T + squared for constant, both in products)
        la, lb, lc = (np.sqrt(np.maximum(square, 0.0)) for square in squares)
        below = la * lb * lc + lc * ab + la * bc + lb * ca
        angle = np.arctan2(volume - p @ normal.T, below)
        angle[np.minimum(np.minimum(la, lb), lc) < _AT_CORNER] = 0.0  # seen from its own corner a triangle has none
        result[begin : begin + step] = angle.sum(axis=1) / (2 * np.pi)
    return result


_NEAREST = 64
_AT_CORNER = 1e-6
"""Metres."""


def distances_to(points: Array, triangles: Array) -> Array:
    """(N,) of points (N, 3) to the nearest place of triangles (T, 3, 3); of large meshes only those whose middles are
    nearest are looked at.

    Ericson, "Real-Time Collision Detection", 2005, section 5.1.5: the plane's nearest place if it lies in the triangle,
    else that of its edges.
    """
    count = min(_NEAREST, len(triangles))
    near = cKDTree(triangles.mean(axis=1)).query(points, k=count)[1].reshape(len(points), count)
    ways = [triangles[near, k] - points[:, None] for k in range(3)]
    normal = np.cross(ways[1] - ways[0], ways[2] - ways[0])
    area = np.maximum(np.einsum("nti,nti->nt", normal, normal), 1e-18)
    shares = [np.einsum("nti,nti->nt", normal, np.cross(ways[(k + 1) % 3], ways[(k + 2) % 3])) for k in range(3)]
    over = np.all(np.stack(shares) >= 0, axis=0)
    squared = np.where(over, np.einsum("nti,nti->nt", normal, ways[0]) ** 2 / area, np.inf)
    for start, end in ((0, 1), (1, 2), (2, 0)):
        edge = ways[end] - ways[start]
        length = np.maximum(np.einsum("nti,nti->nt", edge, edge), 1e-18)
        along = np.clip(-np.einsum("nti,nti->nt", ways[start], edge) / length, 0, 1)
        nearest = ways[start] + along[..., None] * edge
        squared = np.minimum(squared, np.einsum("nti,nti->nt", nearest, nearest))
    result: Array = np.sqrt(squared.min(axis=1))
    return result


def _box(points: Array) -> Array:
    return np.stack([points.min(axis=0), points.max(axis=0)])


def _meet(a: Array, b: Array) -> bool:
    return bool(np.all(np.minimum(a[1], b[1]) > np.maximum(a[0], b[0])))
