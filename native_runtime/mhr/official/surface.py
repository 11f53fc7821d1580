"""Where points lie on a triangle mesh."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def vertex_normals(vertices: NDArray, triangles: NDArray) -> Array:
    """Unit normals (V, 3), triangles weighted by their area."""
    a, b, c = (np.asarray(vertices, np.float64)[triangles[:, i]] for i in range(3))
    face = np.cross(b - a, c - a)
    normals = np.zeros((len(vertices), 3))
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], face)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def closest_on_surface(points: NDArray, vertices: NDArray, triangles: NDArray) -> tuple[NDArray[np.int64], Array]:
    """The closest surface point to each of a few points.

    Args:
        points: (n, 3)
        vertices, triangles: (V, 3), (T, 3) the mesh.

    Returns:
        The triangle (n,) on which it lies, and its barycentric coordinates there (n, 3), none of them negative.
    """
    vertices = np.asarray(vertices, np.float64)
    corners = vertices[triangles]  # (T, 3, 3)
    centre = corners.mean(axis=1)
    radius = np.linalg.norm(corners - centre[:, None], axis=2).max(axis=1)
    faces = np.empty(len(points), np.int64)
    shares = np.empty((len(points), 3))
    for i, point in enumerate(np.asarray(points, np.float64)):
        # A triangle cannot be nearer than its bounding sphere, nor the closest one farther than any one centre.
        reach = np.linalg.norm(centre - point, axis=1)
        possible = np.flatnonzero(reach - radius <= reach.min())
        share = _closest_in_triangles(point, corners[possible])
        foot = np.einsum("tk,tkc->tc", share, corners[possible])
        best = int(np.argmin(np.linalg.norm(foot - point, axis=1)))
        faces[i], shares[i] = possible[best], share[best]
    return faces, shares


def _closest_in_triangles(point: Array, corners: Array) -> Array:
    """Barycentric coordinates (T, 3) of the closest point in each triangle (T, 3, 3).

    The closest point is the foot of the perpendicular where that lies inside; else it lies on one of the edges.
    """
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    u, v, w = b - a, c - a, point - a
    uu, uv, vv = np.sum(u * u, 1), np.sum(u * v, 1), np.sum(v * v, 1)
    wu, wv = np.sum(w * u, 1), np.sum(w * v, 1)
    area = np.maximum(uu * vv - uv * uv, 1e-30)
    second, third = (vv * wu - uv * wv) / area, (uu * wv - uv * wu) / area
    inside = np.stack([1 - second - third, second, third], axis=1)
    candidates = [np.where(np.all(inside >= 0, axis=1)[:, None], inside, np.nan)]
    for start, end in ((0, 1), (1, 2), (2, 0)):
        edge = corners[:, end] - corners[:, start]
        length = np.maximum(np.sum(edge * edge, 1), 1e-30)
        along = np.clip(np.sum((point - corners[:, start]) * edge, 1) / length, 0.0, 1.0)
        share = np.zeros((len(corners), 3))
        share[:, start], share[:, end] = 1 - along, along
        candidates.append(share)
    stacked = np.stack(candidates)  # (4, T, 3)
    feet = np.einsum("ntk,tkc->ntc", stacked, corners)
    distance = np.where(np.isnan(feet[..., 0]), np.inf, np.linalg.norm(feet - point, axis=-1))
    return np.take_along_axis(stacked, np.argmin(distance, axis=0)[None, :, None], axis=0)[0]
