"""The copy of a character that an exporter gets: a plain armature and a plain mesh in a scene of their own."""

from __future__ import annotations

import json
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from ..rig.armature import add_bones
from ..rig.arrays import add_shape_key, fill, set_vertex_groups, take
from ..rig.mesh import PARTS_PROPERTY
from ..scene.materials import REST_POSITION
from .character import ExportCharacter
from .materials import needs_plain, plain_material
from .skeleton import ExportSkeleton
from .skinning import strongest
from .snapshot import read_weights

#: The frame that holds the pose, and what its animation is called.
FRAME = 1
ACTION = "Pose"


def build_armature(name: str, skeleton: ExportSkeleton, collection: bpy.types.Collection) -> bpy.types.Object:
    """The skeleton as an armature at rest."""
    data = bpy.data.armatures.new(name)
    rig = bpy.data.objects.new(name, data)
    collection.objects.link(rig)
    add_bones(rig, skeleton)
    return rig


def pose_armature(rig: bpy.types.Object, skeleton: ExportSkeleton, posed: bool) -> None:
    """Keys the pose, or the rest where that is not to be written, on one frame."""
    pose = skeleton.pose if posed else skeleton.rest
    # Blender rounds what it is given, so the pose starts from the bones that it has made of it; it also sorts them
    rest = np.array([rig.data.bones[name].matrix_local for name in skeleton.names], dtype=np.float64)
    from_rest, from_pose = np.linalg.inv(rest), np.linalg.inv(pose)
    for i, (name, parent) in enumerate(zip(skeleton.names, skeleton.parents.tolist())):
        local = rest[i] if parent < 0 else from_rest[parent] @ rest[i]
        moved = pose[i] if parent < 0 else from_pose[parent] @ pose[i]
        bone = rig.pose.bones[name]
        bone.rotation_mode = "QUATERNION"
        bone.location, bone.rotation_quaternion, _ = Matrix((np.linalg.inv(local) @ moved).tolist()).decompose()
        for channel in ("location", "rotation_quaternion"):
            bone.keyframe_insert(channel, frame=FRAME, group=name)
    rig.animation_data.action.name = ACTION


def build_mesh(
    name: str, original: bpy.types.Object, rig: bpy.types.Object, character: ExportCharacter, materials: list[Any]
) -> tuple[bpy.types.Object, list[str]]:
    """Makes the mesh at rest, in the world's axes, bound to the armature; modifiers are applied.

    Args:
        materials: one for each slot of the original, or None.

    Returns:
        The mesh, and what the artist should know.
    """
    notes = []
    influences = character.bones.shape[1]
    collection = rig.users_collection[0]
    data: Any = _plain_data(original, character)
    mesh = bpy.data.objects.new(name, data)
    collection.objects.link(mesh)
    names = character.skeleton.names
    set_vertex_groups(mesh, names, character.bones, character.shares)
    keys = character.keys
    modifiers = other_modifiers(original)
    if modifiers:
        fill(data.vertices, "co", character.points + _set_shapes(character))
        modified = _modified(original, mesh, modifiers, character.local)
        bones, shares = strongest(read_weights(mesh, modified, names), influences)
        mesh.vertex_groups.clear()
        mesh.data = data = modified
        set_vertex_groups(mesh, names, bones, shares)
        if len(data.vertices) == len(character.points):
            fill(data.vertices, "co", take(data.vertices, "co", 3) - _set_shapes(character))
        elif keys:
            keys = ()
            notes.append("Modifiers changed the number of vertices, so the shape keys were baked into the mesh.")
    data.name = name
    for slot, material in enumerate(materials):
        data.materials[slot] = material
    if keys:
        _add_keys(mesh, character)
    mesh.parent = rig
    modifier = mesh.modifiers.new("Armature", "ARMATURE")
    modifier.object = rig
    return mesh, notes


def other_modifiers(mesh: bpy.types.Object) -> list[str]:
    """The names of the modifiers, other than armatures, that a mesh shows."""
    return [modifier.name for modifier in mesh.modifiers if modifier.show_viewport and modifier.type != "ARMATURE"]


def slot_materials(original: bpy.types.Object, plain_names: dict[str, str]) -> list[Any]:
    """What the slots of the copy get: the original's materials, procedural ones as plain ones.

    Args:
        plain_names: what each plain material is called, by the name that its original has now.
    """
    parts = json.loads(original.get(PARTS_PROPERTY, "[]"))
    made: dict[str, Any] = {}
    chosen = []
    for slot, part in zip(original.material_slots, [*parts, *[""] * len(original.material_slots)]):
        material = slot.material
        if material is not None and needs_plain(material):
            if material.name not in made:
                made[material.name] = plain_material(material, plain_names.get(material.name, material.name), part)
            material = made[material.name]
        chosen.append(material)
    return chosen


def _plain_data(original: bpy.types.Object, character: ExportCharacter) -> bpy.types.Mesh:
    """The mesh's polygons, UVs and normals at the points of the export, without shape keys and weights."""
    data: Any = original.data.copy()
    holder = bpy.data.objects.new("holder", data)
    holder.shape_key_clear()
    holder.vertex_groups.clear()
    bpy.data.objects.remove(holder)
    attribute = data.attributes.get(REST_POSITION)
    if attribute is not None:
        data.attributes.remove(attribute)
    fill(data.vertices, "co", character.points)
    data.update()
    return data


def _set_shapes(character: ExportCharacter) -> np.ndarray:
    """(V, 3) what the kept shapes come to as they are set."""
    return sum((key.value * key.offsets for key in character.keys), np.zeros_like(character.points))


def _modified(
    original: bpy.types.Object, mesh: bpy.types.Object, names: list[str], local: np.ndarray
) -> bpy.types.Mesh:
    """The mesh of the copy after the original's modifiers, which see it in the original's own axes (``local``)."""
    world = original.matrix_world.copy()
    mesh.data.transform(Matrix(np.linalg.inv(local).tolist()))
    double = original.copy()
    mesh.users_collection[0].objects.link(double)
    double.animation_data_clear()
    double.constraints.clear()
    double.parent = None
    double.matrix_world = world
    double.data = mesh.data
    for modifier in list(double.modifiers):
        if modifier.name not in names:
            double.modifiers.remove(modifier)
    depsgraph = bpy.context.evaluated_depsgraph_get()
    modified = bpy.data.meshes.new_from_object(
        double.evaluated_get(depsgraph), preserve_all_data_layers=True, depsgraph=depsgraph
    )
    bpy.data.objects.remove(double)
    modified.transform(Matrix(local.tolist()))
    return modified


def _add_keys(mesh: bpy.types.Object, character: ExportCharacter) -> None:
    basis = take(mesh.data.vertices, "co", 3)
    add_shape_key(mesh, "Basis", basis)
    for key in character.keys:
        block = add_shape_key(mesh, key.name, basis + key.offsets)
        block.slider_min, block.slider_max = min(0.0, key.value), max(1.0, key.value)
        block.value = key.value
