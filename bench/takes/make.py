"""Makes takes: a clip of motion capture, a body, a room and a camera, each from the take's own seed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.accuracy.figures import Figure
from bench.accuracy.harder import random_adult, with_hands
from bench.accuracy.render import ground_in, keep_body
from bench.accuracy.views import Placed
from native_runtime.camera import mhr_to_blender, mhr_to_camera, project
from native_runtime.mhr import Body
from native_runtime.render.raster import View as RasterView
from native_runtime.synthetic.anatomy import Anatomy
from native_runtime.synthetic.views import View

from .cameras import SIZE, fixed, moving
from .clips import EXCERPTS, RATE, Excerpt, postures
from .look import Look
from .motion import answered, foot_pitch, resampled
from .picture import Light, Painter
from .planting import plant
from .room import furnished
from .truth import TakeTruth

Array = NDArray[np.float64]
Split = Literal["tune", "held-out"]

SECONDS = 4.0
SOLE = 0.008
"""Metres of shoe under bare soles: so much lower lies the floor that is seen."""
_MOVING_EVERY = 5
"""Every fifth take has a camera that moves, from the third on."""
_STREAMS = {"tune": 11, "held-out": 12}


@dataclass(frozen=True)
class Scene:
    """A take before it is drawn.

    Attributes:
        truth: all that is known.
        frames: the person in each frame, standing in the world (z up, m).
        views: the camera of each frame.
        rng: what the looks are drawn from.
    """

    truth: TakeTruth
    frames: list[Placed]
    views: list[View]
    rng: np.random.Generator


def count(split: Split) -> int:
    """How many takes a split has."""
    return len(EXCERPTS[split])


def name_of(split: Split, number: int) -> str:
    """The stem of a take's files."""
    return f"{split}_{number:02d}"


def scene_of(body: Body, split: Split, number: int, seed: int = 0, seconds: float = SECONDS) -> Scene:
    """The take of a number: motion, body and camera."""
    excerpt: Excerpt = EXCERPTS[split][number]
    rng = np.random.default_rng([seed, number, _STREAMS[split]])
    figure = random_adult(body, rng)
    rate = float(rng.choice([25.0, 30.0]))
    found = postures(excerpt, round(seconds * RATE), foot_pitch(body))
    motion = resampled(body, answered(body, found), seconds, rate)
    motion = motion + (with_hands(body, np.zeros(motion.shape[1]), rng) + figure.parameters)
    planted = plant(body, motion, figure.identity, rate)
    frames = _placed(body, figure, planted.parameters, planted.root)
    points = np.concatenate([mhr_to_blender(_joints(body, p)) + p.root for p in frames])
    view = fixed(_around(points), rng)
    hand = number % _MOVING_EVERY == 2
    views = moving(view, points, len(frames), rate, rng) if hand else [view] * len(frames)
    about: dict[str, Any] = {
        "name": name_of(split, number), "split": split, "seed": seed, "clip": excerpt.clip, "motion": excerpt.seen,
        "fps": rate, "camera": "moving" if hand else "fixed", "sole_mm": 1000 * SOLE, "body": body.name,
        "body_hash": body.hash, "planted_drift_mm": round(planted.drift, 3), "contacts_let_go":
        planted.wanted - int(planted.contacts.sum()), "clip_seconds": len(found) / RATE, **figure.about,
    }  # fmt: skip
    return Scene(_truth(body, frames, views, planted.contacts, about), frames, views, rng)


def _joints(body: Body, placed: Placed) -> Array:
    """(J, 3) cm relative to the root joint."""
    joints = body.pose(placed.figure.parameters).translations
    return np.asarray(joints - joints[body.joint_index("root")])


def _around(points: Array) -> Array:
    """Joints with a hand's breadth around them, for skin, hair and shoes."""
    spread = np.array([[x, y, z] for x in (-0.1, 0.1) for y in (-0.1, 0.1) for z in (-0.12, 0.14)])
    return np.asarray((points[::5, None] + spread).reshape(-1, 3))


def _placed(body: Body, figure: Figure, parameters: Array, root: Array) -> list[Placed]:
    roots = mhr_to_blender(body.pose(parameters).translations[:, body.joint_index("root")] + root)
    return [Placed(replace(figure, parameters=row), 0.0, place) for row, place in zip(parameters, roots)]


