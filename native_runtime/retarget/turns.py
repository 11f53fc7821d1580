"""Small pieces of the mathematics of rotations that posing by limbs needs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.mhr.rotations import matrix_to_quaternion, rotation_between, rotation_vector_to_matrix

Array = NDArray[np.float64]

_SHORT = 1e-9


def unit(vector: ArrayLike) -> Array | None:
    """A direction (3,) of length 1; None where the vector has no length to speak of."""
    v = np.asarray(vector, dtype=np.float64)
    length = float(np.linalg.norm(v))
    return v / length if length > _SHORT else None


def swing(start: Array, end: Array) -> Array:
    """The smallest rotation (3, 3) between two directions (3,)."""
    return rotation_between(start, end)


def about(axis: Array, angle: float) -> Array:
    """The rotation (3, 3) by an angle (radians) about a direction (3,)."""
    return rotation_vector_to_matrix(axis * angle)


def angle_between(a: Array, b: Array) -> float:
    """Radians between two directions (3,)."""
    return float(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b))


def twist_about(rotation: Array, axis: Array) -> float:
    """The angle (radians, -pi to pi) of a rotation's part about a direction: of the twist in "twist, then swing"."""
    *vector, w = matrix_to_quaternion(rotation)
    angle = 2.0 * np.arctan2(np.asarray(vector) @ axis, w)
    return float(angle - 2 * np.pi * np.round(angle / (2 * np.pi)))


def turn_about(axis: Array, start: Array, end: Array) -> float:
    """The angle (radians) about an axis that turns one direction towards another, both seen along the axis; 0 where
    either runs along it.
    """
    a, b = start - axis * (start @ axis), end - axis * (end @ axis)
    return float(np.arctan2(axis @ np.cross(a, b), a @ b))


def mean_rotation(rotations: Array, weights: ArrayLike) -> Array:
    """The rotation (3, 3) nearest to the weighted mean of rotations (n, 3, 3) in the least squares sense."""
    left, _, right = np.linalg.svd(np.einsum("n,nij->ij", np.asarray(weights, np.float64), rotations))
    return left @ np.diag([1.0, 1.0, np.linalg.det(left @ right)]) @ right


def frame(first: Array, second: Array) -> Array | None:
    """The rotation (3, 3) whose columns are ``first``, what of ``second`` is across it, and the third axis to both;
    None where the two are nearly parallel.
    """
    x = unit(first)
    if x is None:
        return None
    y = unit(second - x * (second @ x))
    if y is None or angle_between(x, np.asarray(unit(second))) < 1e-3:
        return None
    return np.column_stack([x, y, np.cross(x, y)])
