"""Rotations in MHR's conventions: Euler angles composed as Rz Ry Rx, quaternions as x, y, z, w."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def euler_to_matrix(angles: NDArray) -> Array:
    """Rotation matrices of Euler angles, R = Rz(rz) Ry(ry) Rx(rx).

    Args:
        angles: (..., 3) rx, ry, rz in radians.

    Returns:
        (..., 3, 3)
    """
    angles = np.asarray(angles, dtype=np.float64)
    c, s = np.cos(angles), np.sin(angles)
    cx, cy, cz = c[..., 0], c[..., 1], c[..., 2]
    sx, sy, sz = s[..., 0], s[..., 1], s[..., 2]
    out = np.empty(angles.shape[:-1] + (3, 3))
    sxsy, cxsy = sx * sy, cx * sy
    out[..., 0, 0] = cy * cz
    out[..., 0, 1] = sxsy * cz - cx * sz
    out[..., 0, 2] = cxsy * cz + sx * sz
    out[..., 1, 0] = cy * sz
    out[..., 1, 1] = sxsy * sz + cx * cz
    out[..., 1, 2] = cxsy * sz - sx * cz
    out[..., 2, 0] = -sy
    out[..., 2, 1] = sx * cy
    out[..., 2, 2] = cx * cy
    return out


def matrix_to_euler(matrices: NDArray) -> Array:
    """Euler angles (..., 3) rx, ry, rz with R = Rz Ry Rx; ry lies in [-pi/2, pi/2].

    At the poles (ry = +-pi/2), where rx and rz turn about the same axis, rx takes the whole turn and rz is 0.
    """
    m = np.asarray(matrices, dtype=np.float64)
    sy = np.clip(-m[..., 2, 0], -1.0, 1.0)
    ry = np.arcsin(sy)
    regular = np.abs(sy) < 1.0 - 1e-12
    rx = np.where(regular, np.arctan2(m[..., 2, 1], m[..., 2, 2]), np.arctan2(-m[..., 1, 2], m[..., 1, 1]))
    rz = np.where(regular, np.arctan2(m[..., 1, 0], m[..., 0, 0]), 0.0)
    return np.stack([rx, ry, rz], axis=-1)


def quaternion_to_matrix(quaternions: NDArray) -> Array:
    """Rotation matrices (..., 3, 3) of quaternions (..., 4) in x, y, z, w order; they need not be of unit length."""
    q = np.asarray(quaternions, dtype=np.float64)
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    x, y, z, w = np.moveaxis(q, -1, 0)
    out = np.empty(q.shape[:-1] + (3, 3))
    out[..., 0, 0] = 1 - 2 * (y * y + z * z)
    out[..., 0, 1] = 2 * (x * y - z * w)
    out[..., 0, 2] = 2 * (x * z + y * w)
    out[..., 1, 0] = 2 * (x * y + z * w)
    out[..., 1, 1] = 1 - 2 * (x * x + z * z)
    out[..., 1, 2] = 2 * (y * z - x * w)
    out[..., 2, 0] = 2 * (x * z - y * w)
    out[..., 2, 1] = 2 * (y * z + x * w)
    out[..., 2, 2] = 1 - 2 * (x * x + y * y)
    return out


def matrix_to_quaternion(matrices: NDArray) -> Array:
    """Unit quaternions (..., 4), x y z w with w >= 0, of rotation matrices (..., 3, 3).

    Picks for each matrix the largest of the four components to divide by (Shepperd 1978), so it is stable everywhere.
    """
    m = np.asarray(matrices, dtype=np.float64)
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    squares = np.stack([1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz, 1 + xx + yy + zz], axis=-1)
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    rows = np.stack(
        [
            np.stack([squares[..., 0], xy, xz, wx], -1),
            np.stack([xy, squares[..., 1], yz, wy], -1),
            np.stack([xz, yz, squares[..., 2], wz], -1),
            np.stack([wx, wy, wz, squares[..., 3]], -1),
        ],
        axis=-2,
    )
    best = np.argmax(squares, axis=-1)
    q = np.take_along_axis(rows, best[..., None, None], axis=-2)[..., 0, :]
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    return np.where(q[..., 3:] < 0, -q, q)


def rotation_between(start: ArrayLike, end: ArrayLike) -> Array:
    """The smallest rotation matrix (3, 3) that turns direction ``start`` (3,) into direction ``end`` (3,)."""
    a, b = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    axis, cosine = np.cross(a, b), float(a @ b)
    if cosine < -1 + 1e-12:  # opposite: any axis across will do
        helper = np.eye(3)[np.argmin(np.abs(a))]
        axis = np.cross(a, helper)
        axis /= np.linalg.norm(axis)
        return 2 * np.outer(axis, axis) - np.eye(3)
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + k + k @ k / (1 + cosine)


def rotation_vector_to_matrix(vector: NDArray) -> Array:
    """Rotation matrix (3, 3) of a rotation vector (3,), axis times angle in radians (Rodrigues' formula)."""
    v = np.asarray(vector, dtype=np.float64)
    angle = float(np.linalg.norm(v))
    k = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    # Both factors are even and smooth at zero; below a hundredth of a milliradian their series' first terms are exact.
    first = np.sin(angle) / angle if angle > 1e-5 else 1.0
    second = (1 - np.cos(angle)) / angle**2 if angle > 1e-5 else 0.5
    return np.eye(3) + first * k + second * k @ k
