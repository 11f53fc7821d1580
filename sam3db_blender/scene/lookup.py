"""Finding characters in the scenes, and whether they may be changed from this file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from native_runtime.errors import Sam3dbError

from .provenance import character_id, is_character

if TYPE_CHECKING:
    from collections.abc import Iterator


def in_scenes() -> Iterator[bpy.types.Object]:
    """The objects of all scenes. What lies in none was deleted, and is only kept by something else."""
    # ``Object.users_scene`` of each would take a hundred times as long
    return (obj for scene in bpy.data.scenes for obj in scene.objects)


def rig_with(character: str) -> bpy.types.Object | None:
    """The rig of a character by its id. Of a rig and its copies, the first by name."""
    rigs = (obj for obj in in_scenes() if is_character(obj) and character_id(obj) == character)
    return min(rigs, key=rank_of, default=None)


def character_of(obj: bpy.types.Object | None) -> bpy.types.Object | None:
    """The rig of the character that an object belongs to: the rig itself, what a mesh hangs on, or what deforms it."""
    while obj is not None:
        if is_character(obj):
            return obj
        armature = obj.find_armature()
        if is_character(armature):
            return armature
        obj = obj.parent
    return None


def may_change(rig: bpy.types.Object) -> bool:
    """Whether a character's data lies in this file, or is overridden here."""
    return not (rig.library or (rig.override_library and rig.override_library.is_system_override))


def require_own(rig: bpy.types.Object) -> None:
    """Raises a Sam3dbError where a character's data lies in another file, and cannot be changed from here."""
    if not may_change(rig):
        raise Sam3dbError(
            f"'{rig.name}' is linked from another file: make a library override of it (Object > Library Override > "
            "Make), or work on it in its own file."
        )


def rank_of(obj: bpy.types.Object) -> tuple[bool, str]:
    """Of copies, those of this file come first, then those by name."""
    return obj.library is not None, obj.name
