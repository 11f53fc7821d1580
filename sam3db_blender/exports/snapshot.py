"""A character's current state, read into arrays: nothing in the scene is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.exports.rest import Joints
from native_runtime.characters.exports.skinning import ShapeKey, Skin, normalised
from native_runtime.characters.sliders import slider_groups
from native_runtime.errors import Sam3dbError

from ..rig.arrays import in_world, take
from ..rig.correctives import PREFIX
from ..rig.driven import DRIVEN_PREFIX
from ..rig.transfer import mesh_triangles
from ..scene.belongings import Belonging

Array = NDArray[np.float64]

_UNEVEN = 1e-4
_CORRECTIVES = (PREFIX, DRIVEN_PREFIX)


@dataclass(frozen=True)
class Surface:
    """A mesh as Blender shows it: points (V, 3) m, world, the vertex (L,) at each corner of its polygons, one polygon
    after the other, and its triangles (T, 3).
    """

    points: Array
    corners: NDArray[np.int32]
    triangles: NDArray[np.int32]

    def matches(self, other: Surface) -> bool:
        """Whether vertices of the same number are the same ones."""
        return len(self.points) == len(other.points) and np.array_equal(self.corners, other.corners)


@dataclass(frozen=True)
class Piece:
    """A mesh of a character: its name, the object, its polygons as Blender shows them (a data-block of our own), its
    arrays, the surface that is shown now, whether its shape keys had to be left behind because modifiers gave it other
    vertices, and how many faces were not sound (two on the same vertices, which Decimate makes).
    """

    name: str
    obj: bpy.types.Object
    data: bpy.types.Mesh
    skin: Skin
    surface: Surface
    keys_lost: bool = False
    unsound: int = 0


def read_joints(rig: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> Joints:
    """The rig's bones where they are now, constraints and drivers included."""
    bones = rig.evaluated_get(depsgraph).pose.bones
    names = [bone.name for bone in bones]
    bind = np.array([bone.bone.matrix_local for bone in bones], dtype=np.float64)
    bind[:, :3, :3] /= np.linalg.norm(bind[:, :3, :3], axis=1, keepdims=True)
    order = _parents_first([-1 if bone.parent is None else names.index(bone.parent.name) for bone in bones])
    place = {old: new for new, old in enumerate(order)}
    parents = [bones[i].parent for i in order]
    return Joints(
        names=tuple(names[i] for i in order),
        parents=np.array([-1 if parent is None else place[names.index(parent.name)] for parent in parents]),
        bind=bind[order],
        pose=np.array([bones[i].matrix for i in order], dtype=np.float64),
        lengths=np.array([bones[i].bone.length for i in order], dtype=np.float64),
    )


def read_world(rig: bpy.types.Object, depsgraph: bpy.types.Depsgraph, unit: float = 1.0) -> tuple[Array, float]:
    """Where the rig stands, m: its world matrix (4, 4) without scale, and the scale that makes metres of its own units.

    Args:
        unit: m, the length of a unit of the scene.

    Raises:
        Sam3dbError: it is scaled unevenly or mirrored, which no skeleton can say.
    """
    world = np.array(rig.evaluated_get(depsgraph).matrix_world, dtype=np.float64)
    sizes = np.linalg.norm(world[:3, :3], axis=0)
    scale = float(sizes.mean())
    turn = world[:3, :3] / max(scale, 1e-12)
    if np.abs(turn.T @ turn - np.eye(3)).max() > _UNEVEN or np.linalg.det(turn) < 0:
        raise Sam3dbError(
            f"'{rig.name}' is scaled unevenly or mirrored as an object, which skeletons do not support: clear its "
            "scale (Alt+S) and export again."
        )
    world[:3, :3] = turn
    world[:3, 3] *= unit
    return world, scale * unit


def read_piece(
    mesh: Belonging, rig: bpy.types.Object, joints: Joints, depsgraph: bpy.types.Depsgraph, unit: float = 1.0
) -> Piece:
    """A mesh as Blender shows it now, its shape keys as they stand.

    Args:
        unit: m, the length of a unit of the scene.
    """
    obj = mesh.obj
    if obj.mode == "EDIT":
        obj.update_from_editmode()
    evaluated = obj.evaluated_get(depsgraph)
    data: Any = bpy.data.meshes.new_from_object(evaluated, preserve_all_data_layers=True, depsgraph=depsgraph)
    data.name = f"{obj.name} taken"  # its name is to be lent
    count = len(data.polygons)
    surface = _surface(data, evaluated, unit)
    data.validate(clean_customdata=False)  # exporters leave out what is not sound, so it is done for all of them
    weights = _weights(mesh, data, joints.names)
    base, keys = _shapes(obj, rig, depsgraph)
    kept = len(base) == len(surface.points)
    own = [key for key in keys if not key.name.startswith(_CORRECTIVES)] if kept else []
    skin = Skin(
        points=surface.points,
        weights=weights,
        carrier=None if mesh.bone is None else _number_of(mesh.bone, joints.names),
        unposed=base + sum((key.value * key.offsets for key in keys), np.zeros_like(base)) if kept else None,
        keys=tuple(own),
        corrections=tuple(key for key in keys if key.name.startswith(_CORRECTIVES)) if kept else (),
    )
    return Piece(obj.name, obj, data, skin, surface, bool(keys) and not kept, count - len(data.polygons))


