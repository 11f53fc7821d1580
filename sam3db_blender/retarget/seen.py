"""Armatures as they are seen: with constraints, IK, drivers and keys."""

from __future__ import annotations

from collections.abc import Mapping

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: A bone that stands farther than this from where it was put is held by something else (radians).
_HELD = np.radians(1.0)
_NAMED = 5


def seen_bones(armature: bpy.types.Object) -> bpy.types.bpy_prop_collection:
    """The armature's pose bones with all that moves them."""
    bpy.context.view_layer.update()
    return armature.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones


def angle_to(bone: bpy.types.PoseBone, rotation: Array) -> float:
    """Radians between a bone's rotation and another (3, 3), both in armature space."""
    turn = bone.matrix.to_quaternion().rotation_difference(Matrix(rotation.tolist()).to_quaternion())
    return float(min(turn.angle, 2 * np.pi - turn.angle))


def held_bones(armature: bpy.types.Object, wanted: Mapping[str, Array]) -> list[str]:
    """Says which bones do not stand as they were posed, since something else moves them."""
    seen = seen_bones(armature)
    held = [name for name, rotation in wanted.items() if angle_to(seen[name], rotation) > _HELD]
    if not held:
        return []
    more = f" and {len(held) - _NAMED} more" if len(held) > _NAMED else ""
    names = ", ".join(f"'{name}'" for name in held[:_NAMED])
    return [f"Constraints, IK, drivers or keys hold {names}{more}: mute them to see the pose there."]
