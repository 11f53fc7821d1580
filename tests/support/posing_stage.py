"""A photo with people and the loop that poses them, without a window: artist, worker and clock are the test's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
import cv2
import numpy as np

from native_runtime.engines.estimate import Estimate
from native_runtime.image.reading import read_photo
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.models import manifest
from native_runtime.prompts.prompt import keypoint_names
from native_runtime.service.client import Event
from sam3db_blender.handles.handles import by_keypoint
from sam3db_blender.handles.loop import Loop
from sam3db_blender.handles.photo_scene import build_photo_scene
from sam3db_blender.scene.character import Character, PhotoScene
from sam3db_blender.scene.provenance import character_id

SIZE = (320, 240)
UP = (0.05, -0.96, -0.27)
"""Against gravity for the photo's camera: it looks down, and is rolled a little."""
WRIST, NOSE, ANKLE = (keypoint_names().index(name) for name in ("left_wrist", "nose", "right_ankle"))


@dataclass
class Artist:
    """The window: whether somebody drags, and the history."""

    drags: bool = False
    pushed: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    travel: Callable[[str], bool] = lambda direction: False

    def dragging(self) -> bool:
        return self.drags

    def push_undo(self, message: str) -> None:
        self.pushed.append(message)

    def step(self, direction: str) -> bool:
        self.steps.append(direction)
        return self.travel(direction)


class Worker:
    """Answers when it is told to."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[dict[str, Any]] = []
        self.cancelled: list[int] = []
        self._folder = folder
        self._events: list[Event] = []

    def request(self, do: str, *, timeout_s: float | None = None, **keys: Any) -> int:
        assert do in ("pose", "pose_views")
        self.asked.append(keys)
        return len(self.asked)

    def poll(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def cancel(self, number: int) -> None:
        self.cancelled.append(number)

    def answer(self, estimate: Estimate, number: int = 0) -> None:
        path, _ = estimate.save(self._folder / f"answer{len(self.asked)}")
        self._events.append(Event(number or len(self.asked), "done", result={"estimate": str(path)}))

    def fail(self, kind: str, text: str = "no") -> None:
        self._events.append(Event(len(self.asked), "error", error=kind, text=text))


@dataclass
class Stage:
    """Everything of a test: a photo with people, and the loop."""

    built: PhotoScene
    body: Body
    artist: Artist
    worker: Worker
    loop: Loop
    now: float = 0.0

    @property
    def character(self) -> Character:
        return self.built.characters[0]

    @property
    def rig(self) -> bpy.types.Object:
        return self.character.rig

    @property
    def state(self) -> str:
        return self.loop.status(self.character.id).state

    def wait(self, seconds: float = 1.0) -> None:
        self.now += seconds
        self.loop.tick()

    def drag(self, index: int, x: float, y: float, character: int = 0) -> None:
        """Drags a handle by so many pixels and lets it go."""
        rig = self.built.characters[character].rig
        handle = by_keypoint(rig)[index]
        handle.location.x += x
        handle.location.y -= y
        self.loop.mark(character_id(rig))

    def answer(self, seed: int = 7, **details: Any) -> Estimate:
        """The worker answers the last question with another pose."""
        estimate = estimate_of_person(self.body, seed, **details)
        self.worker.answer(estimate)
        self.wait(0.2)
        self.wait(0.0)  # heard, then taken over
        bpy.context.view_layer.update()
        return estimate


def estimate_of_person(body: Body, seed: int, **details: Any) -> Estimate:
    rng = np.random.default_rng(seed)
    parameters = rng.normal(0, 0.2, 204)
    parameters[:3] = 0
    return Estimate.from_state(
        body,
        PlacedState(
            parameters,
            rng.normal(0, 0.5, body.identity_count),
            np.zeros(body.expression_count),
            np.array([0.1 * (seed % 5), 1.0, 4.0 + 0.1 * (seed % 3)]),
        ),
        np.array([[300.0, 0, 160], [0, 300.0, 120], [0, 0, 1]]),
        image_size=np.array(SIZE),
        bbox=np.array([10.0, 20, 200, 230]),
        engine="landmarks",
        photo="photo.png",
        details=details | {"lens": {"up": list(UP)}},
    )


def write_photo(folder: Path) -> Path:
    """A photo of nothing."""
    path = folder / "photo.png"
    cv2.imwrite(str(path), np.random.default_rng(3).integers(0, 255, (*SIZE[::-1], 3), np.uint8))
    return path


def install_body(body: Body, models: Path) -> None:
    """Puts a body into a models folder."""
    bodies = models / "bodies"
    bodies.mkdir(parents=True)
    file = bodies / f"{body.name}.npz"
    body.save(file)
    manifest.write(bodies, {file.name: manifest.describe(file)})


def set_up(body: Body, folder: Path, photo: Path) -> Stage:
    """Two people of a photo, an artist who does nothing yet, and a worker that waits to be told its answers."""
    people = [estimate_of_person(body, seed) for seed in (0, 1)]
    built = build_photo_scene(bpy.context.scene, people, read_photo(photo), body, light=False)
    bpy.context.view_layer.update()
    artist, worker = Artist(), Worker(folder)
    stage = Stage(built, body, artist, worker, Loop(artist, lambda: worker, lambda: stage.now))
    return stage
