"""Corrections of a motion that is there: a pose that neighbours follow, a smoother stretch, a foot that stands."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import Sam3dbError

from .. import compat
from ..rig.control_pose import controls_of
from ..rig.properties import slider_path
from ..scene.presence import PATH
from .curves import SAME

if TYPE_CHECKING:
    import bpy

Array = NDArray[np.float64]

#: Frames over which a foot is led to the place where it is held, and away from it.
RAMP = 4
#: Of a Gaussian, how many of its deviations its window is wide.
_WINDOW = 3.0
#: Units of a control's channel within which a foot's are the same: what single precision leaves.
_HELD = 1e-5


def pin_here(rig: bpy.types.Object, frame: int, reach: int) -> int:
    """Keys a character as it stands on a frame, and lets the frames around follow, less the farther they are away.

    What was changed since the last key (by hand, by sliders, by a preset) is the difference that fades.

    Args:
        reach: frames to each side over which it does.

    Returns:
        The number of channels that changed.

    Raises:
        Sam3dbError: no action plays on the character.
    """
    changed = 0
    for owner, curve in _curves(rig):
        value = value_of(owner, curve.data_path, curve.array_index)
        if value is None or abs(value - curve.evaluate(frame)) <= SAME:
            continue
        difference = value - curve.evaluate(frame)
        key(curve, frame)
        _shift(curve, frame, reach, partial(fade, frame=frame, reach=reach, height=difference))
        changed += 1
    return changed


def smooth_here(rig: bpy.types.Object, frame: int, reach: int, deviation: float, bones: set[str] | None = None) -> int:
    """Smooths a motion around a frame, without lag; the ends of the stretch stay as they are.

    Each channel is smoothed by a Gaussian over the frames, and takes the result fully on the frame itself and less
    towards the ends of the stretch.

    Args:
        reach: frames to each side.
        deviation: frames, the Gaussian's.
        bones: only those; all where they are not given.

    Returns:
        The number of channels that were smoothed.

    Raises:
        Sam3dbError: no action plays on the character, or the frame is not of its motion.
    """
    require_within(frame, frames_of(curve for _, curve in _curves(rig)))
    wide = int(np.ceil(_WINDOW * deviation))
    at = np.arange(frame - reach - wide, frame + reach + wide + 1, dtype=np.float64)
    steps = np.arange(-wide, wide + 1)
    kernel = np.exp(-0.5 * (steps / deviation) ** 2)
    kernel /= kernel.sum()
    inner = at[wide : len(at) - wide]
    changed = 0
    for _, curve in _curves(rig):
        if len(curve.keyframe_points) < 2 or (bones is not None and _bone(curve) not in bones):
            continue
        values = np.array([curve.evaluate(moment) for moment in at.tolist()])
        smooth = np.convolve(values, kernel, mode="valid")
        moved = (smooth - values[wide : len(at) - wide]) * fade(inner, frame, reach)
        _shift(curve, frame, reach, partial(np.interp, xp=inner, fp=moved))
        changed += 1
    return changed


def fix_foot(rig: bpy.types.Object, side: str, frame: int, distance: float) -> range:
    """Holds a foot where it stands on a frame, as long as it stays near: its leg goes to IK there, led in and out over
    a few frames. Where it is held already, nothing changes.

    Args:
        side: "L" or "R", the character's own.
        distance: m from that place within which the foot is taken to stand.

    Returns:
        The frames on which it is held.

    Raises:
        Sam3dbError: the character has no controls, no action plays on these, or the frame is not of its motion.
    """
    controls = controls_of(rig)
    if controls is None:
        raise Sam3dbError(f"'{rig.name}' has no controls, on which feet are held: add them first.")
    curves = {(c.data_path, c.array_index): c for _, c in compat.animation_curves(controls)}
    if not curves:
        raise Sam3dbError(f"No action plays on '{controls.name}'. {WHERE}")
    motion = frames_of(curves.values())
    require_within(frame, motion)
    rows = _rows_of_foot(controls, side, curves)
    switch = curves.get((slider_path(f"leg_ik.{side}"), 0))
    held = _held(rows, switch, frame, motion)
    if held is not None:
        return held
    held = _standing(rows[0], frame, distance, motion)
    led = _led(held, motion)
    frames = np.arange(led.start, led.stop)
    weight = np.clip(1.0 - np.maximum(held.start - frames, frames - held.stop + 1) / (RAMP + 1), 0.0, 1.0)
    weight = weight * weight * (3.0 - 2.0 * weight)
    for row in rows:
        hold = row.at(frame)
        own = np.array([row.at(number) for number in frames.tolist()])
        signs = np.where(own @ hold < 0.0, -1.0, 1.0)[:, None] if len(hold) == 4 else 1.0
        mixed = own + weight[:, None] * (signs * hold - own)
        if len(hold) == 4:
            mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
        for axis, curve in row.curves.items():
            for number, value in zip(frames.tolist(), mixed[:, axis].tolist()):
                key(curve, number, value)
            curve.update()
    _switch_over(controls, f"leg_ik.{side}", switch, led, motion)
    return held


#: What turns within a foot that stands: the joints behind the ankle, and the ankle's own lean.
_IN_FOOT = ("MCH-talus", "foot_tilt", "foot_arch")
WHERE = "If NLA strips play it, take the strip's action as the active one first."


def _angles(bone: bpy.types.PoseBone) -> list[float]:
    angles: Any = bone.rotation_euler
    return list(angles)


class _Rows:
    """The curves of a property with several numbers, and its values where there are none."""

    def __init__(self, curves: dict[tuple[str, int], bpy.types.FCurve], path: str, width: int, still: list[float]):
        self.curves = {axis: curves[path, axis] for axis in range(width) if (path, axis) in curves}
        self.still = still

    def at(self, frame: float) -> Array:
        """The values on a frame."""
        return np.array([self.curves[i].evaluate(frame) if i in self.curves else v for i, v in enumerate(self.still)])


def _rows_of_foot(
    controls: bpy.types.Object, side: str, curves: dict[tuple[str, int], bpy.types.FCurve]
) -> list[_Rows]:
    """What holds a foot, its place first."""
    foot = controls.pose.bones[f"foot_ik.{side}"]
    still: Any = foot.location, foot.rotation_quaternion
    joints = [controls.pose.bones[f"{name}.{side}"] for name in _IN_FOOT]
    return [
        _Rows(curves, f"{foot.path_from_id()}.location", 3, list(still[0])),
        _Rows(curves, f"{foot.path_from_id()}.rotation_quaternion", 4, list(still[1])),
        *(_Rows(curves, f"{bone.path_from_id()}.rotation_euler", 3, _angles(bone)) for bone in joints),
    ]


def _led(held: range, motion: range) -> range:
    """The frames on which a foot is held, led in or led out: all of the motion's."""
    return range(max(held.start - RAMP, motion.start), min(held.stop + RAMP, motion.stop))


