"""Which handles are visible. A hidden one keeps its state.

The handles of another photo's people are out of the view layers altogether: every operator that adds an object has
Blender go through all that lie there, hidden or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from ..scene.camera import cameras_of
from ..scene.provenance import character_id
from ..scene.viewpoints import view_of
from .handles import CHARACTER, group_of, handles_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def show(rig: bpy.types.Object, visible: bool, group: str | None = None) -> None:
    """Shows or hides the character's handles, or those of one group."""
    for handle in _of_group(rig, group):
        handle.hide_viewport = not visible
    if visible:
        for home in homes_of(rig):
            if view_of(home) == view_of(rig):
                show_home(home, True)


def shown(rig: bpy.types.Object, group: str | None = None) -> bool:
    """Whether any handle of the character, or of one group, is to be seen."""
    return any(not handle.hide_viewport for handle in _of_group(rig, group))


def show_only(rig: bpy.types.Object) -> None:
    """Hides the handles of all other characters, and those of other views of this one; those of the view that is
    worked in are as ``show`` left them.
    """
    character, camera, view = character_id(rig), cameras_of(rig).get(view_of(rig)), view_of(rig)
    for home in list(bpy.data.collections):
        owner = home.get(CHARACTER)
        if owner is not None and not home.library:
            worked_in = owner == character and view_of(home) == view
            show_home(home, worked_in, worked_in or _camera_of(home) == camera)


def show_home(home: bpy.types.Collection, visible: bool, within: bool = True) -> None:
    """Shows or hides a collection of handles; what is so already is not touched.

    Args:
        within: whether it is a part of the view layers at all.
    """
    if home.hide_viewport == visible:
        home.hide_viewport = not visible
    for scene in bpy.data.scenes:
        for layer in scene.view_layers:
            for entry in list(_entries(layer.layer_collection, home)):
                if entry.exclude == within:
                    entry.exclude = not within


def _camera_of(home: bpy.types.Collection) -> bpy.types.Object | None:
    """The camera before which the handles of a collection lie."""
    plane = next((handle.parent for handle in home.objects if handle.parent is not None), None)
    return None if plane is None else plane.parent


def _entries(above: bpy.types.LayerCollection, home: bpy.types.Collection) -> Iterator[bpy.types.LayerCollection]:
    """What stands for a collection within a view layer."""
    for entry in above.children:
        if entry.collection == home:
            yield entry
        yield from _entries(entry, home)


def homes_of(rig: bpy.types.Object) -> list[bpy.types.Collection]:
    """The collections made for the character's handles."""
    return [home for home in bpy.data.collections if home.get(CHARACTER) == character_id(rig) and not home.library]


def _of_group(rig: bpy.types.Object, group: str | None) -> Iterator[bpy.types.Object]:
    return (handle for handle in handles_of(rig) if group is None or group_of(handle) == group)