def read_surface(obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph, unit: float) -> Surface:
    """A mesh as Blender shows it; ``unit``: m, the length of a unit of the scene."""
    evaluated = obj.evaluated_get(depsgraph)
    data: Any = evaluated.to_mesh()
    try:
        return _surface(data, evaluated, unit)
    finally:
        evaluated.to_mesh_clear()


def _surface(data: bpy.types.Mesh, evaluated: bpy.types.Object, unit: float) -> Surface:
    points = unit * in_world(take(data.vertices, "co", 3), evaluated)
    corners = np.empty(len(data.loops), np.int32)
    data.loops.foreach_get("vertex_index", corners)
    return Surface(points, corners, mesh_triangles(data))


def read_key_values(obj: bpy.types.Object, names: Sequence[str], depsgraph: bpy.types.Depsgraph) -> list[float]:
    """How much of each of some shape keys there is."""
    blocks = evaluated_keys(obj, depsgraph).key_blocks
    return [0.0 if blocks[name].mute else float(blocks[name].value) for name in names]


def evaluated_keys(obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> Any:
    """The shape keys of a mesh that has some, with the values that drivers and keys give them."""
    keys: Any = obj.data.shape_keys  # type: ignore[union-attr]
    return keys.evaluated_get(depsgraph)


def _weights(mesh: Belonging, data: bpy.types.Mesh, names: Sequence[str]) -> Array:
    """(V, N): a mesh that one bone carries belongs to it wholly; the rig itself is its first bone."""
    if mesh.bone is None:
        return read_weights(mesh.obj, data, names)
    weights = np.zeros((len(data.vertices), len(names)))
    weights[:, _number_of(mesh.bone, names)] = 1.0
    return weights


def _number_of(bone: str, names: Sequence[str]) -> int:
    return names.index(bone) if bone in names else 0


def read_weights(owner: bpy.types.Object, data: bpy.types.Mesh, names: Sequence[str]) -> Array:
    """(V, N) weights of some bones from an object's vertex groups and a mesh of its topology; rows sum
    to 1.
    """
    columns = {name: i for i, name in enumerate(names)}
    column = [columns.get(group.name, -1) for group in owner.vertex_groups]
    weights = np.zeros((len(data.vertices), len(names)))
    for vertex in data.vertices:
        for group in vertex.groups:
            if group.group < len(column) and column[group.group] >= 0:
                weights[vertex.index, column[group.group]] = group.weight
    return normalised(weights)


def _parents_first(parents: list[int]) -> list[int]:
    """Bones in an order in which parents stand before their children, otherwise as they were."""
    depths = []
    for start in parents:
        depth, above = 0, start
        while above >= 0:
            depth, above = depth + 1, parents[above]
        depths.append(depth)
    if all(parent < i for i, parent in enumerate(parents)):
        return list(range(len(parents)))
    return sorted(range(len(parents)), key=lambda i: depths[i])


def _shapes(
    mesh: bpy.types.Object, rig: bpy.types.Object, depsgraph: bpy.types.Depsgraph
) -> tuple[Array, list[ShapeKey]]:
    """The mesh's points (V, 3) with the person's own shape, and all other shape keys, in the armature's axes."""
    data: Any = mesh.data
    into = _into_armature(mesh, rig, depsgraph)
    points, others = take(data.vertices, "co", 3).astype(np.float64), []
    keys: Any = data.shape_keys
    if keys is not None:
        own = {key for group in slider_groups(rig.keys())["shape"].values() for key in group}
        points = take(keys.reference_key.points, "co", 3).astype(np.float64)
        blocks = [key for key in keys.key_blocks if key != keys.reference_key]
        values = read_key_values(mesh, [key.name for key in blocks], depsgraph)
        for key, value in zip(blocks, values):
            offsets = take(key.points, "co", 3).astype(np.float64) - take(key.relative_key.points, "co", 3)
            offsets *= _mask(mesh, key)[:, None]
            if key.name in own:
                points += value * offsets
            else:
                others.append(ShapeKey(key.name, offsets @ into[:3, :3].T, value))
    return points @ into[:3, :3].T + into[:3, 3], others


def _into_armature(mesh: bpy.types.Object, rig: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> Array:
    """(4, 4) from the mesh's axes to the armature's."""
    world = np.array(rig.evaluated_get(depsgraph).matrix_world, dtype=np.float64)
    return np.linalg.inv(world) @ np.array(mesh.evaluated_get(depsgraph).matrix_world, dtype=np.float64)


def _mask(mesh: bpy.types.Object, key: bpy.types.ShapeKey) -> Array:
    """(V,) how much of a shape key acts on each vertex."""
    data: Any = mesh.data
    mask = np.ones(len(data.vertices))
    group: Any = mesh.vertex_groups.get(key.vertex_group) if key.vertex_group else None
    if group is not None:
        mask[:] = 0.0
        for vertex in data.vertices:
            for entry in vertex.groups:
                if entry.group == group.index:
                    mask[vertex.index] = entry.weight
    return mask
