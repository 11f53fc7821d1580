"""The objects of a character's Rigify rig, and how to find them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

from ..rig.rigify_pose import METARIG, PART, RIG

#: Custom property of the generated rig: the sliders of the skeleton that it was made for.
SKELETON = "sam3db_rigify_skeleton"


@dataclass(frozen=True)
class Parts:
    """What a character has; None where it is missing."""

    rigify: bpy.types.Object | None
    metarig: bpy.types.Object | None


def parts_of(rig: bpy.types.Object) -> Parts:
    """The Rigify rig of a character and its metarig."""
    found: dict[str, bpy.types.Object] = {}
    for child in rig.children:
        if child.type == "ARMATURE" and child.get(PART):
            found.setdefault(str(child[PART]), child)
    return Parts(found.get(RIG), found.get(METARIG))


def rigify_of(rig: bpy.types.Object) -> bpy.types.Object | None:
    """The Rigify rig of a character; None where it has none."""
    return parts_of(rig).rigify


def stem_of(rig: bpy.types.Object) -> str:
    """What the names of a character's objects begin with."""
    return rig.name.removesuffix(" Rig")


def remove_parts(parts: Parts) -> None:
    """Deletes the objects, and what Rigify made for them: shapes and the script of its panel."""
    for obj in (parts.rigify, parts.metarig):
        if obj is None:
            continue
        data: Any = obj.data
        shapes = {bone.custom_shape for bone in obj.pose.bones if bone.custom_shape}
        collection = getattr(data, "rigify_widgets_collection", None)
        script = getattr(data, "rigify_rig_ui", None)
        bpy.data.objects.remove(obj)
        if data.users == 0:
            bpy.data.armatures.remove(data)
        if collection is not None:
            shapes |= set(collection.objects)
        remove_shapes(shapes)
        if collection is not None and not collection.objects:
            bpy.data.collections.remove(collection)
        if script is not None:
            bpy.data.texts.remove(script)


def remove_shapes(shapes: set[bpy.types.Object]) -> None:
    """Deletes shapes that no other bone has."""
    used = {
        bone.custom_shape
        for obj in bpy.data.objects
        if obj.type == "ARMATURE" and obj.pose is not None
        for bone in obj.pose.bones
        if bone.custom_shape
    }
    for shape in shapes - used:
        mesh: Any = shape.data
        bpy.data.objects.remove(shape)
        if mesh is not None and mesh.users == 0:
            bpy.data.meshes.remove(mesh)
