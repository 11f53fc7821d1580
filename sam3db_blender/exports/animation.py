"""The frames over which a character is keyed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import bpy

from .. import compat


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
        if len(curve.keyframe_points):
            ends: Any = curve.range()
            yield ends[0], ends[1]
    animation = block.animation_data
    if animation is not None and animation.use_nla:
        for track in animation.nla_tracks:
            for strip in () if track.mute else track.strips:
                if not strip.mute:
                    yield strip.frame_start, strip.frame_end
