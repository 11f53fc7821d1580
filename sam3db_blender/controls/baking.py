"""Animation between a character's own bones and its controls: what plays goes along when controls come or go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..compat import animation_curves, strip_curves
from ..rig.animated import playing_strips, rotation_channel
from ..rig.control_pose import set_controls
from ..rig.pose import apply_parameters, read_joint_parameters, read_settings

if TYPE_CHECKING:
    from native_runtime.characters.settings import CharacterSettings
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

#: How the bones of the mechanism begin that keep what the controls have no channels for.
_KEEPING = ("MCH-talus", "MCH-arm_reach", "MCH-leg_reach", "MCH-arm_p.")


def posed_frames(armature: bpy.types.Object) -> range:
    """The frames over which an action or NLA strips pose bones; empty where none does."""
    ends = [
        round(float(end))
        for _, curve in animation_curves(armature)
        if curve.data_path.startswith("pose.bones") and len(curve.keyframe_points)
        for end in curve.range()
    ]
    for strip in playing_strips(armature):
        if any(curve.data_path.startswith("pose.bones") for curve in strip_curves(strip)):
            ends += [round(strip.frame_start), round(strip.frame_end)]
    return range(min(ends), max(ends) + 1) if ends else range(0)


def joints_over(rig: bpy.types.Object, body: Body, frames: Iterable[int]) -> dict[int, Array]:
    """The (J, 7) joint parameters of a character on each of some frames."""
    scene, found = _scene(), {}
    before = scene.frame_current
    for frame in frames:
        scene.frame_set(frame)
        found[frame] = read_joint_parameters(rig, body)
    scene.frame_set(before)
    return found


def settings_over(rig: bpy.types.Object, body: Body, frames: Iterable[int]) -> dict[int, CharacterSettings]:
    """The settings of a character on each of some frames."""
    scene, found = _scene(), {}
    before = scene.frame_current
    for frame in frames:
        scene.frame_set(frame)
        found[frame] = read_settings(rig, body)
    scene.frame_set(before)
    return found


def key_controls(controls: bpy.types.Object, body: Body, joints: dict[int, Array]) -> None:
    """Keys all controls, FK and IK, on frames for which joint parameters are given."""
    scene = _scene()
    before = scene.frame_current
    for frame, parameters in joints.items():
        scene.frame_set(frame)
        set_controls(controls, body, parameters)
        key_bones(controls, (bone.name for bone in controls.pose.bones if is_posed(bone)), frame)
    scene.frame_set(before)


def key_rig(rig: bpy.types.Object, body: Body, settings: dict[int, CharacterSettings]) -> None:
    """Keys a character's own bones on frames for which settings are given."""
    scene = _scene()
    before = scene.frame_current
    for frame, each in settings.items():
        scene.frame_set(frame)
        apply_parameters(rig, body, each.model_parameters, each.beyond)
        key_bones(rig, (bone.name for bone in rig.pose.bones), frame)
    scene.frame_set(before)


def key_bones(armature: bpy.types.Object, names: Iterable[str], frame: int) -> None:
    """Keys the rotations of bones, and their places where they may be moved; driven channels are left out."""
    animation: Any = armature.animation_data
    driven = set() if animation is None else {(c.data_path, c.array_index) for c in animation.drivers}
    for name in names:
        bone = armature.pose.bones.get(name)
        if bone is None:
            continue
        channels = [(rotation_channel(bone.rotation_mode), 4 if bone.rotation_mode == "QUATERNION" else 3)]
        if not all(bone.lock_location):
            channels.append(("location", 3))
        for channel, width in channels:
            path = f"{bone.path_from_id()}.{channel}"
            for axis in range(width):
                if (path, axis) not in driven:
                    bone.keyframe_insert(channel, index=axis, frame=frame, group=name)


def is_posed(bone: bpy.types.PoseBone) -> bool:
    """Whether a bone of a control rig holds a part of a pose: a control, or what the mechanism keeps of an estimate."""
    return not bone.bone.hide_select or bone.name.startswith(_KEEPING)


def _scene() -> Any:
    return bpy.context.scene
