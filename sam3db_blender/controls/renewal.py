"""Control rigs that other versions of the extension made: brought up to the present one in place."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import bpy

from native_runtime.characters.controls.making import control_plan
from native_runtime.characters.controls.plan import VERSION, Limb
from native_runtime.characters.rig_map import RigMap

from ..compat import animation_curves
from ..rig import resting
from ..rig.control_pose import CONTROLS, controls_of, require_bones, require_posable, version_of
from ..rig.pose import read_joint_parameters
from ..rig.releasing import release
from ..rig.shared_controls import own_controls
from .baking import joints_over
from .build import complete, require_own_bones, sliders_of
from .following import follow
from .shapes import dress

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from native_runtime.mhr import Body

    Array = NDArray[np.float64]


def is_old(controls: bpy.types.Object) -> bool:
    """Whether an earlier version of the extension made a control rig."""
    return version_of(controls) < VERSION


def renew_controls(rig: bpy.types.Object, body: Body) -> bool:
    """Brings the control rig of a character up to the present version. The object stays, with its pose, keys, switches
    and whatever an artist added to it; bones and properties that are new come in addition.

    Returns:
        False where the character has no controls, or has those of this version.

    Raises:
        Sam3dbError: some of the controls of this version were deleted; the bones of the character or of its controls
            lie in another file; or a newer version made the controls. Nothing is changed then.
    """
    own_controls(rig)
    controls = controls_of(rig)
    if controls is None:
        return False
    require_posable(controls)
    if not is_old(controls):
        require_bones(controls, control_plan(body).names)
        return False
    for armature in (rig, controls):
        require_own_bones(armature)
    if resting.is_resting(rig):
        resting.wake(rig)
    joints = read_joint_parameters(rig, body)
    plan = control_plan(body)
    with _in_view(controls):
        new = complete(controls, rig, plan, sliders_of(body))
    dress(controls, body, new)
    release(rig, body)
    follow(rig, body, controls, plan.follow, plan.twists)
    if version_of(controls) < 2:
        _keep_twists(rig, body, controls, plan.limbs, joints)
    controls[CONTROLS] = VERSION
    controls.update_tag()
    return True


def _keep_twists(rig: bpy.types.Object, body: Body, controls: bpy.types.Object, limbs: list[Limb], now: Array) -> None:
    """Sets the channel in which limbs keep their twist since version 2, and its keys: version 1 keyed it, with 0.

    Args:
        now: (J, 7) the joint parameters on the current frame.
    """
    channels = RigMap.of(body).channels

    def twist(joints: Array, limb: Limb) -> float:
        return float(channels.channels(joints).rotation[body.joint_index(limb.joints[0]), 1])

    kept = {controls.pose.bones[limb.part("reach")].path_from_id("location"): limb for limb in limbs}
    for limb in limbs:
        controls.pose.bones[limb.part("reach")].location[1] = twist(now, limb)
        if limb.name == "arm":
            forearm = channels.channels(now).rotation[body.joint_index(limb.joints[2])]
            controls.pose.bones[limb.part("p")].rotation_euler[1] = float(forearm[1])
    keyed = [
        (kept[curve.data_path], curve)
        for _, curve in animation_curves(controls)
        if curve.data_path in kept and curve.array_index == 1
    ]
    joints = joints_over(rig, body, sorted({round(key.co.x) for _, curve in keyed for key in curve.keyframe_points}))
    for limb, curve in keyed:
        for key in curve.keyframe_points:
            key.co.y = twist(joints[round(key.co.x)], limb)
        curve.update()


@contextmanager
def _in_view(armature: bpy.types.Object) -> Iterator[None]:
    """Lets an armature be edited, wherever it lies and however it is hidden."""
    context: Any = bpy.context
    layer = context.view_layer
    active = layer.objects.active
    mode: Any = "OBJECT" if active is None else active.mode
    if mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    home = None
    if armature.name not in layer.objects or not armature.visible_get():
        home = context.scene.collection if armature.name not in context.scene.collection.objects else None
        if home is not None:
            home.objects.link(armature)
    hidden = armature.hide_viewport, armature.hide_get()
    armature.hide_viewport = False
    armature.hide_set(False)
    try:
        yield
    finally:
        armature.hide_viewport = hidden[0]
        armature.hide_set(hidden[1])
        if home is not None:
            home.objects.unlink(armature)
        if mode != "OBJECT" and active is not None:
            layer.objects.active = active
            bpy.ops.object.mode_set(mode=mode)
