"""A character under Rigify's controls."""

from __future__ import annotations

import bpy
import numpy as np

from .scene import in_viewport, rigs


def ask() -> None:
    """Presses the button that makes the rig."""
    with in_viewport():
        bpy.ops.sam3db.make_rigify("INVOKE_DEFAULT")


def made() -> str:
    """The name of the Rigify rig; empty as long as there is none that is followed."""
    rig = _rig()
    return next((c.target.name for bone in rig.pose.bones for c in bone.constraints if c.name == "Follow Controls"), "")


def choose(bone: str) -> None:
    """Has a control be the only one that is selected, in pose mode."""
    rigify = bpy.data.objects[made()]
    bpy.context.view_layer.objects.active = rigify
    with in_viewport():
        if rigify.mode != "POSE":
            bpy.ops.object.mode_set(mode="POSE")
        bpy.ops.pose.select_all(action="DESELECT")
    chosen = rigify.pose.bones[bone]
    if hasattr(chosen, "select"):
        chosen.select = True
    else:
        chosen.bone.select = True
    rigify.data.bones.active = chosen.bone


def place(bone: str) -> list[float]:
    """Where a control stands, m, world."""
    rigify = bpy.data.objects[made()]
    return list((rigify.matrix_world @ rigify.pose.bones[bone].matrix).translation)


def gap(control: str, bone: str) -> float:
    """How far a bone of the character stands from a control, m."""
    rig = _rig()
    now = (rig.matrix_world @ rig.pose.bones[bone].matrix).translation
    return float(np.linalg.norm(np.array(place(control)) - np.array(now)))


def _rig() -> bpy.types.Object:
    return bpy.data.objects[next(iter(rigs().values()))]
