"""Turning a bone, in whichever rotation mode it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import bpy
    from mathutils import Quaternion


def set_rotation(bone: bpy.types.PoseBone, turn: Quaternion) -> None:
    """Sets a bone's rotation in its own mode, without whole turns away from what it was."""
    if bone.rotation_mode == "QUATERNION":
        # not make_compatible, which keeps the length of what was there before
        if turn.dot(bone.rotation_quaternion) < 0.0:
            turn.negate()
        bone.rotation_quaternion = turn
    elif bone.rotation_mode == "AXIS_ANGLE":
        axis, angle = turn.to_axis_angle()
        bone.rotation_axis_angle = (angle, axis.x, axis.y, axis.z)
    else:
        bone.rotation_euler = turn.to_euler(bone.rotation_mode, bone.rotation_euler)
