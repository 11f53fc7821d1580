"""What is true of a person before a camera, and what the network says of them, in the axes of the network's window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.detection import lifting
from native_runtime.detection.landmarks import BODY_POINTS, PersonLandmarks
from native_runtime.detection.lifting import POINTS, SEGMENTS, Sight, window_axes
from native_runtime.mhr.rotations import rotation_between

Array = NDArray[np.float64]

_COLUMNS = [BODY_POINTS.index(name) for name in POINTS]
_HIPS = [POINTS.index("left_hip"), POINTS.index("right_hip")]
_FLIP = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Stance:
    """What is true, in the window's upright axes.

    Attributes:
        vectors: (19, 3) unit vectors of ``SEGMENTS``.
        places: (21, 3) m of ``POINTS``, from the middle of the hips.
        flat: (21, 2) the same in the picture, in units of the person's scale.
        nearness: 1 / m, see ``Sight``.
    """

    vectors: Array
    places: Array
    flat: Array
    nearness: float

    @staticmethod
    def of(landmarks: Array, intrinsics: Array, axes: Array, box: Array) -> Stance:
        """
        Args:
            landmarks: (33, 3) m, camera axes.
            intrinsics: (3, 3) px.
            axes: (2, 2) the window's, as ``window_axes`` gives them.
            box: (4,) px around the person.
        """
        towards = rotation_between([0.0, 0.0, 1.0], np.linalg.solve(intrinsics, [*((box[:2] + box[2:]) / 2), 1.0]))
        seen = landmarks[_COLUMNS] @ towards
        seen = np.column_stack([seen[:, :2] @ axes, seen[:, 2]])
        places = seen - seen[_HIPS].mean(axis=0)
        flat = project(landmarks[_COLUMNS], intrinsics)
        flat = (flat - flat[_HIPS].mean(axis=0)) @ axes
        spread = float(np.sqrt((flat**2).sum() / max((places[:, :2] ** 2).sum(), 1e-9)))
        return Stance(vectors_of(seen), places, flat / max(spread, 1e-9), spread / float(intrinsics[0, 0]))

    def mirrored(self) -> Stance:
        """The same in a mirror."""
        partners, signs = lifting.mirrored_segments()
        order = lifting.mirrored_points()
        return Stance(
            (self.vectors * _FLIP * signs[:, None])[partners], (self.places * _FLIP)[order],
            (self.flat * _FLIP[:2])[order], self.nearness,
        )  # fmt: skip

    def features(self) -> Array:
        """(n,) all of it."""
        return np.concatenate([self.vectors.ravel(), self.places.ravel(), self.flat.ravel(), [self.nearness]])


@dataclass(frozen=True)
class Example:
    """A person as the network sees them, and as they are."""

    sight: Sight
    stance: Stance

    @staticmethod
    def of(person: PersonLandmarks, landmarks: Array, intrinsics: Array) -> Example:
        """`landmarks`: (33, 3) m, camera axes, true; `intrinsics`: (3, 3) px of the picture."""
        return Example(
            Sight.of(person, float(intrinsics[0, 0])),
            Stance.of(landmarks, intrinsics, window_axes(person), person.bbox),
        )

    def mirrored(self) -> Example:
        """The same in a mirror."""
        return Example(self.sight.mirrored(), self.stance.mirrored())


def vectors_of(points: Array) -> Array:
    """(19, 3) unit vectors of ``SEGMENTS`` between points (21, 3)."""
    vectors = np.array([points[POINTS.index(end)] - points[POINTS.index(start)] for start, end in SEGMENTS])
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))