def _held(rows: list[_Rows], switch: bpy.types.FCurve | None, frame: int, motion: range) -> range | None:
    """The frames around one on which a foot is held already; None where it is not."""
    if switch is None:
        return None
    holds = [row.at(frame) for row in rows]

    def same(number: int) -> bool:
        return number in motion and all(
            min(np.abs(at - hold).max(), np.abs(at + hold).max() if len(hold) == 4 else np.inf) <= _HELD
            for at, hold in zip((row.at(number) for row in rows), holds)
        )

    held = _around(frame, same)
    led = _led(held, motion)
    begins = any(point.co[0] == led.start for point in switch.keyframe_points)
    return held if begins and all(switch.evaluate(number) == 1.0 for number in led) else None


def _standing(place: _Rows, frame: int, distance: float, motion: range) -> range:
    """The frames around one on which the foot is near to where it is there."""
    home = place.at(frame)

    def near(number: int) -> bool:
        return number in motion and float(np.linalg.norm(place.at(number) - home)) <= distance

    return _around(frame, near)


def _around(frame: int, like: Callable[[int], bool]) -> range:
    """The frames around one, without a gap, that are like it."""
    start = stop = frame
    while like(start - 1):
        start -= 1
    while like(stop + 1):
        stop += 1
    return range(start, stop + 1)


