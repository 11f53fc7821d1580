"""NumPy arrays into and out of Blender's data: the only place where the two meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import bpy


def fill(collection: Any, attribute: str, values: ArrayLike, dtype: type = np.float32) -> None:
    """Writes one attribute of every item of a bpy collection.

    ``dtype`` has to be the type that Blender stores (float32, int32, bool), because only then is the array copied
    as a block.
    """
    collection.foreach_set(attribute, np.ascontiguousarray(values, dtype=dtype).ravel())


def take(collection: Any, attribute: str, width: int = 1) -> NDArray[np.float32]:
    """Reads one float attribute of every item of a bpy collection: (N,) or, for vectors, (N, width)."""
    values = np.empty(len(collection) * width, dtype=np.float32)
    collection.foreach_get(attribute, values)
    return values if width == 1 else values.reshape(-1, width)


def polygon_mesh(
    name: str,
    vertices: ArrayLike,
    face_sizes: ArrayLike,
    face_vertices: ArrayLike,
) -> bpy.types.Mesh:
    """A smooth-shaded mesh from polygons of any size.

    Args:
        vertices: (V, 3) m, object axes.
        face_sizes, face_vertices: (F,) corners of each polygon and (L,) their vertices, one polygon after the
        other.
    """
    import bpy

    points = np.asarray(vertices)
    sizes = np.asarray(face_sizes, dtype=np.int32)
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(points))
    mesh.loops.add(int(sizes.sum()))
    mesh.polygons.add(len(sizes))
    fill(mesh.vertices, "co", points)
    fill(mesh.loops, "vertex_index", face_vertices, np.int32)
    fill(mesh.polygons, "loop_start", np.concatenate([[0], np.cumsum(sizes)[:-1]]), np.int32)
    fill(mesh.polygons, "use_smooth", np.ones(len(sizes)), bool)
    mesh.update(calc_edges=True)
    return mesh


def set_uvs(mesh: bpy.types.Mesh, uvs: ArrayLike, name: str = "UVMap") -> None:
    """One UV map from coordinates per face corner (L, 2)."""
    fill(mesh.uv_layers.new(name=name).uv, "vector", uvs)


def set_vertex_groups(obj: bpy.types.Object, names: Sequence[str], indices: ArrayLike, weights: ArrayLike) -> None:
    """Vertex groups from sparse weights.

    Args:
        names: one group per name is made, in this order, also where no vertex belongs to it.
        indices, weights: (V, K) group of each influence and its weight; weights of 0 are left out.
    """
    groups = [obj.vertex_groups.new(name=name) for name in names]
    owners = np.asarray(indices)
    shares = np.asarray(weights, dtype=np.float64)
    for slot in range(owners.shape[1]):
        for vertex in np.flatnonzero(shares[:, slot] > 0).tolist():
            groups[owners[vertex, slot]].add((vertex,), shares[vertex, slot], "ADD")


def add_shape_key(obj: bpy.types.Object, name: str, points: ArrayLike) -> bpy.types.ShapeKey:
    """A shape key at the given positions (V, 3), relative to the basis, at value 0."""
    key = obj.shape_key_add(name=name, from_mix=False)
    fill(key.points, "co", points)
    return key


def evaluated_vertices(obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> NDArray[np.float64]:
    """World positions (V, 3) of a mesh object after its shape keys and modifiers."""
    evaluated = obj.evaluated_get(depsgraph)
    mesh = evaluated.to_mesh()
    try:
        points = take(mesh.vertices, "co", 3)
    finally:
        evaluated.to_mesh_clear()
    return in_world(points, evaluated)


def evaluated_surface(
    obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]]:
    """A mesh object after its shape keys and modifiers, as triangles.

    Returns:
        World positions (V, 3), triangles (T, 3), the material slot of each triangle (T,), and whether the side opposite
        to each of its corners is an edge of the mesh (T, 3), not a diagonal that divides a polygon.
    """
    evaluated = obj.evaluated_get(depsgraph)
    mesh = evaluated.to_mesh()
    try:
        points = take(mesh.vertices, "co", 3)
        mesh.calc_loop_triangles()
        triangles = np.empty((len(mesh.loop_triangles), 3), np.int32)
        mesh.loop_triangles.foreach_get("vertices", triangles.ravel())
        materials = np.empty(len(mesh.loop_triangles), np.int32)
        mesh.loop_triangles.foreach_get("material_index", materials)
        ends = np.empty((len(mesh.edges), 2), np.int32)
        mesh.edges.foreach_get("vertices", ends.ravel())
    finally:
        evaluated.to_mesh_clear()
    sides = np.stack([triangles[:, [1, 2]], triangles[:, [2, 0]], triangles[:, [0, 1]]], axis=1)
    return in_world(points, evaluated), triangles, materials, np.isin(_pair_numbers(sides), _pair_numbers(ends))


def evaluated_uvs(obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> NDArray[np.float32] | None:
    """The texture coordinates (T, 3, 2) of a mesh object's triangles, in the order of ``evaluated_surface``, by the map
    that is rendered; None where there is none.
    """
    evaluated = obj.evaluated_get(depsgraph)
    mesh = evaluated.to_mesh()
    try:
        layer = next((layer for layer in mesh.uv_layers if layer.active_render), None)
        if layer is None:
            return None
        places = take(layer.uv, "vector", 2)
        mesh.calc_loop_triangles()
        loops = np.empty((len(mesh.loop_triangles), 3), np.int32)
        mesh.loop_triangles.foreach_get("loops", loops.ravel())
        return places[loops]
    finally:
        evaluated.to_mesh_clear()


def _pair_numbers(pairs: NDArray[np.int32]) -> NDArray[np.int64]:
    """One number for each pair of vertices (..., 2), whichever comes first."""
    return pairs.min(axis=-1).astype(np.int64) << 32 | pairs.max(axis=-1)


def in_world(points: NDArray[np.float32], obj: bpy.types.Object) -> NDArray[np.float64]:
    """Points (V, 3) of an evaluated object's own axes in the world's."""
    world = np.asarray(obj.matrix_world, dtype=np.float64)
    return points @ world[:3, :3].T + world[:3, 3]
