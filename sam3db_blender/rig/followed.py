"""Whether the bones of a character follow another armature; ``controls.following`` makes them."""

from __future__ import annotations

import bpy

#: The name of the constraints by which a rig's bones follow another armature.
FOLLOW = "Follow Controls"


def followed(rig: bpy.types.Object) -> bpy.types.Object | None:
    """The armature that a character's bones follow; None where they follow none, or it was deleted."""
    for bone in rig.pose.bones:
        for constraint in bone.constraints:
            if is_following(constraint):
                target: bpy.types.Object | None = constraint.target
                return target
    return None


def is_following(constraint: bpy.types.Constraint) -> bool:
    """Whether a constraint is one of those by which a rig follows another armature."""
    return constraint.type == "COPY_TRANSFORMS" and constraint.name == FOLLOW


def hold(rig: bpy.types.Object, on: bool) -> None:
    """Lets a character's bones follow (``on``), or stand by their own channels for a while."""
    for bone in rig.pose.bones:
        for constraint in bone.constraints:
            if is_following(constraint) and constraint.mute == on:
                constraint.mute = not on
