"""The armature of a character."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from mathutils import Matrix

from .channels import ChannelMap, TwistDriver
from .layout import COLLECTIONS, BoneLayout

if TYPE_CHECKING:
    from collections.abc import Iterable


#: Bones that an artist moves, not only turns.
_MOVABLE = frozenset({"body_world", "root"})


def build_armature(name: str, layout: BoneLayout, collection: bpy.types.Collection) -> bpy.types.Object:
    """An armature object with one bone per joint, at rest, its object transform identity.

    Bones, rotation modes, bone collections and colours are set; the pose is left at rest (see
    ``pose.apply_parameters``).
    """
    data = bpy.data.armatures.new(name)
    data.display_type = "OCTAHEDRAL"
    rig = bpy.data.objects.new(name, data)
    rig.show_in_front = True
    collection.objects.link(rig)
    _add_bones(rig, layout)
    _sort_bones(data, layout)
    for bone, mode in zip(rig.pose.bones, ChannelMap(layout).rotation_modes):
        bone.rotation_mode = mode
        if bone.name not in _MOVABLE:
            # lengths and scales are the person's: neither dragging nor "Clear Location" should take them away
            bone.lock_location = bone.lock_scale = (True, True, True)
    return rig


def add_twist_drivers(rig: bpy.types.Object, drivers: Iterable[TwistDriver]) -> None:
    """Makes helper bones follow the twist of their limbs.

    The expressions are of the kind that Blender evaluates without Python, so that they also run where scripts are
    not trusted.
    """
    for twist in drivers:
        curve = rig.pose.bones[twist.bone].driver_add("rotation_euler", twist.axis)
        driver = curve.driver
        driver.type = "SCRIPTED"
        variable = driver.variables.new()
        variable.name = "twist"
        variable.type = "SINGLE_PROP"
        target = variable.targets[0]
        target.id = rig
        target.data_path = f'pose.bones["{twist.source}"].rotation_euler[{twist.source_axis}]'
        driver.expression = f"{twist.factor:.7g} * twist"


def _add_bones(rig: bpy.types.Object, layout: BoneLayout) -> None:
    """Makes the bones; Blender allows that only in edit mode, on the active object."""
    layer = bpy.context.view_layer
    previous = layer.objects.active
    layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        edit_bones = rig.data.edit_bones
        made: list[bpy.types.EditBone] = []
        for i, name in enumerate(layout.names):
            bone = edit_bones.new(name)
            bone.tail = (0.0, float(layout.lengths[i]), 0.0)
            bone.matrix = Matrix(layout.rest[i].tolist())
            bone.inherit_scale = "FULL"
            bone.use_connect = False
            if layout.parents[i] >= 0:
                bone.parent = made[layout.parents[i]]
            made.append(bone)
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")
        layer.objects.active = previous


def _sort_bones(data: bpy.types.Armature, layout: BoneLayout) -> None:
    """Puts the bones into collections with their colours; the helpers' collections start hidden."""
    themes = {}
    for name, theme, shown in COLLECTIONS:
        data.collections.new(name).is_visible = shown
        themes[name] = theme
    for bone, owner in zip(data.bones, layout.collections):
        data.collections[owner].assign(bone)
        bone.color.palette = themes[owner]
