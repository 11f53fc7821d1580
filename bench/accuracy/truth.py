"""What is known about a rendered picture, and its files.

Beside ``NNNN.jpg`` lies ``NNNN.npz``. Pixels and camera axes are those of ``native_runtime.camera``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera, project
from native_runtime.mhr import Body
from native_runtime.mhr.bodyfile import write_arrays

from .children import grown, points

Array = NDArray[np.float64]
FORMAT = "sam3db-truth/2"
_READABLE = (FORMAT, "sam3db-truth/1")
BODY_FILE = "body.npz"
"""The body of a set's pictures, within its folder."""
COARSE_FILE = "coarse.npz"
"""Another level of detail of it, where a set has one."""


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
        about: pose, tags, look; in harder sets also sex (``female``, ``male``), age in years, and ``contacts``
            (``contacts.py``).
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
        body: Body,
        parameters: Array,
        identity: Array,
        expression: Array,
        translation: Array,
        about: dict[str, Any],
        size: float = 1.0,
        head: float = 1.0,
    ) -> Person:
        """Everything that follows from the parameters; ``seen`` is filled in by the renderer.

        Args:
            size, head: of children (``children.grown``), whose points the parameters alone do not give.
        """
        pose = body.pose(parameters)
        joints, vertices = grown(body, pose, body.vertices(parameters, identity, expression), size, head)
        keypoints, landmarks = points(body, joints, vertices)
        return Person(
            parameters,
            identity,
            expression,
            translation,
            mhr_to_camera(vertices, translation).astype(np.float32),
            mhr_to_camera(joints, translation),
            mhr_to_camera(keypoints, translation),
            mhr_to_camera(landmarks, translation),
            np.zeros(len(body.landmark_names), bool),
            about | ({} if size == 1.0 else {"size": size, "head": head}),
        )

    def surface_of(self, body: Body) -> Array:
        """(V, 3) m, camera axes, of the same person on another level of detail of the body."""
        vertices = body.vertices(self.model_parameters, self.identity, self.expression)
        size, head = self.about.get("size", 1.0), self.about.get("head", 1.0)
        _, vertices = grown(body, body.pose(self.model_parameters), vertices, size, head)
        return mhr_to_camera(vertices, self.camera_translation)


@dataclass(frozen=True)
class Truth:
    """A picture, exactly known.

    Attributes:
        size: (width, height) px.
        intrinsics: (3, 3) px.
        people: whoever is in it.
        about: what the set-up was.
        ground: (4,) the floor in camera axes: the unit vector up, and its product with any place on the floor, m; NaN
            where it is not known (format 1).
    """

    size: tuple[int, int]
    intrinsics: Array
    people: tuple[Person, ...]
    about: dict[str, Any]
    ground: Array = field(default_factory=lambda: np.full(4, np.nan))

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
        arrays["ground"] = self.ground
        for name in Person.__dataclass_fields__:
            if name != "about":
                arrays[name] = np.array([getattr(person, name) for person in self.people])
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
            ground = archive["ground"] if "ground" in archive else np.full(4, np.nan)
        if about["format"] not in _READABLE:
            raise ValueError(f"{path} has the format {about['format']}, expected {FORMAT}: render the set again")
        people = tuple(
            Person(**{name: arrays[name][k] for name in names}, about=entry)
            for k, entry in enumerate(about.pop("people"))
        )
        return Truth((width, height), intrinsics, people, about, ground)


def split_of(number: int, every: int = 2) -> str:
    """Every second picture (or third, ...; 0: none), from 0 on, is for tuning; the others are held out."""
    return "tune" if every and number % every == 0 else "held-out"


def about_of(path: Path) -> dict[str, Any]:
    """What a picture's file says about it, without reading the rest."""
    with np.load(path, allow_pickle=False) as archive:
        content: dict[str, Any] = json.loads(str(archive["about"]))
    return content
