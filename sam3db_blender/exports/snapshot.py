"""A character as it stands now, read into arrays: nothing in the scene is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import Sam3dbError

from ..rig.arrays import take
from ..rig.correctives import PREFIX
from ..rig.sliders import slider_groups
from .rest import Joints
from .skinning import normalised

Array = NDArray[np.float64]

_UNEVEN = 1e-4


@dataclass(frozen=True)
class ShapeKey:
    """A shape that a mesh keeps: offsets (V, 3) m per unit, and how much of it is there now."""

    name: str
    offsets: Array
    value: float


@dataclass(frozen=True)
class Skin:
    """A mesh as it is before bones move it.

    Attributes:
        points: (V, 3) m, the person's shape without ``keys`` and without corrections of the pose.
        keys: the shapes that are not the person's own: the face, and what was added.
        corrections: the same for corrections of the pose.
        weights: (V, N) of the rig's bones; rows sum to 1.
        into_armature: (4, 4) from the mesh object's own axes to the armature's.
    """

    points: Array
    keys: tuple[ShapeKey, ...]
    corrections: tuple[ShapeKey, ...]
    weights: Array
    into_armature: Array

    @classmethod
    def nothing(cls, bones: int) -> Skin:
        """No mesh at all."""
        return cls(np.zeros((0, 3)), (), (), np.zeros((0, bones)), np.eye(4))

    def shaped(self, corrected: bool, keyed: bool = True) -> Array:
        """(V, 3) the points with the shapes as they are set, and with the corrections where they are wanted."""
        points = self.points.copy()
        for key in (*(self.keys if keyed else ()), *(self.corrections if corrected else ())):
            points += key.value * key.offsets
        return points


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


def read_world(rig: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> tuple[Array, float]:
    """Where the rig stands: its world matrix (4, 4) without scale, and its scale.

    Raises:
        Sam3dbError: it is scaled unevenly or mirrored, which no skeleton can say.
    """
    world = np.array(rig.evaluated_get(depsgraph).matrix_world, dtype=np.float64)
    sizes = np.linalg.norm(world[:3, :3], axis=0)
    scale = float(sizes.mean())
    turn = world[:3, :3] / max(scale, 1e-12)
    if np.abs(turn.T @ turn - np.eye(3)).max() > _UNEVEN or np.linalg.det(turn) < 0:
        raise Sam3dbError(
            f"'{rig.name}' is scaled unevenly or mirrored as an object, which a skeleton cannot be: clear its scale "
            "(Alt+S) and export again."
        )
    world[:3, :3] = turn
    return world, scale


def read_skin(mesh: bpy.types.Object, rig: bpy.types.Object, joints: Joints, depsgraph: bpy.types.Depsgraph) -> Skin:
    """The mesh in the armature's space, its shape keys as the sliders stand."""
    if mesh.mode == "EDIT":
        mesh.update_from_editmode()
    into_armature = _into_armature(mesh, rig, depsgraph)
    data: Any = mesh.data
    points, shapes = _shapes(data, rig, depsgraph, mesh)
    turn = into_armature[:3, :3]
    keys = [ShapeKey(key.name, key.offsets @ turn.T, key.value) for key in shapes]
    return Skin(
        points=points @ turn.T + into_armature[:3, 3],
        keys=tuple(key for key in keys if not key.name.startswith(PREFIX)),
        corrections=tuple(key for key in keys if key.name.startswith(PREFIX)),
        weights=read_weights(mesh, data, joints.names),
        into_armature=into_armature,
    )


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


def _into_armature(mesh: bpy.types.Object, rig: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> Array:
    """(4, 4) from the mesh's axes to the armature's."""
    world = np.array(rig.evaluated_get(depsgraph).matrix_world, dtype=np.float64)
    return np.linalg.inv(world) @ np.array(mesh.evaluated_get(depsgraph).matrix_world, dtype=np.float64)


def _shapes(
    data: bpy.types.Mesh, rig: bpy.types.Object, depsgraph: bpy.types.Depsgraph, mesh: bpy.types.Object
) -> tuple[Array, list[ShapeKey]]:
    """The mesh's points (V, 3) with the person's own shape, and all other shape keys."""
    keys: Any = data.shape_keys
    if keys is None:
        return take(data.vertices, "co", 3).astype(np.float64), []
    own = {key for group in slider_groups(rig.keys())["shape"].values() for key in group}
    now: Any = keys.evaluated_get(depsgraph)
    points = take(keys.reference_key.points, "co", 3).astype(np.float64)
    others = []
    for key, value in zip(keys.key_blocks, [0.0 if key.mute else key.value for key in now.key_blocks]):
        if key == keys.reference_key:
            continue
        offsets = take(key.points, "co", 3).astype(np.float64) - take(key.relative_key.points, "co", 3)
        offsets *= _mask(mesh, key)[:, None]
        if key.name in own:
            points += value * offsets
        else:
            others.append(ShapeKey(key.name, offsets, float(value)))
    return points, others


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
