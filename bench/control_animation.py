"""Do characters move well by their controls? A walk of ten seconds and a sit-down by plain keys, measured and drawn.

    python -m bench.control_animation [--body NAME|FILE] [--only walk|sit] [--out FOLDER] [--each 3] [--height 260]

For each clip (``bench.control_clips``):

* how far a planted heel, ball or toe moves on the floor, mm;
* the fastest turn of any of the character's joints, degrees a frame, and the largest change of it from one quarter of a
  frame to the next: a joint that jumps by some degrees shows there four times as large;
* how far elbows and knees are from the plane of their poles, degrees, and how near legs come to being straight;
* with ``--out`` a strip of frames from the side and from ahead, as the evaluated mesh looks, to be looked at.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import bpy
import cv2
import numpy as np
from numpy.typing import NDArray

from bench.control_clips import Actor, Clip, sit, walk
from native_runtime.characters.controls.extremities import foot_marks
from native_runtime.characters.controls.joints import joints_of
from native_runtime.mhr import Body
from native_runtime.models.store import body_path
from native_runtime.render.colour import encode_srgb, over
from native_runtime.render.framing import studio_view
from native_runtime.render.raster import Surface
from native_runtime.render.studio import TINTS, backdrop, lit
from sam3db_blender.rig.arrays import evaluated_vertices

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]

CLIPS: dict[str, Callable[[Actor], Clip]] = {"walk": walk, "sit": sit}
#: Parts of a frame in which motion is looked at.
PARTS = 4


@dataclass(frozen=True)
class Motion:
    """A clip as it plays.

    Attributes:
        times: (T,) frames.
        stand: (T, J, 4, 4) the character's bones in armature space, m.
        poles: (T, 2, 3) the knees' poles, left and right, m.
    """

    times: Array
    stand: Array
    poles: Array


def play(actor: Actor, clip: Clip, parts: int = PARTS) -> Motion:
    """The clip in parts of a frame."""
    scene: Any = bpy.context.scene
    times = np.arange((clip.last - 1) * parts + 1) / parts + 1
    bones = actor.rig.pose.bones
    stand = np.empty((len(times), len(bones), 4, 4))
    poles = np.empty((len(times), 2, 3))
    for i, time in enumerate(times):
        scene.frame_set(int(time), subframe=float(time % 1))
        stand[i] = [bone.matrix for bone in bones]
        poles[i] = [actor.bone(f"knee_pole.{side}").head for side in "LR"]
    return Motion(times, stand, poles)


def slides(actor: Actor, clip: Clip, motion: Motion) -> dict[str, float]:
    """How far heels, and balls and toes, move while they are planted: the largest way from where they were put, m."""
    joints, found = joints_of(actor.body), {"heel": 0.0, "ball": 0.0}
    for planted in clip.planted:
        low = planted.side.lower()
        heel, tip, _, _ = foot_marks(joints, low, actor.body)
        on = (motion.times >= planted.first) & (motion.times <= planted.last)
        marks = [(f"{low}_talocrural", heel)]
        if planted.part == "ball":
            marks = [(f"{low}_ball", tip), (f"{low}_ball", joints.head(f"{low}_ball"))]
        for joint, mark in marks:
            number = joints.index[joint]
            local = joints.inverse[number] @ np.append(mark, 1.0)
            way = (motion.stand[on, number] @ local)[:, :3]
            if len(way):
                found[planted.part] = max(found[planted.part], float(np.linalg.norm(way - way[0], axis=1).max()))
    return found


def turning(body: Body, motion: Motion) -> tuple[Array, Array]:
    """The angular velocities of all joints beneath their parents, (T - 1, J, 3) radians a frame in the joints' own
    axes, and their changes, (T - 2, J) radians a frame.
    """
    parents = joints_of(body).layout.parents
    turns = motion.stand[..., :3, :3]
    turns = turns / np.cbrt(np.linalg.det(turns))[..., None, None]
    local = np.where((parents < 0)[:, None, None], turns, np.swapaxes(turns[:, parents], -1, -2) @ turns)
    step = np.swapaxes(local[:-1], -1, -2) @ local[1:]
    odd = (step - np.swapaxes(step, -1, -2)) / 2
    axis = np.stack([odd[..., 2, 1], odd[..., 0, 2], odd[..., 1, 0]], axis=-1)
    sine = np.linalg.norm(axis, axis=-1)
    angle = np.arctan2(sine, (np.trace(step, axis1=-2, axis2=-1) - 1) / 2)
    velocity = axis * (angle / np.maximum(sine, 1e-12))[..., None] / np.diff(motion.times)[:, None, None]
    return velocity, np.linalg.norm(np.diff(velocity, axis=0), axis=-1)


def knees(actor: Actor, motion: Motion) -> tuple[float, float]:
    """The largest angle between where a knee and its pole lie from the leg's line, radians, where the leg is bent by
    more than two degrees; and the least bend of a knee, radians.
    """
    joints, off, least = joints_of(actor.body), 0.0, np.pi
    for number, side in enumerate("lr"):
        hip, knee, ankle = (
            motion.stand[:, joints.index[f"{side}_{word}"], :3, 3] for word in ("upleg", "lowleg", "foot")
        )
        line = _unit(ankle - hip)
        upper, lower = _unit(knee - hip), _unit(ankle - knee)
        bend = np.arctan2(np.linalg.norm(np.cross(upper, lower), axis=1), (upper * lower).sum(1))
        out, pole = (
            _unit(p - hip - ((p - hip) * line).sum(1)[:, None] * line) for p in (knee, motion.poles[:, number])
        )
        angle = np.arctan2(np.linalg.norm(np.cross(out, pole), axis=1), (out * pole).sum(1))
        off = max(off, float(angle[bend > np.radians(2.0)].max(initial=0.0)))
        least = min(least, float(bend.min()))
    return off, least


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))


def strip(actor: Actor, clip: Clip, each: int, height: int, across: int = 8) -> Pixels:
    """Frames of a clip, each from the side and from three quarters ahead."""
    scene: Any = bpy.context.scene
    cells = []
    for frame in range(1, clip.last + 1, each):
        scene.frame_set(frame)
        points = evaluated_vertices(actor.mesh, bpy.context.evaluated_depsgraph_get())
        middle = np.array(actor.rig.pose.bones["root"].head)
        cells.append(_cell(actor.body, clip, points, middle, frame, height))
    blank = np.full_like(cells[0], 200)
    cells += [blank] * (-len(cells) % across)
    return np.vstack([np.hstack(cells[k : k + across]) for k in range(0, len(cells), across)])


def _cell(body: Body, clip: Clip, points: Array, middle: Array, frame: int, height: int) -> Pixels:
    triangles = np.asarray(body.triangles, np.int32)
    colours = np.tile(TINTS[1], (len(points), 1))
    if clip.seat is not None:
        corners, faces = _stool(*clip.seat)
        triangles = np.concatenate([triangles, faces + len(points)]).astype(np.int32)
        points, colours = np.concatenate([points, corners]), np.concatenate([colours, np.tile(TINTS[0], (8, 1))])
    stage = np.array([[x, y, z] for x in (-0.45, 0.45) for y in (-0.55, 0.55) for z in (0.0, 1.75)])
    stage[:, :2] += 0.0 if clip.seat is not None else middle[:2]
    surface = Surface(
        points, triangles, colours, np.ones((len(triangles), 3), np.bool_), np.zeros(len(triangles), np.bool_)
    )
    pictures = []
    for turn in (np.pi / 2, 0.65):
        view = studio_view(stage, turn, 0.06, height)
        pictures.append(encode_srgb(over(lit(surface, view), backdrop(surface, view)))[..., :3])
    picture = np.ascontiguousarray(np.hstack(pictures)).astype(np.uint8)
    cv2.putText(picture, f"{clip.name} {frame}", (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (10, 10, 10), 1, cv2.LINE_AA)
    return picture


def _stool(height: float, middle: float) -> tuple[Array, NDArray[np.int32]]:
    corners = np.array([[x, middle + y, z] for x in (-0.2, 0.2) for y in (-0.17, 0.17) for z in (0.0, height)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (1, 5, 7, 3), (0, 2, 6, 4)]
    return corners, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], dtype=np.int32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--body", default="default-lod2", help="a name, or a file (default: default-lod2)")
    parser.add_argument("--only", choices=tuple(CLIPS))
    parser.add_argument("--out", type=Path, help="a folder for the strips and the scenes")
    parser.add_argument("--each", type=int, default=3, help="draw each n-th frame")
    parser.add_argument("--height", type=int, default=260, help="of each picture, pixels")
    arguments = parser.parse_args()
    given = Path(arguments.body)
    body = Body.load(given if given.is_file() else body_path(arguments.body))
    for name in [arguments.only] if arguments.only else list(CLIPS):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        actor = Actor(body)
        clip = CLIPS[name](actor)
        _report(actor, clip)
        if arguments.out is not None:
            arguments.out.mkdir(parents=True, exist_ok=True)
            picture = strip(actor, clip, arguments.each, arguments.height)
            cv2.imwrite(str(arguments.out / f"{name}.jpg"), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
            bpy.ops.wm.save_as_mainfile(filepath=str((arguments.out / f"{name}.blend").resolve()))
    sys.stdout.flush()
    os._exit(0)  # some versions of bpy crash on leaving


def _report(actor: Actor, clip: Clip) -> None:
    motion = play(actor, clip)
    names: Sequence[str] = actor.body.joint_names
    print(f"{clip.name}, {clip.last} frames on Blender {bpy.app.version_string}")
    for part, way in slides(actor, clip, motion).items():
        print(f"  planted {part + 's':6} slide by {1000 * way:8.3f} mm")
    velocity, change = turning(actor.body, motion)
    for what, values, times in (
        ("fastest turn", np.linalg.norm(velocity, axis=-1), motion.times),
        ("largest change in a quarter of a frame", change, motion.times[1:]),
    ):
        print(f"  {what}, degrees a frame:")
        for joint in np.argsort(values.max(axis=0))[::-1][:4]:
            at = values[:, joint].argmax()
            print(f"    {names[joint]:24} {np.degrees(values[at, joint]):8.2f} at {times[at]:.2f}")
    off, least = knees(actor, motion)
    print(f"  knees off their poles {np.degrees(off):.2f} degrees, least bend {np.degrees(least):.1f} degrees")


if __name__ == "__main__":
    main()
