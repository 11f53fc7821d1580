"""The frames over which a character is keyed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import bpy

from .. import compat
from ..scene.presence import PATH


def keyed_frames(rig: bpy.types.Object, meshes: Iterable[bpy.types.Object]) -> range:
    """The frames over which a character is keyed; empty where it stands still."""
    ends = [end for block in _animated(rig, meshes) for pair in _ranges(block) for end in pair]
    first, last = (round(min(ends)), round(max(ends))) if ends else (0, 0)
    return range(first, last + 1) if last > first else range(0)


def scene_frames(scene: bpy.types.Scene) -> range:
    """The frames of a scene's range."""
    return range(scene.frame_start, scene.frame_end + 1, max(scene.frame_step, 1))


def _animated(rig: bpy.types.Object, meshes: Iterable[bpy.types.Object]) -> set[Any]:
    """All data-blocks whose keys may move a character."""
    objects = {rig, *meshes}
    for constraints in [rig.constraints, *(bone.constraints for bone in rig.pose.bones)]:
        objects |= {target for constraint in constraints if (target := getattr(constraint, "target", None))}
    for obj in list(objects):
        while obj.parent is not None:
            obj = obj.parent
            objects.add(obj)
    blocks: set[Any] = {*objects, *(obj.data for obj in objects if obj.data is not None)}
    return blocks | {keys for block in blocks if (keys := getattr(block, "shape_keys", None))}


def _ranges(block: Any) -> Iterator[tuple[float, float]]:
    for _, curve in compat.animation_curves(block):
        if len(curve.keyframe_points) and curve.data_path != PATH:
            ends: Any = curve.range()
            yield ends[0], ends[1]
    animation = block.animation_data
    if animation is not None and animation.use_nla:
        for track in animation.nla_tracks:
            for strip in () if track.mute else track.strips:
                if not strip.mute:
                    yield _frames_of(strip)


def _frames_of(strip: bpy.types.NlaStrip) -> tuple[float, float]:
    """The frames of a strip; of one that also says when its character is in the picture, only those."""
    keys: Any = next((curve.keyframe_points for curve in compat.strip_curves(strip) if curve.data_path == PATH), [])
    away = [point.co[0] for point in keys if point.co[1] > 0.0]
    if not away or strip.repeat != 1.0:
        return strip.frame_start, strip.frame_end
    first = strip.frame_start + strip.scale * (away[0] == strip.action_frame_start)
    return first, strip.frame_end - strip.scale * (away[-1] == strip.action_frame_end)
