"""A tape around a body: the convex hull of a plane section of a mesh, and how it changes with the mesh.

A tape that is pulled tight spans hollows, so its length is the perimeter of the section's convex hull.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_HALF = 0.5


@dataclass(frozen=True)
class Tape:
    """A tape around a part of a mesh.

    Attributes:
        length: cm.
        points: (k, 3) cm, the corners of the hull in order.
        ends: (k, 2) the vertices of the edges that the corners lie on.
        along: (k,) where on their edges they lie, 0..1.
        edge: (k, 3) cm, from the first end of each edge to the second.
        normal: (3,) the plane's.
    """

    length: float
    points: Array
    ends: Indices
    along: Array
    edge: Array
    normal: Array

    @cached_property
    def _outward(self) -> Array:
        """(k, 3) by how much the tape lengthens for each cm that a corner moves."""
        sides = np.roll(self.points, -1, axis=0) - self.points
        directions = sides / np.maximum(np.linalg.norm(sides, axis=1), 1e-12)[:, None]
        return np.roll(directions, 1, axis=0) - directions

    @cached_property
    def _steep(self) -> Array:
        """(k,) the same for each cm that the plane moves along its normal, by corner: corners stay on their edges."""
        return np.asarray(np.sum(self._outward * self.edge, axis=1) / (self.edge @ self.normal))

    @property
    def rise(self) -> float:
        """By how much the tape lengthens for each cm that the plane moves along its normal."""
        return float(self._steep.sum())

    @property
    def pulls(self) -> Array:
        """(k, 2, 3) by how much the tape lengthens for each cm that a vertex of ``ends`` moves."""
        free = (
            self._outward - self._steep[:, None] * self.normal
        )  # corners slide along their edges to stay in the plane
        return np.stack([(1.0 - self.along)[:, None] * free, self.along[:, None] * free], axis=1)


def tape(
    vertices: Array, edges: Indices, share: Array, origin: Array, normal: Array, reach: float = np.inf
) -> Tape | None:
    """The tape around a part of a mesh in a plane; None where the plane misses it.

    Args:
        vertices: (V, 3) cm.
        edges: (E, 2) indices of the edges that may be cut.
        share: (V,) how much of a vertex belongs to the part; points of the section that belong to it by less than half,
            linearly along their edge, are left out. So where a part ends depends little on how fine a mesh is.
        origin: (3,) cm, a point of the plane.
        normal: (3,) of length 1.
        reach: cm, points farther from ``origin`` are left out.
    """
    heights = (vertices[edges] - origin) @ normal
    crossed = (heights[:, 0] > 0.0) != (heights[:, 1] > 0.0)
    cut, heights = edges[crossed], heights[crossed]
    first, second = cut.T
    along = heights[:, 0] / (heights[:, 0] - heights[:, 1])
    kept = share[first] + along * (share[second] - share[first]) > _HALF
    cut, along = cut[kept], along[kept]
    start = vertices[cut[:, 0]]
    edge = vertices[cut[:, 1]] - start
    points = start + along[:, None] * edge
    if np.isfinite(reach):
        inside = np.linalg.norm(points - origin, axis=1) < reach
        cut, along, edge, points = cut[inside], along[inside], edge[inside], points[inside]
    if len(points) < 3:
        return None
    flat = ((points - origin) @ _across(normal)).astype(np.float32)
    corners = cv2.convexHull(flat, returnPoints=False)[:, 0]
    hull = points[corners]
    length = float(np.linalg.norm(hull - hull[np.arange(-1, len(hull) - 1)], axis=1).sum())
    return Tape(length, hull, cut[corners], along[corners], edge[corners], normal)


def near(vertices: Array, edges: Indices, normal: Array, low: float, high: float) -> Indices:
    """Those of the edges that planes between two heights along a normal can cut."""
    heights = (vertices @ normal)[edges]
    first, second = heights.T
    return edges[(np.maximum(first, second) > low) & (np.minimum(first, second) < high)]


def _across(normal: Array) -> Array:
    """(3, 2) two unit vectors across a normal."""
    x, y, z = normal.tolist()
    if y > 0.999:
        return np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    first = np.array([z, 0.0, -x]) / max(float(np.hypot(x, z)), 1e-12)  # across the vertical
    second = np.array([-x * y, x * x + z * z, -y * z]) / max(float(np.hypot(x, z)), 1e-12)
    return np.stack([first, second], axis=1)
