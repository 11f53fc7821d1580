"""Coarser levels of detail by symmetric edge collapse.

Quadric error metrics (Garland and Heckbert, SIGGRAPH 1997) with half-edge collapses: a vertex always moves onto a
neighbour, so the vertices of a coarse level are some of the fine ones, and every per-vertex attribute (shapes, weights,
keypoints) carries over exactly. Errors are summed over several poses and shapes, so that loops which matter only when a
joint bends survive. One half of the body is simplified and mirrored. Borders of materials and texture charts only slide
along themselves.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from native_runtime.build.default_body.geometry import Array, IntArray, unit
from native_runtime.build.default_body.surface import Surface

_BORDER_WEIGHT = 4.0
_MAX_VALENCE = 10


@dataclass
class _Wedges:
    """Distinct (vertex, texture coordinate) pairs.

    Attributes:
        vertex: (W,) vertex of the wedge; uv: (W, 2); chart: (W,) texture chart; mirror: (W,) wedge on the other side.
        faces: (F, 4) wedges of the quads.
    """

    vertex: IntArray
    uv: Array
    chart: IntArray
    mirror: IntArray
    faces: IntArray


def _wedges(surface: Surface) -> _Wedges:
    corners = np.concatenate([surface.faces.reshape(-1, 1), surface.uvs.reshape(-1, 2)], axis=1)
    unique, inverse = np.unique(corners, axis=0, return_inverse=True)
    faces = inverse.reshape(surface.faces.shape).astype(np.int32)
    vertex = unique[:, 0].astype(np.int32)
    chart = np.arange(len(unique), dtype=np.int32)
    while True:  # the smallest label floods every chart
        lowest = chart[faces].min(axis=1, keepdims=True)
        before = chart.copy()
        np.minimum.at(chart, faces, np.broadcast_to(lowest, faces.shape))
        if np.array_equal(before, chart):
            break
    mirror = np.arange(len(unique), dtype=np.int32)
    lookup = {tuple(sorted(face)): number for number, face in enumerate(surface.faces.tolist())}
    for number, face in enumerate(surface.faces.tolist()):
        other = lookup[tuple(sorted(int(surface.partner[v]) for v in face))]
        place = {int(v): k for k, v in enumerate(surface.faces[other])}
        for k, v in enumerate(face):
            mirror[faces[number, k]] = faces[other, place[int(surface.partner[v])]]
    return _Wedges(vertex, unique[:, 1:], chart, mirror, faces)


def _triangles(quads: IntArray, points: Array, vertex: IntArray) -> IntArray:
    """Split quads (n, 4) of wedges along their shorter diagonal."""
    p = points[vertex[quads]]
    first = np.linalg.norm(p[:, 0] - p[:, 2], axis=1) <= np.linalg.norm(p[:, 1] - p[:, 3], axis=1)
    order = np.where(first[:, None], [[0, 1, 2, 0, 2, 3]], [[1, 2, 3, 1, 3, 0]])
    return np.take_along_axis(quads, order, axis=1).reshape(-1, 3)


class _Half:
    """The left half of the mesh while it is being simplified."""

    def __init__(self, surface: Surface, poses: Array, importance: Array, locked: IntArray) -> None:
        self._wedges = wedges = _wedges(surface)
        self._poses = poses
        self.middle = surface.partner == np.arange(len(surface.partner))
        self._locked = np.zeros(len(surface.partner), dtype=bool)
        self._locked[locked] = True
        self._locked[surface.partner[locked]] = True
        left = np.any((poses[0][surface.faces][..., 0] > 0) & ~self.middle[surface.faces], axis=1)
        quads = wedges.faces[left]
        self.faces = [tuple(t) for t in _triangles(quads, poses[0], wedges.vertex).tolist()]
        self.materials = np.repeat(surface.materials[left], 2).tolist()
        self.around: dict[int, set[int]] = {}
        for number, face in enumerate(self.faces):
            for wedge in face:
                self.around.setdefault(int(wedges.vertex[wedge]), set()).add(number)
        self.alive = [True] * len(self.faces)
        self._quadrics(importance)
        self._stamp = dict.fromkeys(self.around, 0)
        self._heap: list[tuple[float, int, int, int, int]] = []
        for vertex in self.around:
            self._push(vertex)

    def _corners(self, face: int) -> tuple[int, int, int]:
        a, b, c = self.faces[face]
        vertex = self._wedges.vertex
        return int(vertex[a]), int(vertex[b]), int(vertex[c])

    def _quadrics(self, importance: Array) -> None:
        """Sum the squared distance to face planes, and to walls along borders, for each pose."""
        triangles = np.array([self._corners(k) for k in range(len(self.faces))])
        poses = len(self._poses)
        quadrics = np.zeros((len(importance), poses, 4, 4))
        for k, points in enumerate(self._poses):
            a, b, c = (points[triangles[:, i]] for i in range(3))
            cross = np.cross(b - a, c - a)
            normal = unit(cross)
            plane = np.concatenate([normal, -np.sum(normal * a, axis=1, keepdims=True)], axis=1)
            area = 0.5 * np.linalg.norm(cross, axis=1)
            weight = area * importance[triangles].mean(axis=1)
            outer = plane[:, :, None] * plane[:, None, :] * weight[:, None, None]
            for i in range(3):
                np.add.at(quadrics[:, k], triangles[:, i], outer)
            for edge, (face, other) in self._edges().items():
                if other is not None and not self._is_border(edge, face, other):
                    continue
                i, j = edge
                along = points[j] - points[i]
                wall = unit(np.cross(along, normal[face]))
                if other is None:
                    continue  # the middle line stays in its plane by itself
                full = np.append(wall, -wall @ points[i])
                amount = _BORDER_WEIGHT * float(along @ along) * float(importance[[i, j]].mean())
                for v in edge:
                    quadrics[v, k] += amount * np.outer(full, full)
        self._quadric = quadrics

    def _edges(self) -> dict[tuple[int, int], tuple[int, int | None]]:
        result: dict[tuple[int, int], tuple[int, int | None]] = {}
        for number in range(len(self.faces)):
            corners = self._corners(number)
            for k in range(3):
                a, b = corners[k], corners[(k + 1) % 3]
                edge = (min(a, b), max(a, b))
                result[edge] = (result[edge][0], number) if edge in result else (number, None)
        return result

    def _is_border(self, edge: tuple[int, int], face: int, other: int) -> bool:
        """Tell whether material or texture changes across the edge between two faces."""
        if self.materials[face] != self.materials[other]:
            return True
        vertex = self._wedges.vertex
        for v in edge:
            mine = {w for w in self.faces[face] if vertex[w] == v}
            theirs = {w for w in self.faces[other] if vertex[w] == v}
            if mine != theirs:
                return True
        return False

    def _neighbours(self, vertex: int) -> set[int]:
        return {v for face in self.around[vertex] for v in self._corners(face)} - {vertex}

    def _on_border(self, vertex: int) -> bool:
        """Tell whether the vertex lies on a change of material or texture."""
        faces = self.around[vertex]
        wedge = {w for f in faces for w in self.faces[f] if self._wedges.vertex[w] == vertex}
        return len(wedge) > 1 or len({self.materials[f] for f in faces}) > 1

    def _push(self, vertex: int) -> None:
        """Queue the best collapses of ``vertex`` onto each neighbour."""
        if self._locked[vertex]:
            return
        targets = sorted(self._neighbours(vertex))
        if self.middle[vertex]:
            targets = [t for t in targets if self.middle[t]]
        if not targets:
            return
        points = np.concatenate([self._poses[:, targets], np.ones((len(self._poses), len(targets), 1))], axis=2)
        quadric = self._quadric[vertex][None] + self._quadric[targets]
        costs = np.einsum("pti,tpij,ptj->t", points, quadric, points)
        # A little length keeps flat areas evenly meshed.
        lengths = np.sum((self._poses[0, targets] - self._poses[0, vertex]) ** 2, axis=1)
        for target, cost in zip(targets, costs + 1e-4 * lengths, strict=True):
            entry = (float(cost), vertex, target, self._stamp[vertex], self._stamp[target])
            heapq.heappush(self._heap, entry)

    def _moved(self, vertex: int, target: int) -> list[tuple[int, tuple[int, ...]]] | None:
        """Return the faces that survive a collapse with their new wedges, or None where it would do harm."""
        shared = self.around[vertex] & self.around[target]
        common = self._neighbours(vertex) & self._neighbours(target)
        edge_is_open = self.middle[vertex] and self.middle[target] and len(shared) == 1
        if len(common) != (1 if edge_is_open else 2) or len(shared) != len(common):
            return None
        if len(self._neighbours(vertex) | self._neighbours(target)) - 2 > _MAX_VALENCE:
            return None
        if self.middle[target] and not self.middle[vertex]:
            # An inner edge between two middle vertices would coincide with its own mirror image.
            gained = self._neighbours(vertex) - self._neighbours(target) - {target}
            if any(self.middle[v] for v in gained):
                return None
        if self._on_border(vertex):
            if edge_is_open:
                if len({self.materials[f] for f in self.around[vertex]}) > 1:
                    return None
            elif not self._is_border((vertex, target), *shared):
                return None
        elif self.middle[vertex] and not edge_is_open:
            return None
        wedges, points = self._wedges, self._poses[0]
        available = {w for f in self.around[target] for w in self.faces[f] if wedges.vertex[w] == target}
        result = []
        for face in self.around[vertex] - shared:
            old = next(w for w in self.faces[face] if wedges.vertex[w] == vertex)
            fitting = [w for w in available if wedges.chart[w] == wedges.chart[old]]
            if not fitting:
                return None
            new = min(fitting, key=lambda w: (float(np.sum((wedges.uv[w] - wedges.uv[old]) ** 2)), w))
            changed = tuple(new if w == old else w for w in self.faces[face])
            before = points[list(self._corners(face))]
            after = points[wedges.vertex[list(changed)]]
            n0 = np.cross(before[1] - before[0], before[2] - before[0])
            n1 = np.cross(after[1] - after[0], after[2] - after[0])
            size = np.linalg.norm(n1)
            longest = max(float(np.sum((after[i] - after[i - 1]) ** 2)) for i in range(3))
            if size < 0.06 * longest or n0 @ n1 < 0.25 * np.linalg.norm(n0) * size:
                return None
            result.append((face, changed))
        return result

    def _collapse(self, vertex: int, target: int, survivors: list[tuple[int, tuple[int, ...]]]) -> None:
        touched = self._neighbours(vertex)
        for face in self.around[vertex] & self.around[target]:
            for v in self._corners(face):
                self.around[v].discard(face)
            self.alive[face] = False
        for face, wedges in survivors:
            self.faces[face] = wedges
            self.around[target].add(face)
        del self.around[vertex]
        self._quadric[target] += self._quadric[vertex]
        for v in touched:
            self._stamp[v] += 1
        for v in sorted(touched):
            self._push(v)

    def count(self) -> int:
        """Return how many vertices the whole body has now."""
        kept = np.fromiter(self.around, dtype=np.int64)
        return int(2 * len(kept) - self.middle[kept].sum())

    def reduce(self, count: int) -> None:
        """Collapse the cheapest edges until the whole body has at most ``count`` vertices."""
        now = self.count()
        while now > count and self._heap:
            _, vertex, target, mine, theirs = heapq.heappop(self._heap)
            if vertex not in self.around or target not in self.around:
                continue
            if self._stamp[vertex] != mine or self._stamp[target] != theirs:
                continue
            survivors = self._moved(vertex, target)
            if survivors is not None:
                self._collapse(vertex, target, survivors)
                now -= 1 if self.middle[vertex] else 2

    def whole(self, surface: Surface) -> tuple[Surface, IntArray]:
        """Return the mirrored surface and which fine vertices it keeps."""
        wedges = self._wedges
        left = np.array([face for face, alive in zip(self.faces, self.alive, strict=True) if alive], dtype=np.int32)
        materials = np.array([m for m, alive in zip(self.materials, self.alive, strict=True) if alive], dtype=np.int32)
        both = np.concatenate([left, wedges.mirror[left][:, ::-1]])
        kept, faces = np.unique(wedges.vertex[both], return_inverse=True)
        new_index = np.full(len(surface.partner), -1, dtype=np.int32)
        new_index[kept] = np.arange(len(kept))
        coarse = Surface(
            origin=surface.origin[kept],
            faces=faces.reshape(both.shape).astype(np.int32),
            uvs=wedges.uv[both],
            materials=np.concatenate([materials, materials]),
            partner=new_index[surface.partner[kept]],
        )
        return coarse, kept.astype(np.int32)


def coarser_levels(
    surface: Surface, poses: Array, importance: Array, locked: IntArray, counts: Sequence[int]
) -> list[tuple[Surface, IntArray]]:
    """Return coarser surfaces of falling size, each with the indices of the fine vertices it keeps.

    Args:
        surface: the fine, symmetric surface of quads.
        poses: (P, V, 3) cm, the fine vertices in several poses or shapes; the first is the rest pose.
        importance: (V,) factor on the error of each vertex.
        locked: vertices that must be kept.
        counts: the number of vertices wanted for each level, falling.
    """
    half = _Half(surface, poses, importance, locked)
    levels = []
    for count in counts:
        half.reduce(count)
        levels.append(half.whole(surface))
    return levels
