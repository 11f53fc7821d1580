"""What is known about a rendered picture, and its files.

Beside ``NNNN.jpg`` lies ``NNNN.npz``. Pixels and camera axes are those of ``native_runtime.camera``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera, project
from native_runtime.mhr import Body
from native_runtime.mhr.bodyfile import write_arrays

Array = NDArray[np.float64]
FORMAT = "sam3db-truth/1"
BODY_FILE = "body.npz"
"""The body of a set's pictures, within its folder."""


@dataclass(frozen=True)
class Person:
    """One person of a picture, exactly known.

    Attributes:
        model_parameters: (204,), the root's translation 0, the root's rotation towards the camera included.
        identity, expression: coefficients.
        camera_translation: (3,) m.
        vertices: (V, 3) m, camera axes: the naked body, also where clothes cover it.
        joints: (127, 3), keypoints: (70, 3), landmarks: (L, 3) m, camera axes.
        seen: (L,) whether the ray to that landmark meets nothing but this person, at about its depth, within the frame.
        about: pose, tags, look.
    """

    model_parameters: Array
    identity: Array
    expression: Array
    camera_translation: Array
    vertices: NDArray[np.float32]
    joints: Array
    keypoints: Array
    landmarks: Array
    seen: NDArray[np.bool_]
    about: dict[str, Any]

    @staticmethod
    def of(
        body: Body, parameters: Array, identity: Array, expression: Array, translation: Array, about: dict[str, Any]
    ) -> Person:
        """Everything that follows from the parameters; ``seen`` is filled in by the renderer."""
        pose = body.pose(parameters)
        vertices = body.vertices(parameters, identity, expression)
        return Person(
            parameters,
            identity,
            expression,
            translation,
            mhr_to_camera(vertices, translation).astype(np.float32),
            mhr_to_camera(pose.translations, translation),
            mhr_to_camera(body.keypoints(pose, vertices), translation),
            mhr_to_camera(body.landmarks(pose, vertices), translation),
            np.zeros(len(body.landmark_names), bool),
            about,
        )


@dataclass(frozen=True)
class Truth:
    """A picture: size (width, height) px, intrinsics (3, 3), its people, and what the set-up was."""

    size: tuple[int, int]
    intrinsics: Array
    people: tuple[Person, ...]
    about: dict[str, Any]

    def pixels(self, points: Array) -> Array:
        """Camera points (..., 3) m to pixels (..., 2)."""
        return project(points, self.intrinsics)

    def inside(self, points: Array) -> NDArray[np.bool_]:
        """Which camera points (..., 3) fall within the frame."""
        pixels = self.pixels(points)
        return np.all((pixels > -0.5) & (pixels < np.array(self.size) - 0.5), axis=-1)

    def save(self, path: Path) -> None:
        """Write the ``.npz``; it appears whole or not at all."""
        arrays: dict[str, Any] = {"intrinsics": self.intrinsics, "image_size": np.array(self.size)}
        for name in Person.__dataclass_fields__:
            if name != "about":
                arrays[name] = np.stack([getattr(person, name) for person in self.people])
        about = self.about | {"format": FORMAT, "people": [person.about for person in self.people]}
        write_arrays(path, arrays | {"about": np.array(json.dumps(about))})

    @staticmethod
    def load(path: Path) -> Truth:
        """Read the ``.npz`` of a picture."""
        with np.load(path, allow_pickle=False) as archive:
            about = json.loads(str(archive["about"]))
            names = [name for name in Person.__dataclass_fields__ if name != "about"]
            arrays = {name: archive[name] for name in names}
            width, height = (int(side) for side in archive["image_size"])
            intrinsics = archive["intrinsics"]
        if about["format"] != FORMAT:
            raise ValueError(f"{path} has the format {about['format']}, expected {FORMAT}: render the set again")
        people = tuple(
            Person(**{name: arrays[name][k] for name in names}, about=entry)
            for k, entry in enumerate(about.pop("people"))
        )
        return Truth((width, height), intrinsics, people, about)


def split_of(number: int) -> str:
    """Pictures of even numbers are for tuning, those of odd numbers are held out."""
    return "tune" if number % 2 == 0 else "held-out"
