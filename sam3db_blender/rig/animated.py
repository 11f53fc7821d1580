"""What plays over a pose: actions, NLA strips and drivers, and other files."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import bpy

from native_runtime.errors import Sam3dbError

from ..compat import animation_curves, strip_curves
from .followed import followed

#: A channel that differs by less from its curve needs no key.
_SAME = 1e-6


def rotation_channel(mode: str) -> str:
    """The property that turns a bone or an object in a rotation mode."""
    return {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}.get(mode, "rotation_euler")


def bone_path(bone: bpy.types.PoseBone, channel: str) -> str:
    """The data path of a property of a bone on its armature object."""
    return f"{bone.path_from_id()}.{channel}"


def require_own(armature: bpy.types.Object) -> None:
    """Raises a Sam3dbError where the pose would be lost with the file, as it belongs to another one."""
    override = armature.override_library
    if armature.library or (override and override.is_system_override):
        raise Sam3dbError(
            f"'{armature.name}' is linked from another file, and its pose is not saved here: make a library override "
            "(Object > Library Override > Make), or pose it in its own file."
        )


def require_quiet(armature: bpy.types.Object, paths: Collection[str]) -> None:
    """Raises a Sam3dbError where an action or an NLA strip sets some of these properties at every frame, so that a pose
    without keys would be gone with the next one.
    """
    players = sorted(set(_players(armature, paths)))
    if players:
        raise Sam3dbError(
            f"{' and '.join(players)} would overwrite the pose of '{armature.name}' at the next frame: insert "
            "keyframes with it (--keyframe), or unlink the action and mute the strips first."
        )


def require_own_action(armature: bpy.types.Object) -> None:
    """Raises a Sam3dbError where keys cannot be inserted, as the action belongs to another file."""
    animation = armature.animation_data
    if animation is not None and animation.action is not None and animation.action.library:
        raise Sam3dbError(
            f"The action '{animation.action.name}' of '{armature.name}' is linked from another file and cannot be "
            "keyed: make it local or give the armature another one."
        )


def require_keyable(rig: bpy.types.Object) -> None:
    """Raises a Sam3dbError where a character cannot be posed to last, as an NLA strip or a linked action plays on it.
    An action of its own takes keys (``key_where_animated``).
    """
    controls = followed(rig)
    if controls is not None:
        require_keyable(controls)
    require_own_action(rig)
    strips = [strip.name for strip in playing_strips(rig) if any(True for _ in strip_curves(strip))]
    if strips:
        raise Sam3dbError(
            f"The NLA strip '{strips[0]}' plays over the pose of '{rig.name}' and would overwrite it at the next "
            "frame: mute the strip, or make its action the active one."
        )


def key_where_animated(rig: bpy.types.Object) -> None:
    """Keys what a pose has changed at the current frame, of the channels that the rig's action plays, and that of the
    armature that it follows.
    """
    controls = followed(rig)
    if controls is not None:
        key_where_animated(controls)
    frame = bpy.context.scene.frame_current_final
    for _, curve in list(animation_curves(rig)):
        try:
            holder = rig.path_resolve(curve.data_path)
            is_row = hasattr(holder, "__len__")
            value = float(holder[curve.array_index] if is_row else holder)
        except (ValueError, TypeError, IndexError):
            continue  # a curve of something that is not a number, or no longer exists
        if not curve.mute and abs(value - curve.evaluate(frame)) > _SAME:
            rig.keyframe_insert(curve.data_path, index=curve.array_index if is_row else -1, frame=frame)


def players_of(armature: bpy.types.Object, path: str) -> str:
    """What moves one property beside its own value, in words; empty where nothing does."""
    animation: Any = armature.animation_data
    if animation is not None and any(_is_at(curve, (path,)) for curve in animation.drivers):
        return "a driver"
    return next((f"{name[0].lower()}{name[1:]}" for name in _players(armature, (path,))), "")


def _players(armature: bpy.types.Object, paths: Collection[str]) -> Iterator[str]:
    animation: Any = armature.animation_data
    if animation is None:
        return
    if any(_is_at(curve, paths) for _, curve in animation_curves(armature)):
        yield f"The action '{animation.action.name}'"
    for strip in playing_strips(armature):
        if any(_is_at(curve, paths) for curve in strip_curves(strip)):
            yield f"The NLA strip '{strip.name}'"


def playing_strips(armature: bpy.types.Object) -> Iterator[bpy.types.NlaStrip]:
    """The strips of the NLA that play."""
    animation: Any = armature.animation_data
    for track in animation.nla_tracks if animation is not None and animation.use_nla else ():
        yield from (strip for strip in track.strips if not (track.mute or strip.mute))


def _is_at(curve: bpy.types.FCurve, paths: Collection[str]) -> bool:
    return not curve.mute and curve.data_path in paths
