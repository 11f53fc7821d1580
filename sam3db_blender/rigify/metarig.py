"""The metarig as an armature object, with the settings that Rigify reads from it."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from mathutils import Vector

from native_runtime.characters.rigify.metarig import COLLECTIONS, COLOURS, MetaBone, Metarig, Socket

from ..rig.armature import add_bones
from .face import dress_face

#: Where the colours of a chosen and of an active bone come from.
_SELECTED, _ACTIVE = (0.31, 0.78, 1.0), (0.55, 1.0, 1.0)
_SOCKETS = "MHR"


class _Sockets:
    """The sockets as bones that can be added to an armature."""

    def __init__(self, sockets: tuple[Socket, ...], lengths: dict[str, float]) -> None:
        self.names = tuple(socket.name for socket in sockets)
        self.parents = np.full(len(sockets), -1)
        self.rest = np.stack([socket.rest for socket in sockets])
        self.lengths = np.array([lengths[socket.joint] for socket in sockets])


def build_metarig(
    name: str, plan: Metarig, lengths: dict[str, float], collection: bpy.types.Collection
) -> bpy.types.Object:
    """A new armature object with the bones of a metarig, ready for Rigify, which has to be enabled.

    Args:
        lengths: of the MHR bones by name, m, for their sockets.
    """
    data = bpy.data.armatures.new(name)
    metarig = bpy.data.objects.new(name, data)
    collection.objects.link(metarig)
    fill_metarig(metarig, plan, lengths)
    return metarig


def fill_metarig(metarig: bpy.types.Object, plan: Metarig, lengths: dict[str, float]) -> None:
    """Gives a metarig its bones and settings, in place of those that it has."""
    data: Any = metarig.data
    shapes = {bone.name: bone.custom_shape for bone in getattr(metarig.pose, "bones", ()) if bone.custom_shape}
    _lay_bones(metarig, plan, lengths)
    _make_collections(data)
    for bone in plan.bones:
        _configure(metarig, bone)
    for socket in plan.sockets:
        _configure_socket(metarig, socket)
    dress_face(metarig, plan.face, shapes)


def _lay_bones(metarig: bpy.types.Object, plan: Metarig, lengths: dict[str, float]) -> None:
    layer = bpy.context.view_layer
    previous = layer.objects.active
    layer.objects.active = metarig
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        edit: Any = metarig.data.edit_bones
        for old in list(edit):
            edit.remove(old)
        for bone in plan.bones:
            made = edit.new(bone.name)
            made.head, made.tail = Vector(bone.head.tolist()), Vector(bone.tail.tolist())
            made.align_roll(Vector(np.cross(bone.x_axis, bone.tail - bone.head).tolist()))
            if bone.parent:
                made.parent = edit[bone.parent]
                made.use_connect = bone.connected
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")
        layer.objects.active = previous
    add_bones(metarig, _Sockets(plan.sockets, lengths))
    layer.objects.active = metarig
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        edit = metarig.data.edit_bones
        for socket in plan.sockets:
            edit[socket.name].parent = edit[socket.parent]
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")
        layer.objects.active = previous


def _make_collections(data: Any) -> None:
    for old in list(data.collections_all):
        data.collections.remove(old)
    for name, row, title, colour in COLLECTIONS:
        made = data.collections.new(name)
        made.rigify_ui_row = row
        made.rigify_ui_title = title
        made.rigify_color_set_id = colour
    data.rigify_colors.clear()
    for name, normal in COLOURS:
        colour = data.rigify_colors.add()
        colour.name = name
        colour.normal, colour.select, colour.active = normal, _SELECTED, _ACTIVE
        colour.standard_colors_lock = True


def _configure(metarig: bpy.types.Object, bone: MetaBone) -> None:
    posed: Any = metarig.pose.bones[bone.name]
    collections: Any = metarig.data.collections
    collections[bone.collection].assign(posed)
    posed.rotation_mode = "QUATERNION"
    posed.rigify_type = bone.type
    settings = posed.rigify_parameters
    for name, value in bone.parameters.items():
        setattr(settings, name, value)
    for kind, collection in bone.references.items():
        references = getattr(settings, f"{kind}_coll_refs")
        references.clear()
        references.add().set_collection(collections[collection])
        if hasattr(settings, f"{kind}_layers_extra"):
            setattr(settings, f"{kind}_layers_extra", True)


def _configure_socket(metarig: bpy.types.Object, socket: Socket) -> None:
    posed: Any = metarig.pose.bones[socket.name]
    metarig.data.collections[_SOCKETS].assign(posed)
    posed.rotation_mode = "QUATERNION"
    posed.rigify_type = "basic.raw_copy"
    if socket.under:
        posed.rigify_parameters.relink_constraints = True
        posed.rigify_parameters.parent_bone = socket.under
    if socket.turned or socket.twisted:
        constraint = posed.constraints.new("COPY_ROTATION")
        constraint.target = metarig
        constraint.subtarget = socket.turned or socket.twisted
        if socket.twisted:
            constraint.owner_space = constraint.target_space = "LOCAL"
            constraint.use_x = constraint.use_z = False
            constraint.euler_order = "ZXY"  # MHR twists outside, bends inside
            constraint.mix_mode = "BEFORE"
