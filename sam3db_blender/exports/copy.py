"""The copy of a character that an exporter gets: a plain armature and plain meshes in a scene of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.exports.character import ExportSkin
from native_runtime.characters.exports.skeleton import ExportSkeleton
from native_runtime.mhr.rotations import matrix_to_quaternion

from .. import compat
from ..rig.armature import add_bones
from ..rig.arrays import add_shape_key, fill, set_vertex_groups, take
from ..scene.materials import REST_POSITION, SKIN_ZONES
from .materials import needs_replacing, replacement
from .snapshot import Piece

Array = NDArray[np.float64]

#: The frame that holds the pose, or the first one of an animation, and what the animation is called.
FRAME = 1
ACTION = "Pose"
#: Blender's number of the interpolation.
_LINEAR = 1


def build_armature(name: str, skeleton: ExportSkeleton, collection: bpy.types.Collection) -> bpy.types.Object:
    """The skeleton as an armature at rest."""
    data = bpy.data.armatures.new(name)
    rig = bpy.data.objects.new(name, data)
    collection.objects.link(rig)
    add_bones(rig, skeleton)
    return rig


def pose_armature(rig: bpy.types.Object, skeleton: ExportSkeleton, poses: Array) -> None:
    """Keys poses (F, B, 4, 4) of the skeleton on consecutive frames."""
    # Blender rounds what it is given, so the pose starts from the bones that it has made of it; it also sorts them
    rest = np.array([rig.data.bones[name].matrix_local for name in skeleton.names], dtype=np.float64)
    values: dict[str, Array] = {}
    for i, (name, parent) in enumerate(zip(skeleton.names, skeleton.parents.tolist())):
        local = rest[i] if parent < 0 else np.linalg.inv(rest[parent]) @ rest[i]
        moved = poses[:, i] if parent < 0 else np.linalg.inv(poses[:, parent]) @ poses[:, i]
        change = np.linalg.inv(local) @ moved
        bone = rig.pose.bones[name]
        bone.rotation_mode = "QUATERNION"
        values[bone.path_from_id("location")] = change[:, :3, 3]
        values[bone.path_from_id("rotation_quaternion")] = _steady(matrix_to_quaternion(change[:, :3, :3]))
    _key(rig, values)
    rig.animation_data.action.name = ACTION


def build_mesh(
    name: str, piece: Piece, skin: ExportSkin, rig: bpy.types.Object, names: Sequence[str], materials: list[Any]
) -> bpy.types.Object:
    """Makes a mesh at rest, in the world's axes, bound to the armature; its data-block becomes the file's.

    Args:
        names: of the bones, as ``skin`` counts them.
        materials: one for each slot of the mesh, or None.
    """
    data: Any = piece.data
    mesh = bpy.data.objects.new(name, data)
    rig.users_collection[0].objects.link(mesh)
    mesh.vertex_groups.clear()  # and with them what modifiers have made of the weights
    for ours in (REST_POSITION, SKIN_ZONES):
        attribute = data.attributes.get(ours)
        if attribute is not None:
            data.attributes.remove(attribute)
    fill(data.vertices, "co", skin.points)
    data.update()
    data.name = name
    for slot, material in enumerate(materials):
        data.materials[slot] = material
    set_vertex_groups(mesh, names, skin.bones, skin.shares)
    if skin.keys:
        _add_keys(mesh, skin)
    mesh.parent = rig
    modifier = mesh.modifiers.new("Armature", "ARMATURE")
    modifier.object = rig
    return mesh


def other_modifiers(mesh: bpy.types.Object) -> list[str]:
    """The names of the modifiers, other than armatures, that a mesh shows."""
    return [modifier.name for modifier in mesh.modifiers if modifier.show_viewport and modifier.type != "ARMATURE"]


def slot_materials(piece: Piece, lent: dict[str, str]) -> list[Any]:
    """What the slots of the copy get: the mesh's materials, or what replaces them.

    Args:
        lent: what each replacement and its pictures are called, by the names that the originals have now.
    """
    made: dict[str, Any] = {}
    chosen = []
    for material in piece.data.materials:
        if material is not None and needs_replacing(material):
            name = lent.get(material.name, material.name)
            if name not in made:
                # another mesh of the character may have made it
                made[name] = bpy.data.materials.get((name, None)) if material.name in lent else None
                made[name] = made[name] or replacement(material, lent)
            material = made[name]
        chosen.append(material)
    return chosen


def _add_keys(mesh: bpy.types.Object, skin: ExportSkin) -> None:
    basis = take(mesh.data.vertices, "co", 3)
    add_shape_key(mesh, "Basis", basis)
    for key in skin.keys:
        block = add_shape_key(mesh, key.name, basis + key.offsets)
        all_values = (key.value, *key.values.tolist())
        block.slider_min, block.slider_max = min(0.0, *all_values), max(1.0, *all_values)
        block.value = key.value
    keys: Any = mesh.data.shape_keys  # type: ignore[union-attr]
    moving = {
        f'key_blocks["{bpy.utils.escape_identifier(key.name)}"].value': key.values[:, None]
        for key in skin.keys
        if np.any(key.values != key.value)
    }
    if moving:
        _key(keys, moving)


def _steady(quaternions: Array) -> Array:
    """Quaternions (F, 4), xyzw, as Blender's (F, 4), wxyz, each turning the short way from the one before."""
    turns = np.roll(quaternions, 1, axis=1)
    signs = np.where(np.einsum("fi,fi->f", turns[1:], turns[:-1]) < 0, -1.0, 1.0)
    turns[1:] *= np.cumprod(signs)[:, None]
    return turns


def _key(block: Any, values: dict[str, Array]) -> None:
    """Keys values (F, width) of properties of a data-block, by their paths, on consecutive frames, linear between."""
    for path, rows in values.items():
        owner, name = _owner(block, path)
        setattr(owner, name, rows[0].tolist() if rows.shape[1] > 1 else float(rows[0, 0]))
        owner.keyframe_insert(name, frame=FRAME)
    for _, curve in compat.animation_curves(block):
        column = values[curve.data_path][:, curve.array_index]
        points = curve.keyframe_points
        points.add(len(column) - 1)
        fill(points, "co", np.stack([FRAME + np.arange(len(column)), column], axis=1))
        fill(points, "interpolation", np.full(len(column), _LINEAR), np.int32)
        curve.update()


def _owner(block: Any, path: str) -> tuple[Any, str]:
    """What holds the property of a path, and the property's name."""
    before, _, name = path.rpartition(".")
    return block.path_resolve(before), name
