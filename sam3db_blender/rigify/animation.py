"""The animation of a character's own bones and sliders, as keys on the controls of its Rigify rig."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.rig_map import RigMap
from native_runtime.characters.rigify.controls import CONTROLS, LIMBS
from native_runtime.characters.rigify.metarig import SOCKET
from native_runtime.errors import Sam3dbError

from ..rig.animated import require_own_action, rotation_channel
from ..rig.followed import hold
from ..rig.pose import read_settings
from ..rig.resting import animated
from ..rig.rigify_pose import FACE, pose_controls, pose_face, write_channels
from ..scene.lookup import require_own
from .parts import rigify_of

if TYPE_CHECKING:
    from native_runtime.characters.settings import CharacterSettings
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

#: Channels that differ from rest by less on all frames need no keys.
_REST = 1e-5


def take_animation(
    rig: bpy.types.Object, body: Body, frames: Iterable[int], progress: Callable[[float], None] = lambda share: None
) -> None:
    """Keys the controls of a character's Rigify rig on these frames, so that they show what the character's own action
    and strips show; these stay beneath the controls, unseen.

    Args:
        progress: is told how much is done, 0 to 1.

    Raises:
        Sam3dbError: there is no Rigify rig, no animation, or it is linked.
    """
    require_own(rig)
    rigify = rigify_of(rig)
    if rigify is None:
        raise Sam3dbError(f"'{rig.name}' has no Rigify rig.")
    if not animated(rig):
        raise Sam3dbError(f"Neither an action nor an NLA strip plays on '{rig.name}'.")
    require_own_action(rigify)
    wanted = list(frames)
    shown = _shown(rig, body, wanted, lambda share: progress(0.3 * share))
    sliders = RigMap.of(body).section("expression")
    left: dict[str, list[Array]] = {bone.name: [] for bone in rigify.pose.bones if bone.name.startswith(SOCKET)}
    for number, (frame, settings) in enumerate(zip(wanted, shown)):
        joints = np.asarray(body.joint_parameters(settings.model_parameters), dtype=np.float64)
        pose_controls(rigify, body, joints + settings.beyond if len(settings.beyond) else joints)
        pose_face(rigify, dict(zip((slider.key for slider in sliders), settings.expression.tolist())))
        _key_controls(rigify, frame)
        for name, matrices in left.items():
            matrices.append(np.array(rigify.pose.bones[name].matrix_basis, dtype=np.float64))
        progress(0.3 + 0.7 * (number + 1) / len(wanted))
    for name, matrices in left.items():
        if max(float(np.abs(matrix - np.eye(4)).max()) for matrix in matrices) > _REST:
            for frame, matrix in zip(wanted, matrices):
                write_channels(rigify.pose.bones[name], matrix)
                _key(rigify.pose.bones[name], frame, ("location", "rotation_quaternion", "scale"))


def _shown(
    rig: bpy.types.Object, body: Body, frames: list[int], progress: Callable[[float], None]
) -> list[CharacterSettings]:
    """What the character's own animation shows on each frame."""
    scene = bpy.context.scene
    before = scene.frame_current_final
    found: list[CharacterSettings] = []
    with _by_itself(rig):
        for number, frame in enumerate(frames):
            scene.frame_set(frame)
            found.append(read_settings(rig, body, found[-1].model_parameters if found else None))
            progress((number + 1) / len(frames))
    scene.frame_set(int(np.floor(before)), subframe=float(before % 1.0))
    return found


@contextmanager
def _by_itself(rig: bpy.types.Object) -> Iterator[None]:
    """A character that follows nothing, neither with bones nor with sliders of the face."""
    animation: Any = rig.animation_data
    drivers = [] if animation is None else [d for d in animation.drivers if d.data_path.startswith("[") and not d.mute]
    hold(rig, False)
    for driver in drivers:
        driver.mute = True
    rig.update_tag()
    try:
        yield
    finally:
        hold(rig, True)
        for driver in drivers:
            driver.mute = False
        rig.update_tag()


def _key_controls(rigify: bpy.types.Object, frame: int) -> None:
    bones: Any = rigify.pose.bones
    for control in CONTROLS:
        if control.joint and control.name in bones:
            bone = bones[control.name]
            turned = rotation_channel(bone.rotation_mode)
            _key(bone, frame, ("location", turned) if control.placed else (turned,))
    for limb in LIMBS:
        if limb.master in bones:
            _key(bones[limb.base], frame, ("rotation_euler",))
            _key(bones[limb.pole], frame, ("location",))
    for name in dict(rigify.get(FACE, {})).values():
        if name in bones:
            _key(bones[name], frame, ("location",))


def _key(bone: bpy.types.PoseBone, frame: int, channels: Iterable[str]) -> None:
    for channel in channels:
        bone.keyframe_insert(channel, frame=frame, group=bone.name)
