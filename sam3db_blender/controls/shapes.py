"""The looks of a control rig: wire shapes, colours, bone collections; and hiding the character's own bones."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, get_args

import bpy

from native_runtime.characters.controls.making import control_plan
from native_runtime.characters.controls.shapes import GROUPS, Shape, looks, outline

if TYPE_CHECKING:
    from native_runtime.mhr import Body

#: The custom property of an object that is a shape of ours: which one.
SHAPE = "sam3db_shape"
#: The custom property of a rig whose bones are hidden for its controls: the collections that were shown.
SHOWN = "sam3db_shown_bones"
_MECHANISM = "Mechanism"


def dress(controls: bpy.types.Object, body: Body, names: Collection[str]) -> None:
    """Gives new bones of a control rig their shapes and colours, and sorts them into collections."""
    data: Any = controls.data
    for name, shown in GROUPS:
        if name not in data.collections:
            data.collections.new(name).is_visible = shown
    found = looks(body)
    shapes = {shape: _shape(shape) for shape in get_args(Shape)}
    for bone in control_plan(body).bones:
        if bone.name not in names:
            continue
        posed = controls.pose.bones[bone.name]
        data.collections[bone.group or _MECHANISM].assign(posed.bone)
        look = found.get(bone.name)
        if look is None:
            posed.bone.hide_select = True
            continue
        posed.custom_shape = shapes[look.shape]
        posed.use_custom_shape_bone_size = False
        posed.custom_shape_scale_xyz = look.scale
        posed.custom_shape_translation = look.offset
        posed.custom_shape_wire_width = look.width
        _paint(posed.bone.color, look.colour)
        if bone.name == "chest":  # it turns the spine, and moves along with what it turns
            posed.custom_shape_transform = controls.pose.bones["spine.03"]
    data.display_type = "WIRE"


def _paint(colours: Any, colour: tuple[float, float, float]) -> None:
    """Sets the colours of a bone: what is selected is nearer to white."""
    colours.palette = "CUSTOM"
    colours.custom.normal = colour
    colours.custom.select = tuple(0.5 + c / 2 for c in colour)
    colours.custom.active = tuple(0.75 + c / 4 for c in colour)


def hide_bones(rig: bpy.types.Object) -> None:
    """Hides the bones of a character's own rig, which its controls move."""
    collections = rig.data.collections  # type: ignore[union-attr]
    before: Any = rig.get(SHOWN, ())  # of controls that were deleted by hand
    rig[SHOWN] = [collection.name for collection in collections if collection.is_visible or collection.name in before]
    for collection in collections:
        collection.is_visible = False


def show_bones(rig: bpy.types.Object) -> None:
    """Shows the bones again that ``hide_bones`` hid."""
    shown = set(rig.get(SHOWN, ()))
    for collection in rig.data.collections:  # type: ignore[union-attr]
        collection.is_visible = collection.is_visible or collection.name in shown
    if rig.get(SHOWN) is not None:
        del rig[SHOWN]


def remove_shapes() -> None:
    """Deletes the shapes that no bone has any more."""
    used = {
        bone.custom_shape
        for obj in bpy.data.objects
        if obj.pose is not None
        for bone in obj.pose.bones
        if bone.custom_shape is not None
    }
    for obj in [obj for obj in bpy.data.objects if obj.get(SHAPE) and not obj.library and obj not in used]:
        mesh: Any = obj.data
        bpy.data.objects.remove(obj)
        if mesh is not None and not mesh.users:
            bpy.data.meshes.remove(mesh)


def _shape(shape: Shape) -> bpy.types.Object:
    """The object with a shape; all control rigs of a file share it. It belongs to no scene."""
    for obj in bpy.data.objects:
        if obj.get(SHAPE) == shape and not obj.library:
            return obj
    points, edges = outline(shape)
    mesh = bpy.data.meshes.new(f"Control {shape.title()}")
    mesh.from_pydata(points.tolist(), edges.tolist(), [])
    obj = bpy.data.objects.new(f"Control {shape.title()}", mesh)
    obj[SHAPE] = shape
    return obj