def _switch_over(
    controls: bpy.types.Object, name: str, curve: bpy.types.FCurve | None, frames: range, motion: range
) -> None:
    """Switches a limb to IK over some frames, and back to what it was on the frames behind, within a motion."""
    first, last = frames.start, frames.stop - 1
    if curve is None:
        curve = compat.curve_of(controls, slider_path(name), 0, "")
    points = curve.keyframe_points
    before = after = float(controls[name])
    if len(points):
        before, after = curve.evaluate(first - 1), curve.evaluate(last + 1)
    for number in reversed(range(len(points))):  # from the end: those behind one that is removed move up
        if first <= points[number].co[0] <= last:
            points.remove(points[number], fast=True)
    for frame, value in ((first - 1, before), (first, 1.0), (last + 1, after)):
        if frame in motion:
            key(curve, frame, value)
    for point in points:
        point.interpolation = "CONSTANT"
    curve.update()


def frames_of(curves: Iterable[bpy.types.FCurve]) -> range:
    """The whole frames from the first key of some curves to the last one."""
    ends = [end for curve in curves if len(curve.keyframe_points) for end in curve.range()]
    return range(math.ceil(min(ends)), math.floor(max(ends)) + 1) if ends else range(0)


def require_within(frame: int, motion: range) -> None:
    """Refuses a frame that is not of a motion.

    Raises:
        Sam3dbError: it is not.
    """
    if not motion:
        raise Sam3dbError(f"The motion has no keys. {WHERE}")
    if frame not in motion:
        raise Sam3dbError(
            f"The motion goes from frame {motion.start} to frame {motion.stop - 1}, and frame {frame} is not one of "
            "these: go to one of them first."
        )


def _curves(rig: bpy.types.Object) -> Iterator[tuple[bpy.types.Object, bpy.types.FCurve]]:
    """The curves of a character's actions: of its controls, and of its own."""
    owners = [owner for owner in (controls_of(rig), rig) if owner is not None]
    found = [(owner, curve) for owner in owners for _, curve in compat.animation_curves(owner) if not curve.mute]
    found = [(owner, curve) for owner, curve in found if curve.data_path != PATH]
    if not found:
        raise Sam3dbError(f"No action plays on '{rig.name}'. {WHERE}")
    yield from found


def _bone(curve: bpy.types.FCurve) -> str:
    return curve.data_path.split('"')[1] if curve.data_path.startswith("pose.bones") else ""


def value_of(owner: bpy.types.Object, path: str, index: int) -> float | None:
    """What a channel is now; None where it is gone or no number."""
    try:
        found: Any = owner.path_resolve(path)
        return float(found[index] if hasattr(found, "__len__") else found)
    except (ValueError, TypeError, IndexError):
        return None


def fade(at: Array, frame: int, reach: int, height: float = 1.0) -> Array:
    """A height on a frame, 0 from one beyond the reach on, smooth at both ends."""
    near = np.clip(1.0 - np.abs(at - frame) / (reach + 1), 0.0, 1.0)
    return height * near * near * (3.0 - 2.0 * near)


def key(curve: bpy.types.FCurve, frame: int, value: float | None = None) -> None:
    """A key on a frame, at the curve's own value where none is given."""
    points = curve.keyframe_points
    point = points.insert(frame, curve.evaluate(frame) if value is None else value, options={"FAST"})
    if len(points) > 1:
        point.interpolation = points[0].interpolation


def _shift(curve: bpy.types.FCurve, frame: int, reach: int, by: Callable[[Array], Array]) -> None:
    """Moves keys near a frame up or down; where keys are far apart, the ends of the reach get some to stay where they
    are.
    """
    first, last = (float(end) for end in curve.range())
    for end in (frame - reach - 1, frame + reach + 1):
        if first < end < last:
            key(curve, end)
    points = [point for point in curve.keyframe_points if abs(point.co[0] - frame) <= reach]
    shifts = by(np.array([point.co[0] for point in points], dtype=np.float64))
    for point, shift in zip(points, np.atleast_1d(shifts).tolist()):
        for corner in (point.co, point.handle_left, point.handle_right):
            corner[1] += shift
    curve.update()
