"""Where the next photo goes in a scene: beside what is there, without Blender.

Every photo of a scene has its camera looking along +y, level or tilted, at people who stand on the floor. The next one
is moved to the right, as a whole, until its people stand clear of all others, and until nobody of another photo is
within a picture's width: what is rendered through a photo's camera shows the people of that photo alone. Then it goes
on until nothing else of the scene, such as Blender's default cube, stands in its people or between them and their
camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.camera import camera_to_blender, unproject

Array = NDArray[np.float64]

#: m between the people of two photos, and between somebody and the edge of another photo's picture.
_APART, _OUTSIDE = 0.5, 0.1
#: Along +y per m before the camera: what the corners of a picture must reach.
_SIDEWAYS = 0.05
#: m: what is lower than this above the floor of the new people is ground, and in nobody's way.
_GROUND = 0.05


@dataclass(frozen=True)
class View:
    """What a camera that looks along +y, level or tilted, takes in from left to right.

    Attributes:
        eye: (3,) m, where it stands.
        left, right: how far to the right its picture's edges reach at 1 m along +y; the left one is below 0.
    """

    eye: Array
    left: float
    right: float

    @classmethod
    def of(
        cls, eye: ArrayLike, intrinsics: ArrayLike, image_size: ArrayLike, turn: ArrayLike | None = None
    ) -> View | None:
        """The view of a photo's camera with ``intrinsics`` (3, 3) px; None where it looks too steeply to have edges.

        Args:
            turn: (3, 3) of its ``Placement``; None for a level camera.
        """
        width, height = (float(side) for side in np.asarray(image_size))
        corners = np.array([[x, y] for x in (-0.5, width - 0.5) for y in (-0.5, height - 0.5)])
        rays = camera_to_blender(unproject(corners, np.ones(4), intrinsics))
        rays = rays @ (np.eye(3) if turn is None else np.asarray(turn, np.float64)).T
        if rays[:, 1].min() <= _SIDEWAYS:
            return None
        edges = rays[:, 0] / rays[:, 1]
        return cls(np.asarray(eye, dtype=np.float64), float(edges.min()), float(edges.max()))

    def depth(self, y: float) -> float:
        """How far before the camera the world's y is; 0 behind it."""
        return max(y - float(self.eye[1]), 0.0)


@dataclass(frozen=True)
class Footprint:
    """What one photo takes up: the box around its people, (3,) m each, and its camera's view where it has one that
    looks along +y.
    """

    low: Array
    high: Array
    view: View | None = None


def shift_beside(new: Footprint, there: Sequence[Footprint]) -> float:
    """How far a photo is to be moved along +x, m; 0 where there is nothing yet."""
    if not there:
        return 0.0
    right = max(float(old.high[0]) for old in there)
    shifts = [right + _APART - float(new.low[0])]
    for old in there:
        if new.view is not None:
            edge = float(new.view.eye[0]) + new.view.left * new.view.depth(float(old.high[1]))
            shifts.append(float(old.high[0]) + _OUTSIDE - edge)
        if old.view is not None:
            edge = float(old.view.eye[0]) + old.view.right * old.view.depth(float(new.high[1]))
            shifts.append(edge + _OUTSIDE - float(new.low[0]))
    return max(shifts)


def shift_past(new: Footprint, things: Sequence[Footprint], shift: float) -> float:
    """How far a photo is to be moved along +x, m, at least ``shift``, so that no thing stands in its way; those that
    did come to stand outside its picture.

    Ground does not, nor does what reaches around the camera as well, such as a room.
    """
    left, right = float(new.low[0]), float(new.high[0])
    near = float(new.low[1])
    if new.view is not None:
        x, near = float(new.view.eye[0]), min(near, float(new.view.eye[1]))
        left, right = min(left, x), max(right, x)
    low, high = np.array([left, near, new.low[2] + _GROUND]), np.array([right, new.high[1], new.high[2]])
    while True:
        along = np.array([shift, 0.0, 0.0])
        met = [
            thing
            for thing in things
            if (thing.low < high + along).all()
            and (thing.high > low + along).all()
            and not _holds_camera(thing, new.view, along)
        ]
        if not met:
            return shift
        shift = max(_to_pass(thing, left, new.view) for thing in met)


def _to_pass(thing: Footprint, left: float, view: View | None) -> float:
    """How far to move so that a thing stands left of ``left`` and of the picture."""
    right = float(thing.high[0])
    if view is None:
        return right + _APART - left
    edge = float(view.eye[0]) + view.left * view.depth(float(thing.high[1]))
    return max(right + _APART - left, right + _OUTSIDE - edge)


def _holds_camera(thing: Footprint, view: View | None, along: Array) -> bool:
    if view is None:
        return False
    eye = view.eye + along
    return bool((thing.low < eye).all() and (thing.high > eye).all())
