"""Where the people of one photo and its camera stand in Blender's world, without Blender.

An estimate gives each person in the axes of the photo's camera (x right, y down, z forward). The world is these axes
turned so that what is up for the camera becomes +z and the camera looks along +y, above or below the horizon as it
did; then moved so that the lowest point of all people touches the floor (z = 0) and the first person stands at the
origin, or beside the people of other photos (``beside``). One motion serves the whole photo, so that people keep their
places relative to each other and to the camera.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.camera import camera_to_blender
from native_runtime.errors import Sam3dbError

Array = NDArray[np.float64]

_STEEP = 0.999
"""Cosine between up and the line of sight from which on there is no direction in which a camera looks."""


@dataclass(frozen=True)
class Placement:
    """The motion from camera axes to the world: ``world = turn @ camera_to_blender(camera) + camera_location``.

    Attributes:
        camera_location: (3,) m, where the photo was taken from.
        turn: (3, 3) from the axes of a level camera's world; the identity for a level camera.
    """

    camera_location: Array
    turn: Array = field(default_factory=lambda: np.eye(3))

    def world(self, points: ArrayLike) -> Array:
        """(..., 3) points in camera axes (m) as world points (m)."""
        return camera_to_blender(points) @ self.turn.T + self.camera_location

    def camera(self, points: ArrayLike) -> Array:
        """(..., 3) world points (m) in camera axes (m); the inverse of ``world``."""
        level = (np.asarray(points, dtype=np.float64) - self.camera_location) @ self.turn
        x, y, z = np.moveaxis(level, -1, 0)
        return np.stack([x, -z, y], axis=-1)

    def shifted(self, along_x: float) -> Placement:
        """The same, moved to the right (m)."""
        return replace(self, camera_location=self.camera_location + (along_x, 0.0, 0.0))

    def rig_location(self, camera_translation: ArrayLike) -> Array:
        """Where the rig of a person with this ``camera_translation`` (m) stands (3,).

        A rig's own axes are MHR's, turned once (``native_runtime.camera.MHR_TO_BLENDER``), which are those of a level
        camera's world; so ``turn`` is its rotation.
        """
        return self.world(camera_translation)


def place_people(vertices: Sequence[ArrayLike], roots: Sequence[ArrayLike], up: ArrayLike | None = None) -> Placement:
    """The placement for the people of one photo.

    Args:
        vertices: per person (V, 3) m, camera axes.
        roots: per person (3,) m, camera axes: the root joint (pelvis). The first person comes to stand at the
        origin.
        up: (3,) against gravity, camera axes; None for a level camera.
    """
    placement = Placement(np.zeros(3), np.eye(3) if up is None else upright_turn(up))
    lowest = min(float(placement.world(points)[:, 2].min()) for points in vertices)
    x, y, _ = placement.world(roots[0])
    return replace(placement, camera_location=np.array([-x, -y, -lowest]))


def place_on_ground(ground: ArrayLike, root: ArrayLike) -> Placement:
    """The placement for people whose floor is known: it is z = 0, and the first person stands above the origin.

    Args:
        ground: (4,) points x on the floor have n . x + d = 0, camera axes: n (3,) of length 1 against gravity, d m.
        root: (3,) m, camera axes: the first person's root joint.
    """
    plane = np.asarray(ground, dtype=np.float64)
    placement = Placement(np.zeros(3), upright_turn(plane[:3]))
    x, y, _ = placement.world(root)
    return replace(placement, camera_location=np.array([-x, -y, plane[3]]))


def upright_turn(up: ArrayLike) -> Array:
    """(3, 3) the ``turn`` of a placement for a camera to which ``up`` (3,), in its axes, is against gravity."""
    above = camera_to_blender(np.asarray(up, dtype=np.float64) / np.linalg.norm(up))
    sight = np.array([0.0, 1.0, 0.0])
    if abs(above @ sight) > _STEEP:  # it looks straight down or up: its picture's upper edge points ahead
        sight = np.array([0.0, 0.0, -np.sign(above @ sight)])
    ahead = sight - (sight @ above) * above
    ahead /= np.linalg.norm(ahead)
    return np.stack([np.cross(ahead, above), ahead, above])


def up_of(details: Mapping[str, Any]) -> Array | None:
    """(3,) which way is up by an estimate's details, camera axes; None where they do not say.

    Raises:
        Sam3dbError: they say something impossible.
    """
    lens = details.get("lens")
    if not isinstance(lens, Mapping) or lens.get("up") is None:
        return None
    try:
        up = np.array(lens["up"], dtype=np.float64).reshape(3)
    except (TypeError, ValueError) as error:
        raise Sam3dbError(f"The estimate's 'up' is no direction: {lens['up']!r}.") from error
    length = float(np.linalg.norm(up))
    if not np.isfinite(length) or length < 1e-6:
        raise Sam3dbError(f"The estimate's 'up' is no direction: {lens['up']!r}.")
    return up / length


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
