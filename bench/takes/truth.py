"""What is known about a rendered take, and its file.

Beside ``NAME.mp4`` (or a folder ``NAME`` of pictures) lies ``NAME.npz``. Its arrays have the names, units and axes of
the files of takes (``native_runtime.takes``): metres in the axes of each frame's camera, pixels, the world being the
first frame's camera.
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
FORMAT = "sam3db-take-truth/1"


@dataclass(frozen=True)
class TakeTruth:
    """One person of one take, exactly known.

    Attributes:
        frames: (F,) int64 numbers of the video's frames, from 0.
        times: (F,) s.
        model_parameters: (F, 204), the root's translation 0, its rotation towards the camera included.
        identity, expression: coefficients, the same in all frames.
        camera_translation: (F, 3) m.
        intrinsics: (3, 3) px.
        image_size: (2,) width and height px.
        camera_to_world: (F, 4, 4) OpenCV axes; the world is the first frame's camera.
        ground: (4,) n.x + d = 0 in world axes, n the unit vector up: the plane under bare soles. The floor that is
            seen lies ``about["sole_mm"]`` lower, for shoes.
        bbox: (F, 4) xyxy px of the naked body.
        keypoints_2d: (F, 70, 2) px; keypoints_3d: (F, 70, 3), joints: (F, 127, 3) m.
        contacts: (F, 4) bool: left heel, left toe, right heel, right toe.
        about: clip, split, sex, age, what is worn, how well feet are planted.
    """

    frames: NDArray[np.int64]
    times: Array
    model_parameters: Array
    identity: Array
    expression: Array
    camera_translation: Array
    intrinsics: Array
    image_size: NDArray[np.int64]
    camera_to_world: Array
    ground: Array
    bbox: Array
    keypoints_2d: Array
    keypoints_3d: Array
    joints: Array
    contacts: NDArray[np.bool_]
    about: dict[str, Any]

    @property
    def fps(self) -> float:
        """Frames a second."""
        return float(self.about["fps"])

    @property
    def moving(self) -> bool:
        """Whether the camera moves."""
        return bool(self.about["camera"] == "moving")

    def vertices(self, body: Body, frame: int) -> Array:
        """(V, 3) m of one frame, camera axes, on any level of detail of the body."""
        vertices = body.vertices(self.model_parameters[frame], self.identity, self.expression)
        return np.asarray(mhr_to_camera(vertices, self.camera_translation[frame]), np.float64)

    def to_world(self, points: Array) -> Array:
        """Points (F, ..., 3) m in camera axes to world axes."""
        turn, shift = self.camera_to_world[:, :3, :3], self.camera_to_world[:, :3, 3]
        extra = (1,) * (points.ndim - 2)
        return np.asarray(
            np.einsum("fij,f...j->f...i", turn, points) + shift.reshape(len(shift), *extra, 3), np.float64
        )

    def pixels(self, points: Array) -> Array:
        """Camera points (..., 3) m to pixels (..., 2)."""
        return project(points, self.intrinsics)

    def save(self, path: Path) -> None:
        """Write the ``.npz``; it appears whole or not at all."""
        arrays: dict[str, Any] = {n: getattr(self, n) for n in TakeTruth.__dataclass_fields__ if n != "about"}
        write_arrays(path, arrays | {"about": np.array(json.dumps(self.about | {"format": FORMAT}))})

    @staticmethod
    def load(path: Path) -> TakeTruth:
        """Read the ``.npz`` of a take."""
        with np.load(path, allow_pickle=False) as archive:
            about = json.loads(str(archive["about"]))
            if about["format"] != FORMAT:
                raise ValueError(f"{path} has the format {about['format']}, expected {FORMAT}: make the takes again")
            names = [name for name in TakeTruth.__dataclass_fields__ if name != "about"]
            return TakeTruth(**{name: archive[name] for name in names}, about=about)
