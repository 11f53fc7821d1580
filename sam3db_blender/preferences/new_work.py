"""What the panels begin with: preferences by the names in ``properties.defaults``, and choices as the panels have."""

from typing import Any

import bpy

from ..files.levels import LEVELS
from ..handles.handles import GROUPS
from ..operators.exports import target_items
from ..properties.defaults import changed
from ..properties.import_options import PERSON_ITEMS, engine_items
from ..properties.preview_items import KIND_ITEMS, RENDERER_ITEMS


def _target(self: Any) -> int:
    """Its place in the list, which changes with the maps that there are; the name is what is kept."""
    names = [name for name, *_ in target_items(self, None)]
    return names.index(self.export_target_name) if self.export_target_name in names else 0


def _set_target(self: Any, place: int) -> None:
    self.export_target_name = target_items(self, None)[place][0]


class NewWorkSettings:
    """A mix-in: what new characters, handles, previews and exports begin with."""

    new_engine: bpy.props.EnumProperty(
        name="Engine",
        description="The engine that estimates new characters",
        items=engine_items,
        update=changed,
    )
    new_body: bpy.props.EnumProperty(
        name="Body",
        description="The level of detail of new characters' meshes",
        items=[(name, title, f"The default body, {title.lower()} mesh") for name, title in LEVELS.items()],
        update=changed,
    )
    new_persons: bpy.props.EnumProperty(
        name="People",
        description="Which people of a photo become characters",
        items=PERSON_ITEMS,
        update=changed,
    )
    new_texture: bpy.props.BoolProperty(
        name="Texture",
        description="Lay the photo on new characters as a texture",
        default=True,
        update=changed,
    )
    new_worn: bpy.props.BoolProperty(
        name="Hair and Clothes",
        description="Give new characters what they wear",
        default=True,
        update=changed,
    )
    new_light: bpy.props.BoolProperty(
        name="Light and Floor",
        description="Add lights and a floor with new characters",
        default=True,
        update=changed,
    )
    make_controls: bpy.props.BoolProperty(
        name="Controls for New Characters",
        description="Give characters a control rig with FK and IK when they are made. Off: only where Add Controls is "
        "used",
        default=True,
    )
    handle_groups: bpy.props.EnumProperty(
        name="Handles",
        description="Which handles the tool 'Pose from Photo' shows",
        items=[(key, label, f"Show the handles of this group: {label}") for key, label in GROUPS.items()],
        options={"ENUM_FLAG"},
        default=set(GROUPS),
        update=changed,
    )
    preview_kinds: bpy.props.EnumProperty(
        name="Pictures",
        description="What is rendered of characters",
        items=KIND_ITEMS,
        options={"ENUM_FLAG"},
        default={"overlay", "turntable", "shaded"},
        update=changed,
    )
    preview_renderer: bpy.props.EnumProperty(
        name="Renderer",
        description="The renderer of previews",
        items=RENDERER_ITEMS,
        update=changed,
    )
    preview_height: bpy.props.IntProperty(
        name="Height",
        description="Height of a preview",
        default=768,
        min=64,
        soft_max=2048,
        max=8192,
        subtype="PIXEL",
        update=changed,
    )
    export_target_name: bpy.props.StringProperty(options={"HIDDEN"}, update=changed)
    export_target: bpy.props.EnumProperty(
        name="Target",
        description="The program or skeleton that exports are for: sets bone names, rest pose and other options",
        items=target_items,
        get=_target,
        set=_set_target,
    )
