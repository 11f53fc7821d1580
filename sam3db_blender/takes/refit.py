"""The keys of a character after its take was fitted again around some frames: those of these frames, no others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.animation.resampling import ball_joints
from native_runtime.characters.channels import nearest_angles
from native_runtime.characters.controls.pose import nearest_euler
from native_runtime.errors import Sam3dbError

from .. import compat
from ..rig.control_pose import controls_of
from ..scene.provenance import read_origin
from .channels import MECHANISM, Channel, controls_channels, rig_channels, slider_channels
from .curves import SAME
from .editing import WHERE, fade, key, value_of
from .motion import Clock, motion_again
from .record import TakeRecord, prompts_of, write_record

if TYPE_CHECKING:
    import bpy

    from native_runtime.mhr import Body
    from native_runtime.takes.take import Take

Array = NDArray[np.float64]

#: m, about, by which keys must be off what the take said to be an artist's, and by which a prompt must move a channel
#: to overrule these.
_BY_HAND, _MOVED = 0.004, 0.004
_ROTATION = slice(3, 6)
#: Frames between two stretches that make them one.
_GAP = 3


@dataclass(frozen=True)
class Refitted:
    """What became of a character's keys.

    Attributes:
        frames: of the scene, those whose keys changed.
        overruled: bones on which corrections by hand gave way to what was said of a frame.
        kept: bones on which they stay, on top of the new motion.
    """

    frames: list[range] = field(default_factory=list)
    overruled: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def clock_of(record: TakeRecord) -> Clock:
    """Which moment of the footage a frame of the scene shows."""
    return Clock(record.start, record.rate, record.zero)


def footage_frame(record: TakeRecord, take: Take, frame: int) -> int:
    """The footage's number of the take's frame that a frame of the scene shows.

    Raises:
        Sam3dbError: it shows none.
    """
    time = float(clock_of(record).times(np.array([frame]))[0])
    if not record.first <= frame <= record.last:
        raise Sam3dbError(f"The take goes from frame {record.first} to frame {record.last}: go to one of these first.")
    return int(take.frames[int(np.argmin(np.abs(take.times - time)))])


def scene_frame(record: TakeRecord, take: Take, frame: int) -> int:
    """The frame of the scene that is nearest to a frame of a take."""
    time = float(take.times[take.index_of(frame)])
    return round(record.start + (time - record.zero) * record.rate)


def require_keys(rig: bpy.types.Object) -> None:
    """Raises a Sam3dbError where no action plays on a character, whose keys could follow a take."""
    owner = controls_of(rig) or rig
    if next(compat.animation_curves(owner), None) is None:
        raise Sam3dbError(f"No action plays on '{owner.name}'. {WHERE}")


def follow_refit(rig: bpy.types.Object, body: Body, record: TakeRecord, before: Take, after: Take) -> Refitted:
    """Changes a character's keys as its take changed. Keys on other frames stay as they are.

    What an artist changed by hand stays as a difference, but on channels that a new prompt moves: there it fades
    towards the frame of the prompt.

    Args:
        record: of the character, as it was.
        before, after: the take with the prompts of then and of now.

    Raises:
        Sam3dbError: no action plays on the character.
    """
    require_keys(rig)
    controls = controls_of(rig)
    owner = rig if controls is None else controls
    stretches = []
    for shown, joints, parameters in _changes(rig, body, record, before, after):
        near = _nearness(record, before, after, shown)
        pairs: list[tuple[bpy.types.Object, Channel, Channel]] = []
        for block, made in (
            (owner, [(rig_channels if controls is None else controls_channels)(owner, body, each) for each in joints]),
            (
                rig,
                [
                    slider_channels(rig, body, each, np.zeros((len(shown), body.expression_count)))
                    for each in parameters
                ],
            ),
        ):
            pairs += [(block, old, new) for old, new in zip(*made, strict=True)]
        stretches.append((shown, near, pairs))
    overruled: set[str] = set()
    kept: set[str] = set()
    for shown, near, pairs in stretches:
        for block in dict.fromkeys(block for block, _, _ in pairs):
            own = [(old, new) for each, old, new in pairs if each == block]
            _follow(block, shown, near, own, range(record.first, record.last + 1), overruled, kept)
    write_record(rig, replace(record, prompts=prompts_of(after), quality=after.to_json()["quality"]))
    frames = [range(int(shown[0]), int(shown[-1]) + 1) for shown, _, _ in stretches]
    return Refitted(frames, tuple(sorted(overruled)), tuple(sorted(kept - overruled)))


def _changes(
    rig: bpy.types.Object, body: Body, record: TakeRecord, before: Take, after: Take
) -> list[tuple[NDArray[np.int64], tuple[Array, Array], tuple[Array, Array]]]:
    """Of each stretch that changed: frames of the scene (W,), joints (W, J, 7) and parameters (W, 204), old and new."""
    if not np.array_equal(before.frames, after.frames):
        raise Sam3dbError("The take has other frames than the character was made with: import it again.")
    world = np.array(record.world) if len(record.world) else np.eye(4)
    home = np.array(record.home) if len(record.home) else read_origin(rig).arrays["camera_translation"]
    clock = clock_of(record)
    frames, old, numbers = motion_again(before, body, clock, world, home)
    _, new, others = motion_again(after, body, clock, world, home)
    balls = ball_joints(body)
    new[:, balls, _ROTATION] = nearest_angles(new[:, balls, _ROTATION], old[:, balls, _ROTATION])
    changed = np.flatnonzero(
        (np.abs(new - old).max(axis=(1, 2)) > SAME) | (np.abs(others - numbers).max(axis=1) > SAME)
    )
    if not len(changed):
        return []
    ends = np.split(changed, np.flatnonzero(np.diff(changed) > _GAP) + 1)
    parts = [slice(int(part[0]), int(part[-1]) + 1) for part in ends]
    return [(frames[part], (old[part], new[part]), (numbers[part], others[part])) for part in parts]


def _nearness(record: TakeRecord, before: Take, after: Take, shown: NDArray[np.int64]) -> Array:
    """(W,) 0..1, how near frames of the scene are to a prompt that is new, within the stretch that it changed."""
    then = set(prompts_of(before))
    placed = {prompt[0] for prompt in prompts_of(after) if prompt not in then and len(prompt) == 4}
    near = np.zeros(len(shown))
    for frame in placed:
        centre = scene_frame(record, after, frame)
        if shown[0] <= centre <= shown[-1]:
            near = np.maximum(
                near, fade(shown.astype(np.float64), centre, int(max(centre - shown[0], shown[-1] - centre)))
            )
    return near


def _follow(
    block: bpy.types.Object,
    shown: NDArray[np.int64],
    near: Array,
    channels: Sequence[tuple[Channel, Channel]],
    span: range,
    overruled: set[str],
    kept: set[str],
) -> None:
    """Sets the keys of one object on some frames of those that the take spans."""
    curves = {(curve.data_path, curve.array_index): curve for _, curve in compat.animation_curves(block)}
    by_path: dict[str, list[tuple[Channel, Channel]]] = {}
    for pair in channels:
        by_path.setdefault(pair[0].path, []).append(pair)
    for pairs in by_path.values():
        present = np.stack([_present(block, curves, old, shown) for old, _ in pairs], axis=1)
        old, new = (np.stack([pair[which].values for pair in pairs], axis=1) for which in (0, 1))
        old, new = _aligned(block, pairs[0][0], old, new, present)
        reach = np.array([channel.reach for channel, _ in pairs])
        moved = np.abs(new - old).max(axis=0)
        if moved.max() <= SAME:
            continue
        own = present - old
        by_hand = np.abs(own).max(axis=0) * reach > _BY_HAND
        wins = bool((moved * reach).max() > _MOVED and near.any())
        kept_by_hand = (1.0 - near)[:, None] * np.where(by_hand, own, 0.0) if wins else own
        if by_hand.any():
            (overruled if wins else kept).add(pairs[0][0].group)
        wanted = new + kept_by_hand
        for column, (channel, _) in enumerate(pairs):
            if moved[column] > SAME or (wins and by_hand[column]):
                _set_keys(block, curves.get((channel.path, channel.index)), channel, shown, wanted[:, column], span)


def _present(
    block: bpy.types.Object,
    curves: dict[tuple[str, int], bpy.types.FCurve],
    channel: Channel,
    shown: NDArray[np.int64],
) -> Array:
    """(W,) what a channel is on frames: by its curve, or, where nothing is keyed, as it stands."""
    curve = curves.get((channel.path, channel.index))
    if curve is not None:
        return np.array([curve.evaluate(frame) for frame in shown.tolist()])
    value = value_of(block, channel.path, channel.index)
    return np.full(len(shown), channel.rest if value is None else value)


def _aligned(block: bpy.types.Object, channel: Channel, old: Array, new: Array, present: Array) -> tuple[Array, Array]:
    """Rotations (W, n) of the take by the numbers that are nearest to those of the keys."""
    path = channel.path
    if path.endswith(".rotation_euler") and old.shape[1] == 3 and not channel.group.startswith(MECHANISM):
        mode = str(block.path_resolve(path.rsplit(".", 1)[0] + ".rotation_mode"))
        old = np.stack([nearest_euler(each, mode, near) for each, near in zip(old, present)])
        new = np.stack([nearest_euler(each, mode, near) for each, near in zip(new, old)])
    elif path.endswith(".rotation_quaternion"):
        old = old * np.where(np.sum(old * present, axis=1) < 0, -1.0, 1.0)[:, None]
        new = new * np.where(np.sum(new * old, axis=1) < 0, -1.0, 1.0)[:, None]
    return old, new


def _set_keys(
    block: Any, curve: bpy.types.FCurve | None, channel: Channel, shown: NDArray[np.int64], values: Array, span: range
) -> None:
    """Keys a channel on frames. Where keys are far apart, the frames beside them get some to stay where they are."""
    frames = shown.tolist()
    if curve is None:
        still = value_of(block, channel.path, channel.index)
        curve = compat.curve_of(block, channel.path, channel.index, channel.group)
        key(curve, frames[0] - 1, channel.rest if still is None else still)
    there = {float(point.co[0]) for point in curve.keyframe_points}
    beside = [frame for frame in (frames[0] - 1, frames[-1] + 1) if frame in span]
    for frame in (*beside, *frames):
        if float(frame) not in there:
            key(curve, frame)
    wanted = dict(zip(frames, values.tolist(), strict=True))
    for point in curve.keyframe_points:
        value = wanted.get(int(point.co[0])) if float(point.co[0]).is_integer() else None
        if value is not None:
            by = value - point.co[1]
            for corner in (point.co, point.handle_left, point.handle_right):
                corner[1] += by
    curve.update()
