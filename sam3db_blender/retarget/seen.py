"""Armatures as they are seen: with constraints, IK, drivers and keys."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from ..rig.animated import bone_path, players_of, rotation_channel

Array = NDArray[np.float64]

#: A bone that stands farther than this from where it was put is held by something else (radians).
_HELD = np.radians(1.0)
_NAMED = 5
#: Constraints that move a whole chain of bones above the one that has them.
_CHAINS = ("IK", "SPLINE_IK")


def seen_bones(armature: bpy.types.Object) -> bpy.types.bpy_prop_collection:
    """The armature's pose bones with all that moves them."""
    bpy.context.view_layer.update()
    return armature.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones


def angle_to(bone: bpy.types.PoseBone, rotation: Array) -> float:
    """Radians between a bone's rotation and another (3, 3), both in armature space."""
    turn = bone.matrix.to_quaternion().rotation_difference(Matrix(rotation.tolist()).to_quaternion())
    return float(min(turn.angle, 2 * np.pi - turn.angle))


def held_bones(armature: bpy.types.Object, wanted: Mapping[str, Array]) -> list[str]:
    """Says which bones do not stand as they were posed, and what moves them."""
    seen = seen_bones(armature)
    held = [name for name, rotation in wanted.items() if angle_to(seen[name], rotation) > _HELD]
    bones: dict[str, list[str]] = {}
    for name in held:
        bones.setdefault(_holder(armature, armature.pose.bones[name], held), []).append(name)
    return [_sentence(reason, names) for reason, names in bones.items()]


def moved_hips(armature: bpy.types.Object, hips: str, head: Array, reach: float) -> list[str]:
    """Says where the hips do not stand at the place (3,) that they were put to, beyond ``reach``; armature space."""
    away = np.linalg.norm(np.array(seen_bones(armature)[hips].head) - head)
    if away <= reach:
        return []
    bone = armature.pose.bones[hips]
    reason = _constraint_of(bone) or players_of(armature, bone_path(bone, "location")) or "something else"
    return [f"'{hips}' is not where it was placed: {reason} moves it."]


def _sentence(reason: str, bones: list[str]) -> str:
    more = f" and {len(bones) - _NAMED} more" if len(bones) > _NAMED else ""
    names = ", ".join(f"'{name}'" for name in bones[:_NAMED])
    verb = "does" if len(bones) == 1 else "do"
    return f"{names}{more} {verb} not have the intended pose, because of {reason}: mute it to see the pose there."


def _holder(armature: bpy.types.Object, bone: bpy.types.PoseBone, held: Collection[str]) -> str:
    """What moves a bone, in words."""
    constraint = _constraint_of(bone)
    if constraint:
        return constraint
    player = players_of(armature, bone_path(bone, rotation_channel(bone.rotation_mode)))
    if player:
        return player
    for below in bone.children_recursive:
        chain = next((c for c in below.constraints if c.type in _CHAINS and c.enabled and c.influence > 0.0), None)
        if chain is not None:
            return f"the constraint '{chain.name}' of '{below.name}'"
    above = next((parent.name for parent in bone.parent_recursive if parent.name in held or _constraint_of(parent)), "")
    return f"what moves '{above}' above" if above else "constraints, drivers or keys"


def _constraint_of(bone: bpy.types.PoseBone) -> str:
    found = next((c for c in bone.constraints if c.enabled and c.influence > 0.0), None)
    return "" if found is None else f"the constraint '{found.name}'"
