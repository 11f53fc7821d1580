"""Where the people of one photo and its camera stand in Blender's world, without Blender.

An estimate gives each person in the axes of the photo's camera (x right, y down, z forward). The world is these
axes turned so that the camera looks along +y with z up, then moved so that the lowest point of all people touches
the floor (z = 0) and the first person stands at the origin, or beside the people of other photos (``beside``). One
motion serves the whole photo, so that people keep their places relative to each other and to the camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.camera import camera_to_blender

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Placement:
    """The motion from camera axes to the world: ``world = camera_to_blender(camera) + camera_location``.

    Attributes:
        camera_location: (3,) m, where the photo was taken from.
    """

    camera_location: Array

    def world(self, points: ArrayLike) -> Array:
        """(..., 3) points in camera axes (m) as world points (m)."""
        return camera_to_blender(points) + self.camera_location

    def camera(self, points: ArrayLike) -> Array:
        """(..., 3) world points (m) in camera axes (m); the inverse of ``world``."""
        x, y, z = np.moveaxis(np.asarray(points, dtype=np.float64) - self.camera_location, -1, 0)
        return np.stack([x, -z, y], axis=-1)

    def shifted(self, along_x: float) -> Placement:
        """The same, moved to the right (m)."""
        return Placement(self.camera_location + (along_x, 0.0, 0.0))

    def rig_location(self, camera_translation: ArrayLike) -> Array:
        """Where the rig of a person with this ``camera_translation`` (m) stands (3,).

        A rig's own axes are MHR's, turned once (``native_runtime.camera.MHR_TO_BLENDER``), which are the world's; so
        it needs no rotation.
        """
        return self.world(camera_translation)


def place_people(vertices: Sequence[ArrayLike], roots: Sequence[ArrayLike]) -> Placement:
    """The placement for the people of one photo.

    Args:
        vertices: per person (V, 3) m, camera axes.
        roots: per person (3,) m, camera axes: the root joint (pelvis). The first person comes to stand at the
        origin.
    """
    lowest = max(float(np.asarray(points)[:, 1].max()) for points in vertices)
    x, _, z = np.asarray(roots[0], dtype=np.float64)
    return Placement(camera_location=np.array([-x, -z, lowest]))


@dataclass(frozen=True)
class Subject:
    """The space that people take up: (3,) m each, world axes."""

    low: np.ndarray
    high: np.ndarray

    @classmethod
    def around(cls, points: ArrayLike) -> Subject:
        """The box around (N, 3) points."""
        cloud = np.asarray(points, dtype=np.float64)
        return cls(low=cloud.min(axis=0), high=cloud.max(axis=0))

    @property
    def centre(self) -> np.ndarray:
        return (self.low + self.high) / 2

    @property
    def size(self) -> float:
        """The longest side of the box, m."""
        return float((self.high - self.low).max())