def _truth(
    body: Body, frames: Sequence[Placed], views: Sequence[View], contacts: NDArray[np.bool_], about: dict[str, Any]
) -> TakeTruth:
    placed = [person.in_camera(body, view) for person, view in zip(frames, views)]
    parameters, translations = (np.array(column) for column in zip(*placed))
    figure, first = frames[0].figure, views[0]
    keypoints, joints, boxes = [], [], []
    for row, shift in zip(parameters, translations):
        pose = body.pose(row)
        vertices = body.vertices(row, figure.identity, figure.expression)
        keypoints.append(mhr_to_camera(body.keypoints(pose, vertices), shift))
        joints.append(mhr_to_camera(pose.translations, shift))
        pixels = project(mhr_to_camera(vertices, shift), first.intrinsics)
        boxes.append([*pixels.min(axis=0), *pixels.max(axis=0)])
    to_world = np.tile(np.eye(4), (len(frames), 1, 1))
    for k, view in enumerate(views):
        to_world[k, :3, :3] = first.rotation @ view.rotation.T
        to_world[k, :3, 3] = first.from_world(view.place)
    plane = ground_in(first, 0.0)
    points = np.array(keypoints)
    return TakeTruth(
        frames=np.arange(len(frames)), times=np.arange(len(frames)) / float(about["fps"]),
        model_parameters=parameters, identity=figure.identity, expression=figure.expression,
        camera_translation=translations, intrinsics=first.intrinsics, image_size=np.array(first.size),
        camera_to_world=to_world, ground=plane * [1, 1, 1, -1], bbox=np.array(boxes),
        keypoints_2d=project(points, first.intrinsics), keypoints_3d=points, joints=np.array(joints),
        contacts=contacts, about=about,
    )  # fmt: skip


def drawn(scene: Scene, coarse: Body) -> Iterator[NDArray[np.uint8]]:
    """The frames (720, 1280, 3) sRGB.

    Args:
        coarse: the level of detail that is drawn.
    """
    rng, about = scene.rng, scene.truth.about
    look = Look(Anatomy(coarse), rng, about["sex"] == "female")
    about["worn"] = look.worn
    roots = np.array([p.root[:2] for p in scene.frames] + [v.place[:2] for v in scene.views])
    room = furnished(roots.min(axis=0) - 0.8, roots.max(axis=0) + 0.8, -SOLE, rng)
    turn, height = float(rng.uniform(-np.pi, np.pi)), float(rng.uniform(0.6, 1.2))
    towards = np.array([np.cos(turn) * np.cos(height), np.sin(turn) * np.cos(height), np.sin(height)])
    warm = float(rng.normal(0, 0.06))
    colour = float(rng.uniform(0.55, 0.95)) * np.array([1 + warm, 1.0, 1 - warm])
    ambient = float(rng.uniform(0.35, 0.6)) * np.array([1 - warm / 2, 1.0, 1 + warm / 2])
    painter = Painter(look, room, Light(towards, colour, ambient, float(rng.uniform(0.004, 0.014))))
    for k, (person, view) in enumerate(zip(scene.frames, scene.views)):
        eye = RasterView(view.intrinsics, view.rotation.T, view.place, *view.size)
        yield painter.frame(person.vertices(coarse), eye, seed=k)


def make(
    body: Body, coarse: Body, out: Path, split: Split, numbers: Sequence[int], *, seed: int = 0,
    seconds: float = SECONDS, pictures: bool = False, again: bool = False, progress: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Write takes: ``NAME.mp4``, or a folder ``NAME`` of pictures, and ``NAME.npz``; what is there is kept.

    Args:
        body: whose parameters are moved; kept beside the takes as ``body.npz``.
        coarse: a level of detail of it, which is drawn.
        again: also what is there.
    """
    out.mkdir(parents=True, exist_ok=True)
    keep_body(body, out)
    for number in numbers:
        name = name_of(split, number)
        if (out / f"{name}.npz").exists() and not again:
            continue
        started = time.process_time()
        scene = scene_of(body, split, number, seed, seconds)
        moved = time.process_time() - started
        frames = drawn(scene, coarse)
        if pictures:
            _write_pictures(out / name, frames)
        else:
            _write_video(out / f"{name}.mp4", frames, scene.truth.fps)
        scene.truth.save(out / f"{name}.npz")
        drawing = (time.process_time() - started - moved) / len(scene.frames)
        progress(
            f"{name}: {scene.truth.about['motion']}, {len(scene.frames)} frames, {moved:.0f} s of a processor for the "
            f"motion and {drawing:.2f} a frame; contacts drift by {scene.truth.about['planted_drift_mm']} mm"
        )


def _write_video(path: Path, frames: Iterator[NDArray[np.uint8]], fps: float) -> None:
    temporary = path.with_name(f".{path.stem}.part.mp4")
    writer = cv2.VideoWriter(str(temporary), cv2.VideoWriter_fourcc(*"mp4v"), fps, SIZE)
    if not writer.isOpened():
        raise SystemExit("OpenCV cannot write MPEG-4 here: name --pictures")
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    temporary.replace(path)


def _write_pictures(folder: Path, frames: Iterator[NDArray[np.uint8]]) -> None:
    folder.mkdir(exist_ok=True)
    for number, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"{number:05d}.jpg"), frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
