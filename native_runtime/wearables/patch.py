"""A part of a body's surface that can be cut along lines: what garments are made of.

Its vertices are weighted sums of the body's, so that every one of them, those on a cut edge as well, moves as the
skin beneath it does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: So many of the body's vertices make up one of a patch at most.
ANCHORS = 8
#: A vertex that is nearer to a cut than this part of an edge is moved onto it, lest slivers remain.
_NEAR = 0.22


@dataclass(frozen=True, eq=False)
class Patch:
    """Polygons over weighted sums of a body's vertices. N vertices, F polygons with L corners.

    Attributes:
        anchors, shares: (N, ANCHORS) the body's vertices and their weights; unused ones have weight 0.
        faces: the vertices of each polygon, counter-clockwise from outside.
        uvs: (L, 2) per face corner.
    """

    anchors: Ints
    shares: Floats
    faces: list[list[int]]
    uvs: Floats

    @cached_property
    def sizes(self) -> Ints:
        """(F,) corners of each polygon."""
        return np.array([len(face) for face in self.faces], np.int64)

    @cached_property
    def corners(self) -> Ints:
        """(L,) the vertex at each corner."""
        return np.array([vertex for face in self.faces for vertex in face], np.int64)

    def points(self, values: NDArray) -> Floats:
        """Values (V, k) of the body's vertices at the patch's (N, k)."""
        return np.asarray(np.einsum("nak,na->nk", np.asarray(values, np.float64)[self.anchors], self.shares))

    @cached_property
    def edges(self) -> Ints:
        """(E, 2) each edge once, the lower vertex first."""
        low, high = np.sort(self._sides(), axis=1).T
        count = len(self.anchors)
        return np.stack(np.divmod(np.unique(low * count + high), count), axis=1)

    @cached_property
    def triangles(self) -> Ints:
        """(T, 3) each polygon cut into a fan from its first corner."""
        starts = np.cumsum(self.sizes) - self.sizes
        fans = []
        for size in np.unique(self.sizes):
            first = starts[self.sizes == size]
            for corner in range(1, size - 1):
                fans.append(self.corners[np.stack([first, first + corner, first + corner + 1], axis=1)])
        return np.concatenate(fans)

    def border(self) -> list[list[int]]:
        """The vertices along each edge of the patch, in the direction in which its polygons run."""
        sides = self._sides()
        numbers = sides.min(axis=1) * (sides.max() + 1) + sides.max(axis=1)
        _, first, counts = np.unique(numbers, return_index=True, return_counts=True)
        following = {int(a): int(b) for a, b in sides[first[counts == 1]]}
        loops = []
        while following:
            start, end = following.popitem()
            loop = [start]
            while end != start and end in following:
                loop.append(end)
                end = following.pop(end)
            loops.append(loop)
        return loops

    def normals(self, points: Floats) -> Floats:
        """(N, 3) unit normals of the patch with its vertices at points (N, 3), weighted by area."""
        a, b, c = points[self.triangles].transpose(1, 0, 2)
        sums = _summed(self.triangles.T.ravel(), np.tile(np.cross(b - a, c - a), (3, 1)), len(points))
        return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12))

    def cut(self, values: Floats) -> Patch:
        """The patch with an edge along the line where values (N,) change their sign; nothing is taken away."""
        patch, values = self._slid(values)
        level = values.tolist()
        made: dict[tuple[int, int], int] = {}
        anchors, shares = list(patch.anchors), list(patch.shares)

        def between(u: int, v: int) -> tuple[int, float]:
            """The vertex where an edge crosses the line, and how far from ``u`` that is, 0..1."""
            t = level[u] / (level[u] - level[v])
            edge = min(u, v), max(u, v)
            if edge not in made:
                made[edge] = len(anchors)
                row = _mixed(patch.anchors[[u, v]], patch.shares[[u, v]], (1 - t, t))
                anchors.append(row[0])
                shares.append(row[1])
            return made[edge], t

        def part(face: list[int], texture: Floats, side: int) -> tuple[list[int], list[Floats]]:
            """What of a polygon lies on one side, 1 or -1, of the line."""
            kept: list[int] = []
            places: list[Floats] = []
            for corner, (u, v) in enumerate(zip(face, face[1:] + face[:1])):
                if side * level[u] >= 0:
                    kept.append(u)
                    places.append(texture[corner])
                if level[u] * level[v] < 0:
                    vertex, t = between(u, v)
                    kept.append(vertex)
                    places.append((1 - t) * texture[corner] + t * texture[(corner + 1) % len(face)])
            return kept, places

        faces: list[list[int]] = []
        uvs: list[Floats] = []
        start = 0
        for face in patch.faces:
            texture = patch.uvs[start : start + len(face)]
            start += len(face)
            levels = [level[vertex] for vertex in face]
            if not (min(levels) < 0 < max(levels)):
                faces.append(face)
                uvs.append(texture)
                continue
            for side in (1, -1):
                kept, places = part(face, texture, side)
                if len(kept) > 2:
                    faces.append(kept)
                    uvs.append(np.array(places))
        return Patch(np.array(anchors), np.array(shares), faces, np.concatenate(uvs))

    def only(self, kept: Bools) -> Patch:
        """Some of the polygons (F,), and the vertices that they need."""
        faces = [face for face, keep in zip(self.faces, kept) if keep]
        used, index = np.unique([vertex for face in faces for vertex in face], return_inverse=True)
        sizes = np.array([len(face) for face in faces], np.int64)
        ends = np.cumsum(sizes)
        renamed = [index[end - size : end].tolist() for size, end in zip(sizes, ends)]
        return Patch(self.anchors[used], self.shares[used], renamed, self.uvs[np.repeat(kept, self.sizes)])

    def face_means(self, values: NDArray) -> Floats:
        """The means (F, ...) of values (N, ...) over the corners of each polygon."""
        sizes = self.sizes
        sums = np.add.reduceat(np.asarray(values, np.float64)[self.corners], np.cumsum(sizes) - sizes)
        return np.asarray(sums / sizes.reshape(-1, *[1] * (sums.ndim - 1)))

    def connected(self, seed: int) -> Bools:
        """(F,) the polygons that hang together with a vertex."""
        edges = self.edges
        reached = np.zeros(len(self.anchors), bool)
        reached[seed] = True
        while True:
            touched = reached[edges].any(axis=1)
            before = int(reached.sum())
            reached[edges[touched].ravel()] = True
            if int(reached.sum()) == before:
                return np.array([reached[face[0]] for face in self.faces])

    def smoothed(self, values: Floats, rounds: int, fixed: Bools | None = None) -> Floats:
        """Values (N, k) evened out with those of their neighbours, a number of times."""
        here, there = np.concatenate([self.edges, self.edges[:, ::-1]]).T
        counts = np.bincount(here, minlength=len(self.anchors))[:, None]
        for _ in range(rounds):
            even = 0.5 * values + 0.5 * _summed(here, values[there], len(values)) / np.maximum(counts, 1)
            values = even if fixed is None else np.where(fixed[:, None], values, even)
        return values

    def mixed(self, sums: Mapping[int, tuple[Sequence[int], Sequence[float]]]) -> Patch:
        """The patch with some vertices at weighted sums of others: for each, the others and their weights."""
        anchors, shares = self.anchors.copy(), self.shares.copy()
        for vertex, (others, weights) in sums.items():
            rows = list(others)
            anchors[vertex], shares[vertex] = _mixed(self.anchors[rows], self.shares[rows], weights)
        return Patch(anchors, shares, self.faces, self.uvs)

    def blurred(self, vertices: Bools) -> Patch:
        """The patch with some vertices (N,) bound to their neighbours as much as to themselves."""
        around: dict[int, list[int]] = {vertex: [vertex] for vertex in np.flatnonzero(vertices).tolist()}
        for u, v in self.edges.tolist():
            if u in around:
                around[u].append(v)
            if v in around:
                around[v].append(u)
        return self.mixed({vertex: (ring, [1 / len(ring)] * len(ring)) for vertex, ring in around.items()})

    def _sides(self) -> Ints:
        """(L, 2) the vertices of each polygon's edges, in its direction."""
        corners, sizes = self.corners, self.sizes
        following = np.arange(1, len(corners) + 1)
        ends = np.cumsum(sizes)
        following[ends - 1] = ends - sizes
        return np.stack([corners, corners[following]], axis=1)

    def _slid(self, values: Floats) -> tuple[Patch, Floats]:
        """The patch with vertices that nearly lie on a cut moved onto it along an edge that crosses it."""
        values = values.copy()
        u, v = self.edges.T
        crossing = values[u] * values[v] < 0
        u, v = np.concatenate([u[crossing], v[crossing]]), np.concatenate([v[crossing], u[crossing]])
        t = values[u] / (values[u] - values[v])
        near = t < _NEAR
        anchors, shares, moved = self.anchors.copy(), self.shares.copy(), np.zeros(len(values), bool)
        order = np.argsort(t[near], kind="stable")
        for vertex, other, share in zip(u[near][order].tolist(), v[near][order].tolist(), t[near][order].tolist()):
            if not moved[vertex] and not moved[other]:
                rows = [vertex, other]
                anchors[vertex], shares[vertex] = _mixed(self.anchors[rows], self.shares[rows], (1 - share, share))
                values[vertex], moved[vertex] = 0.0, True
        return Patch(anchors, shares, self.faces, self.uvs), values


