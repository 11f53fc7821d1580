"""Ends that a character follows another armature, also where that armature was deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from . import resting
from .followed import is_following
from .twist import twist_by_channels

if TYPE_CHECKING:
    from native_runtime.mhr import Body


def following(rig: bpy.types.Object) -> list[tuple[Any, Any]]:
    """The constraints by which a rig follows, each with the stack that it lies in."""
    return [(bone.constraints, c) for bone in rig.pose.bones for c in bone.constraints if is_following(c)]


def release(rig: bpy.types.Object, body: Body) -> None:
    """Takes the constraints away; the bones go back to what their channels say."""
    for constraints, constraint in following(rig):
        constraints.remove(constraint)
    twist_by_channels(rig, body)
    rig.update_tag()


def is_deserted(rig: bpy.types.Object) -> bool:
    """Whether what a character of this file followed was deleted: its constraints point nowhere, and drivers of its
    twist are dead.
    """
    if rig.pose is None or rig.library or rig.override_library:
        return False  # what a file links is mended there
    found = following(rig)
    return bool(found) and all(constraint.target is None for _, constraint in found)


def release_deserted(rig: bpy.types.Object, body: Body) -> bool:
    """Releases a character whose controls were deleted by hand; whether it was one."""
    if not is_deserted(rig):
        return False
    if resting.is_resting(rig):
        resting.wake(rig)
    release(rig, body)
    return True
