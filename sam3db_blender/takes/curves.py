"""Channels as an action: one curve for each that moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.animation.keys import Keys, every_frame, reduced

from .. import compat
from ..rig.arrays import fill
from .channels import Channel

#: Numbers that differ by less are the same to Blender's single precision (m, radians).
SAME = 1e-6


def write_action(
    block: Any, name: str, channels: Sequence[Channel], first: int, bound: float = 0.0
) -> bpy.types.Action | None:
    """An action that a data-block plays. A channel that moves gets a curve, one that stands elsewhere than at rest a
    single key, so that the action holds the whole pose; the others get none.

    Args:
        channels: with values on one frame after the other.
        first: the frame of the first value.
        bound: m, about, that a curve may miss a frame by; 0 for a key on every frame.

    Returns:
        The action; None where nothing is to be keyed.
    """
    wanted = [(channel, _keys(channel, bound)) for channel in channels if _is_keyed(channel)]
    if not wanted:
        return None
    action, curves = compat.new_action(block, name)
    for channel, keys in wanted:
        curve = compat.new_curve(curves, channel.path, channel.index, channel.group)
        write_keys(curve, keys, first, handles=bound > 0.0)
    return action


def write_keys(curve: bpy.types.FCurve, keys: Keys, first: int, handles: bool) -> None:
    """Puts keys into an empty curve.

    Args:
        first: the frame of place 0.
        handles: lay the handles by the keys' slopes; otherwise Blender lays them by itself.
    """
    points = curve.keyframe_points
    points.add(len(keys))
    frames = keys.places + float(first)
    fill(points, "co", np.stack([frames, keys.values], axis=1))
    fill(points, "interpolation", _number("interpolation", "BEZIER", len(keys)), np.int32)
    kind = "ALIGNED" if handles else "AUTO_CLAMPED"
    for side in ("left", "right"):
        fill(points, f"handle_{side}_type", _number(f"handle_{side}_type", kind, len(keys)), np.int32)
    if handles and len(keys) > 1:
        gaps = np.diff(frames) / 3.0
        before, after = np.append(gaps[:1], gaps), np.append(gaps, gaps[-1:])
        fill(points, "handle_left", np.stack([frames - before, keys.values - before * keys.slopes], axis=1))
        fill(points, "handle_right", np.stack([frames + after, keys.values + after * keys.slopes], axis=1))
    curve.update()


def write_steps(curve: bpy.types.FCurve, frames: NDArray[np.int64], values: NDArray[Any]) -> None:
    """Puts keys into an empty curve that holds each value until the next."""
    changes = np.flatnonzero(np.diff(values, prepend=values[0] - 1))
    points = curve.keyframe_points
    points.add(len(changes))
    fill(points, "co", np.stack([frames[changes], values[changes]], axis=1))
    fill(points, "interpolation", _number("interpolation", "CONSTANT", len(changes)), np.int32)
    curve.update()


def _is_keyed(channel: Channel) -> bool:
    return bool(np.ptp(channel.values) > SAME or abs(channel.values[0] - channel.rest) > SAME)


def _keys(channel: Channel, bound: float) -> Keys:
    if np.ptp(channel.values) <= SAME:
        return every_frame(channel.values[:1])
    return reduced(channel.values, bound / channel.reach) if bound > 0.0 else every_frame(channel.values)


def _number(name: str, item: str, count: int) -> NDArray[np.int32]:
    """What Blender counts an item of a choice of keys as, ``count`` times."""
    choices: Any = bpy.types.Keyframe.bl_rna.properties[name]
    return np.full(count, choices.enum_items[item].value, np.int32)
