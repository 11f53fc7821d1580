"""Rotations in the conventions of SAM 3D Body's wrists. All arrays may have leading axes; angles are radians."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr.rotations import euler_to_matrix

Array = NDArray[Any]

_NEARLY_ONE = 1.0 - 1e-12

# A wrist's range about x, z and y, radians (``fix_wrist_euler`` of the reference).
_WRIST_LOWEST = np.array([-2.2, -2.2, -1.2])
_WRIST_HIGHEST = np.array([1.0, 1.5, 1.5])


def matrix_from_xzy(angles: Array) -> Array:
    """Rotation matrices (..., 3, 3) of angles (..., 3) about x, the new z and the newest y: R = Rx Rz Ry."""
    angles = np.asarray(angles, np.float64)
    about_x, about_z, about_y = (
        euler_to_matrix(angles[..., None, source] * np.eye(3)[axis]) for source, axis in enumerate((0, 2, 1))
    )
    return about_x @ about_z @ about_y


def xzy_from_matrix(matrices: Array) -> Array:
    """Angles (..., 3) with R = Rx Rz Ry, the middle one within a quarter turn.

    Where it is a whole quarter turn, x and y turn about the same axis; x then takes it all.
    """
    m = np.asarray(matrices, np.float64)
    sine = -m[..., 0, 1]
    z = np.arctan2(sine, np.hypot(m[..., 0, 0], m[..., 0, 2]))
    regular = np.abs(sine) < _NEARLY_ONE
    x = np.where(regular, np.arctan2(m[..., 2, 1], m[..., 1, 1]), np.arctan2(-m[..., 1, 2], m[..., 2, 2]))
    y = np.where(regular, np.arctan2(m[..., 0, 2], m[..., 0, 0]), 0.0)
    return np.stack([x, z, y], axis=-1)


def angle_between(first: Array, second: Array) -> Array:
    """The angle (...) of the turn from one rotation (..., 3, 3) to another, 0..pi."""
    trace = np.einsum("...ij,...ij->...", np.asarray(first, np.float64), np.asarray(second, np.float64))
    return np.asarray(np.arccos(np.clip((trace - 1.0) / 2.0, -1.0, 1.0)))


def within_wrist_range(xzy: Array) -> Array:
    """Of the two ways to write a rotation as x, z, y angles (..., 3), the one that a wrist can do better.

    The other way is (x + pi, -(z + pi), y + pi). The squared distance to the wrist's range decides; the given angles
    stay where both are as good.
    """
    given = np.asarray(xzy, np.float64)
    other = (given + np.pi) * np.array([1.0, -1.0, 1.0])
    other = np.arctan2(np.sin(other), np.cos(other))
    return np.where((_violation(other) < _violation(given))[..., None], other, given)


def _violation(xzy: Array) -> Array:
    outside = np.maximum(_WRIST_LOWEST - xzy, 0.0) ** 2 + np.maximum(xzy - _WRIST_HIGHEST, 0.0) ** 2
    return np.asarray(outside.sum(axis=-1))
