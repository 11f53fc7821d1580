"""Changing between FK and IK without a jump, on one frame or on many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import bpy

from native_runtime.characters.controls.making import control_plan
from native_runtime.characters.controls.plan import VERSION, Limb
from native_runtime.errors import Sam3dbError

from ..rig.control_pose import controls_of, require_bones, require_posable, set_controls, version_of
from ..rig.pose import read_joint_parameters
from ..rig.properties import slider_path
from ..rig.shared_controls import own_controls
from .baking import joints_over, key_bones

if TYPE_CHECKING:
    from native_runtime.mhr import Body


def limbs_of(body: Body, switches: Iterable[str] = ()) -> list[Limb]:
    """The limbs of a body, or those with these switches (``arm_ik.L``, ...)."""
    wanted = set(switches)
    return [limb for limb in control_plan(body).limbs if not wanted or limb.switch in wanted]


def snap(rig: bpy.types.Object, body: Body, limbs: Sequence[Limb], ik: bool) -> None:
    """Puts the controls of FK, or of IK, where the limbs stand, and switches to them: nothing moves.

    Under IK a lower arm and a lower leg turn about their hinge alone; where FK controls were unlocked and turned
    otherwise the difference remains.
    """
    controls = _require(rig, limbs, ik)
    joints = read_joint_parameters(rig, body)
    for limb in limbs:
        set_controls(controls, body, joints, (*limb.controls(ik), *limb.kept))
        controls[limb.switch] = float(ik)
    controls.update_tag()


def snap_frames(rig: bpy.types.Object, body: Body, limbs: Sequence[Limb], ik: bool, frames: Iterable[int]) -> int:
    """The same on each of some frames, with keys on the controls and the switch. Returns the number of frames."""
    controls = _require(rig, limbs, ik)
    scene: Any = bpy.context.scene
    before = scene.frame_current
    found = joints_over(rig, body, frames)  # all are read first: keys change what is between them
    for frame, joints in found.items():
        scene.frame_set(frame)
        for limb in limbs:
            names = (*limb.controls(ik), *limb.kept)
            set_controls(controls, body, joints, names)
            controls[limb.switch] = float(ik)
            controls.keyframe_insert(slider_path(limb.switch), frame=frame)
            key_bones(controls, names, frame)
    scene.frame_set(before)
    return len(found)


def _require(rig: bpy.types.Object, limbs: Sequence[Limb], ik: bool) -> bpy.types.Object:
    """The controls of a character, which have all that these limbs need; a copy gets controls of its own."""
    own_controls(rig)
    controls = controls_of(rig)
    if controls is None:
        raise Sam3dbError(f"'{rig.name}' has no controls: add them first.")
    require_posable(controls)
    wanted = [name for limb in limbs for name in limb.controls(ik)]
    if version_of(controls) == VERSION:  # earlier ones have another mechanism
        wanted += [name for limb in limbs for name in limb.kept]
    require_bones(controls, dict.fromkeys(wanted))
    return controls
