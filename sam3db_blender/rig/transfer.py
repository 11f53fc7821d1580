"""What an artist added to a mesh, carried over to another mesh of the same surface."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree
from numpy.typing import ArrayLike, NDArray

from .arrays import add_shape_key, take

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Correspondence:
    """For each point a place on another surface: three vertices (N, 3) and their weights (N, 3), which sum to 1."""

    vertices: NDArray[np.intp]
    weights: Array

    def carry(self, values: ArrayLike) -> Array:
        """Values (V, ...) of the other surface's vertices at the points (N, ...)."""
        corners = np.asarray(values, dtype=np.float64)[self.vertices]
        return np.einsum("nk,nk...->n...", self.weights, corners)


def nearest_surface(points: ArrayLike, vertices: ArrayLike, triangles: ArrayLike) -> Correspondence:
    """The nearest places on a surface (V, 3), (T, 3) to points (N, 3), all in the same axes and units."""
    cloud, surface = np.asarray(points, dtype=np.float64), np.asarray(vertices, dtype=np.float64)
    faces = np.asarray(triangles, dtype=np.intp)
    tree = BVHTree.FromPolygons(surface.tolist(), faces.tolist())
    found = [tree.find_nearest(Vector(point)) for point in cloud.tolist()]
    corners = faces[[index for _, _, index, _ in found]]
    return Correspondence(corners, _barycentric(np.array([place for place, *_ in found]), surface[corners]))


def _barycentric(places: Array, corners: Array) -> Array:
    """Weights (N, 3) of triangle corners (N, 3, 3) for places (N, 3) on them."""
    origin, one, two = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    offset = places - origin
    d11, d12, d22 = (np.einsum("ni,ni->n", a, b) for a, b in ((one, one), (one, two), (two, two)))
    e1, e2 = (np.einsum("ni,ni->n", offset, a) for a in (one, two))
    area = d11 * d22 - d12 * d12
    sound = area > 1e-18  # a triangle without area: its first corner will do
    area = np.where(sound, area, 1.0)
    v = np.where(sound, (d22 * e1 - d12 * e2) / area, 0.0)
    w = np.where(sound, (d11 * e2 - d12 * e1) / area, 0.0)
    weights = np.clip(np.stack([1 - v - w, v, w], axis=1), 0.0, None)
    return weights / weights.sum(axis=1, keepdims=True)


def mesh_triangles(mesh: bpy.types.Mesh) -> NDArray[np.int32]:
    """(T, 3)"""
    mesh.calc_loop_triangles()
    triangles = np.empty((len(mesh.loop_triangles), 3), np.int32)
    mesh.loop_triangles.foreach_get("vertices", triangles.ravel())
    return triangles


def carry_shape_keys(
    source: bpy.types.Object, target: bpy.types.Object, names: Iterable[str], places: Correspondence
) -> None:
    """Copies shape keys with their values to a mesh of the same surface."""
    keys = source.data.shape_keys
    basis = take(keys.reference_key.points, "co", 3)
    rest = take(target.data.shape_keys.reference_key.points, "co", 3)
    for name in names:
        key = keys.key_blocks[name]
        made = add_shape_key(target, name, rest + places.carry(take(key.points, "co", 3) - basis))
        made.slider_min, made.slider_max = key.slider_min, key.slider_max
        made.value, made.mute = key.value, key.mute


def carry_vertex_groups(
    source: bpy.types.Object, target: bpy.types.Object, names: Iterable[str], places: Correspondence
) -> None:
    """Copies vertex groups to a mesh of the same surface."""
    for name in names:
        index = source.vertex_groups[name].index
        weights = np.zeros(len(source.data.vertices))
        for vertex in source.data.vertices:
            for membership in vertex.groups:
                if membership.group == index:
                    weights[vertex.index] = membership.weight
        group = target.vertex_groups.new(name=name)
        carried = places.carry(weights)
        for vertex_index in np.flatnonzero(carried > 1e-6).tolist():
            group.add((vertex_index,), float(carried[vertex_index]), "ADD")
