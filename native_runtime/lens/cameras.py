"""Many candidate cameras at once, as the search for a photo's camera compares them.

A camera has square pixels and its principal point in the middle of the picture. Its attitude is pitch (above the
horizon is positive) and roll (positive when the world's up leans to the right in the picture), both of a camera that
would otherwise be level. The yaw of the world's horizontal axes belongs to it too, as lines in pictures follow them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Cameras:
    """Candidates.

    Attributes:
        values: (n, 4): logarithm of the focal length in px, pitch, roll and yaw in radians.
    """

    values: Array

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def focal(self) -> Array:
        """(n,) px."""
        return np.asarray(np.exp(self.values[:, 0]))

    @cached_property
    def up(self) -> Array:
        """(n, 3) unit vectors against gravity, camera axes (x right, y down, z forward)."""
        return up_vector(self.values[:, 1], self.values[:, 2])

    @cached_property
    def axes(self) -> Array:
        """(n, 3, 3) unit vectors in camera axes: up, and the two horizontal axes of the world."""
        _, pitch, roll, yaw = self.values.T
        zero = np.zeros_like(pitch)
        right = np.stack([np.cos(roll), np.sin(roll), zero], axis=-1)
        ahead = np.stack([-np.sin(pitch) * np.sin(roll), np.sin(pitch) * np.cos(roll), np.cos(pitch)], axis=-1)
        cos, sin = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
        return np.stack([self.up, cos * right + sin * ahead, cos * ahead - sin * right], axis=1)


def up_vector(pitch: ArrayLike, roll: ArrayLike) -> Array:
    """(..., 3) the unit vector against gravity in camera axes, by pitch and roll in radians."""
    pitch, roll = np.asarray(pitch, np.float64), np.asarray(roll, np.float64)
    return np.stack([np.sin(roll) * np.cos(pitch), -np.cos(roll) * np.cos(pitch), np.sin(pitch)], axis=-1)


def pitch_and_roll(up: ArrayLike) -> tuple[float, float]:
    """Pitch and roll, radians, of a camera to which a vector (3,) against gravity points so."""
    x, y, z = np.asarray(up, np.float64) / np.linalg.norm(up)
    return float(np.arcsin(np.clip(z, -1.0, 1.0))), float(np.arctan2(x, -y))
