"""Which handles are to be seen. A hidden one keeps all that was said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from .handles import CHARACTER, character_id, group_of, handles_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def show(rig: bpy.types.Object, visible: bool, group: str | None = None) -> None:
    """Shows or hides the character's handles, or those of one group."""
    for handle in _of_group(rig, group):
        handle.hide_viewport = not visible
    if visible:
        for home in homes_of(rig):
            home.hide_viewport = False


def shown(rig: bpy.types.Object, group: str | None = None) -> bool:
    """Whether any handle of the character, or of one group, is to be seen."""
    return any(not handle.hide_viewport for handle in _of_group(rig, group))


def show_only(rig: bpy.types.Object) -> None:
    """Hides the handles of all other characters; those of this one are as ``show`` left them."""
    character = character_id(rig)
    for home in bpy.data.collections:
        owner = home.get(CHARACTER)
        if owner is not None and not home.library and home.hide_viewport != (owner != character):
            home.hide_viewport = owner != character


def homes_of(rig: bpy.types.Object) -> list[bpy.types.Collection]:
    """The collections made for the character's handles."""
    return [home for home in bpy.data.collections if home.get(CHARACTER) == character_id(rig) and not home.library]


def _of_group(rig: bpy.types.Object, group: str | None) -> Iterator[bpy.types.Object]:
    return (handle for handle in handles_of(rig) if group is None or group_of(handle) == group)
