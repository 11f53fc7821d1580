"""Takes of made-up motion, with the truth known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.camera import Gravity
from native_runtime.mhr import POSE, SCALE, Body
from native_runtime.takes.camera import TakeCamera
from native_runtime.takes.frames import FrameStore, SeenFrame, SeenPerson
from native_runtime.takes.kept import KeptFit, KeptFits
from native_runtime.takes.observations import observe_estimate
from native_runtime.takes.run import CAMERA
from native_runtime.takes.take import Take, TakeFootage
from native_runtime.takes.tracks import Sighting

INTRINSICS = np.array([[900.0, 0, 319.5], [0, 900.0, 239.5], [0, 0, 1]])


def moving_take(body: Body, count: int = 6, *, first: int = 3, every: int = 1, fps: float = 25.0, **rest: Any) -> Take:
    """A body whose joints swing slowly while it walks across the picture."""
    rng = np.random.default_rng(5)
    phase = np.linspace(0, 1, count)[:, None]
    parameters = np.zeros((count, 204))
    parameters[:, POSE] = rng.uniform(-0.3, 0.3, 130) * np.sin(3 * phase + rng.uniform(0, 6, 130))
    parameters[:, SCALE] = rng.uniform(-0.05, 0.05, 68)
    frames = first + every * np.arange(count)
    given: dict[str, Any] = {
        "frames": frames,
        "times": frames / fps,
        "image_size": np.array([640, 480]),
        "camera_to_world": np.tile(np.eye(4), (count, 1, 1)),
        "ground": np.array([0.0, -1.0, 0.0, 1.2]),
        "bbox": np.tile([10.0, 20, 300, 400], (count, 1)),
        "seen": np.ones(count),
        "contacts": np.zeros((count, 4), bool),
        "engine": "landmarks",
        "footage": TakeFootage("walk.mp4", fps, 100, 0, 99, every),
    }
    return Take.from_states(
        body,
        parameters,
        rng.normal(size=body.identity_count) * 0.3,
        np.tile(np.linspace(0, 0.5, body.expression_count), (count, 1)),
        np.concatenate([phase - 0.5, np.full((count, 1), 1.0), np.full((count, 1), 4.0)], axis=1),
        INTRINSICS,
        **{**given, **rest},
    )


def kept_take(body: Body, folder: Path, count: int = 30) -> Path:
    """The file of a made-up take in a folder, with what was seen of its frames: the take itself, as an engine gives it.

    Args:
        folder: an empty one.
    """
    take = moving_take(body, count, first=0)
    lengths = take.model_parameters.copy()
    lengths[:, 130:136] = lengths[0, 130:136]  # lengths that may change
    numbers = (take.identity, take.expression, take.camera_translation, take.intrinsics)
    rest = {name: getattr(take, name) for name in _REST}
    take = Take.from_states(body, body.parameterisation.clamp(lengths), *numbers, **rest)
    frames = FrameStore(folder / "walk_frames", {"made": "up"})
    frames.keep(CAMERA, TakeCamera(INTRINSICS, Gravity(), {}, None).to_json())
    sighting = Sighting(np.array([10.0, 20, 300, 400]), np.zeros((1, 2)), np.ones(1), np.zeros(3))
    for frame in range(count):
        seen = replace(observe_estimate(body, take.estimate(frame, body), frame), start=None, spreads=None)
        frames.write(SeenFrame(frame, frame / take.footage.fps, (SeenPerson(sighting, seen),)))
    KeptFits(frames.folder).write(take, KeptFit({"frames": frames.settings}, dict.fromkeys(range(count), 0)))
    return take.save(folder / "walk_person0_take")[0]


_REST = ("frames", "times", "image_size", "camera_to_world", "ground", "bbox", "seen", "contacts", "engine", "footage")
