"""Which handles are meant: those that are selected, or the one that was last chosen with the tool."""

from __future__ import annotations

import bpy

from .handles import CHARACTER, group_of, is_handle, keypoint_of
from .view_look import posing_in


def selected_handles(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The handles that are selected, of whomever; where none is, the one that was last chosen with the tool."""
    selected = [obj for obj in context.selected_objects if is_handle(obj)]
    chosen = None if selected else chosen_handle(context)
    return selected if chosen is None else [chosen]


def chosen_handle(context: bpy.types.Context) -> bpy.types.Object | None:
    """The handle that was last dragged, clicked or suggested while posing with the tool, of the person worked on."""
    from ..scene.provenance import character_id
    from .people import active_character

    # by its name: buttons ask at each redraw, and looking through all objects takes a while
    handle: bpy.types.Object | None = bpy.data.objects.get(context.window_manager.sam3db.tool_handle)
    if handle is None or not is_handle(handle) or not posing_in(context):
        return None
    rig = active_character(context)
    return handle if rig is not None and handle[CHARACTER] == character_id(rig) else None


def choose_handle(context: bpy.types.Context, handle: bpy.types.Object) -> None:
    """Makes a handle the one that the tool points out."""
    state = context.window_manager.sam3db
    state.tool_handle, state.tool_keypoint = handle.name, keypoint_of(handle)


def point_out(context: bpy.types.Context, handle: bpy.types.Object) -> None:
    """Selects a handle: with the tool by pointing to its spot, else by its empty, which is shown."""
    if posing_in(context):
        context.window_manager.sam3db.tool_groups |= {group_of(handle)}
        choose_handle(context, handle)
    else:
        uncover(context, handle)


def uncover(context: bpy.types.Context, handle: bpy.types.Object) -> None:
    """Selects a handle, and shows it where its group is hidden."""
    from .people import select
    from .showing import show_home

    handle.hide_viewport = False
    for home in handle.users_collection:
        show_home(home, True)
    select(context, handle)
