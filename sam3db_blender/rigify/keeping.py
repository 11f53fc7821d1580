"""What an artist has made of a Rigify rig, kept while Rigify makes it again: it deletes all bones and all animation."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ..rig.rigify_pose import write_channels

#: Properties of strips that say how they play. Scale and repetitions come before the ends, which they move.
_STRIP = (
    "action_frame_start",
    "action_frame_end",
    "scale",
    "repeat",
    "frame_start",
    "frame_end",
    "blend_type",
    "extrapolation",
    "blend_in",
    "blend_out",
    "use_auto_blend",
    "use_reverse",
    "use_animated_influence",
    "influence",
    "mute",
    "name",
)


class Kept:
    """The poses, settings and animation of a rig, by the names of its controls."""

    def __init__(self, rigify: bpy.types.Object) -> None:
        self._channels = {bone.name: np.array(bone.matrix_basis, dtype=np.float64) for bone in rigify.pose.bones}
        self._modes = {bone.name: bone.rotation_mode for bone in rigify.pose.bones}
        self._settings = {
            bone.name: {key: value for key, value in bone.items() if isinstance(value, bool | int | float)}
            for bone in rigify.pose.bones
        }
        self._constraints = {
            (bone.name, constraint.name, constraint.type)
            for bone in rigify.pose.bones
            for constraint in bone.constraints
        }
        self._animation = _Animation(rigify)

    @property
    def is_animated(self) -> bool:
        """Whether an action or strips play on the rig."""
        return self._animation.plays

    def give_back(self, rigify: bpy.types.Object) -> list[str]:
        """Puts everything back, and returns what could not be."""
        bones: Any = rigify.pose.bones
        lost = []
        for name, settings in self._settings.items():
            for key, value in settings.items():
                if name in bones and key in bones[name]:
                    bones[name][key] = value
        for name, matrix in self._channels.items():
            if name in bones:
                bones[name].rotation_mode = self._modes[name]
                if np.abs(matrix - np.eye(4)).max() > 1e-7:
                    write_channels(bones[name], matrix)
        there = {(bone.name, c.name, c.type) for bone in bones for c in bone.constraints}
        for bone, constraint, _ in sorted(self._constraints - there):
            lost.append(f"the constraint '{constraint}' of '{bone}'")
        self._animation.give_back(rigify)
        return lost


class _Animation:
    """The action and the NLA of an object."""

    def __init__(self, obj: bpy.types.Object) -> None:
        animation: Any = obj.animation_data
        self._action = None if animation is None else animation.action
        self._slot = None if animation is None else getattr(animation, "action_slot", None)
        self._tracks = [] if animation is None else [_track(track) for track in animation.nla_tracks]
        if self._action is not None:
            self._fake, self._action.use_fake_user = self._action.use_fake_user, True

    @property
    def plays(self) -> bool:
        return self._action is not None or bool(self._tracks)

    def give_back(self, obj: bpy.types.Object) -> None:
        if not self.plays:
            return
        animation: Any = obj.animation_data or obj.animation_data_create()
        for kept in self._tracks:
            track = animation.nla_tracks.new()
            for strip in kept["strips"]:
                made = track.strips.new(strip["name"], int(strip["frame_start"]), strip["action"])
                if strip["slot"] is not None:
                    made.action_slot = strip["slot"]
                for name in _STRIP:
                    setattr(made, name, strip[name])
            track.name, track.mute, track.is_solo = kept["name"], kept["mute"], kept["is_solo"]
        if self._action is not None:
            animation.action = self._action
            if self._slot is not None:
                animation.action_slot = self._slot
            self._action.use_fake_user = self._fake


def _track(track: Any) -> dict[str, Any]:
    strips = [
        {name: getattr(strip, name) for name in _STRIP}
        | {"action": strip.action, "slot": getattr(strip, "action_slot", None)}
        for strip in track.strips
        if strip.action is not None
    ]
    for strip in strips:
        strip["action"].use_fake_user = True
    return {"name": track.name, "mute": track.mute, "is_solo": track.is_solo, "strips": strips}
