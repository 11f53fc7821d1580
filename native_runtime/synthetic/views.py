"""Cameras in a world of metres whose z points up (Blender's)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class View:
    """A camera in the world.

    Attributes:
        size: (width, height) px.
        intrinsics: (3, 3) px.
        rotation: (3, 3) world vectors to camera axes (x right, y down, z forward).
        place: (3,) m, world.
    """

    size: tuple[int, int]
    intrinsics: Array
    rotation: Array
    place: Array

    def from_world(self, points: Array) -> Array:
        """World points (..., 3) m to camera axes."""
        return (points - self.place) @ self.rotation.T

    def to_world(self, points: Array) -> Array:
        """Camera points (..., 3) m to the world."""
        return points @ self.rotation + self.place


def about_z(angle: float) -> Array:
    """Rotation (3, 3) about the world's z."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def look(pitch: float, roll: float) -> Array:
    """Rotation (3, 3), world to camera axes, of a camera looking along +y, raised by ``pitch``, turned by ``roll``."""
    level = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    c, s = math.cos(pitch), math.sin(pitch)
    tilt = np.array([[1.0, 0, 0], [0, c, s], [0, -s, c]])
    c, s = math.cos(roll), math.sin(roll)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]) @ tilt @ level