def patch_of(body: Body, faces: Bools) -> Patch:
    """Some of a body's polygons (F,) as they are."""
    chosen = np.repeat(faces, body.face_sizes)
    used, index = np.unique(body.face_vertices[chosen], return_inverse=True)
    anchors = np.zeros((len(used), ANCHORS), np.int64)
    shares = np.zeros((len(used), ANCHORS))
    anchors[:, 0], shares[:, 0] = used, 1.0
    ends = np.cumsum(body.face_sizes[faces])
    polygons = [index.ravel()[end - size : end].tolist() for size, end in zip(body.face_sizes[faces], ends)]
    return Patch(anchors, shares, polygons, body.uvs[chosen].astype(np.float64))


def _summed(rows: Ints, values: Floats, count: int) -> Floats:
    """(count, k) the sums of values (n, k) by the row (n,) that each belongs to."""
    return np.stack([np.bincount(rows, column, count) for column in values.T], axis=1)


def _mixed(anchors: Ints, shares: Floats, weights: Sequence[float] | Floats) -> tuple[Ints, Floats]:
    """The weighted sum of rows (k, ANCHORS) as one (ANCHORS,), the largest shares of it."""
    used, index = np.unique(anchors, return_inverse=True)
    sums = np.bincount(index.ravel(), (shares * np.asarray(weights)[:, None]).ravel(), len(used))
    largest = np.argsort(-sums, kind="stable")[:ANCHORS]
    row_anchors, row_shares = np.zeros(ANCHORS, np.int64), np.zeros(ANCHORS)
    row_anchors[: len(largest)], row_shares[: len(largest)] = used[largest], sums[largest]
    return row_anchors, row_shares / row_shares.sum()
