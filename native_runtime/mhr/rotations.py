"""Rotations in NumPy, in MHR's conventions: Euler angles composed as Rz Ry Rx, quaternions as x, y, z, w.

Matrices act on columns; angles are radians. What PyTorch has to trace for ONNX stands in ``native_runtime.network``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_SHORT = 1e-9
_NEARLY_ONE = 1.0 - 1e-12


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
    regular = np.abs(sy) < _NEARLY_ONE
    rx = np.where(regular, np.arctan2(m[..., 2, 1], m[..., 2, 2]), np.arctan2(-m[..., 1, 2], m[..., 1, 1]))
    rz = np.where(regular, np.arctan2(m[..., 1, 0], m[..., 0, 0]), 0.0)
    return np.stack([rx, ry, rz], axis=-1)


def columns_to_euler(columns: NDArray) -> Array:
    """Euler angles (B, 3) rx, ry, rz with R = Rz Ry Rx, from R's first two columns (B, 6), which need not be
    orthonormal. At the poles as in ``matrix_to_euler``.
    """
    x = _normalised(columns[:, :3])
    z = _normalised(np.cross(x, columns[:, 3:]))
    y = np.cross(z, x)
    level = np.hypot(x[:, 0], x[:, 1])
    regular = level >= 1e-6
    rx = np.where(regular, np.arctan2(y[:, 2], z[:, 2]), np.arctan2(-z[:, 1], y[:, 1]))
    rz = np.where(regular, np.arctan2(x[:, 1], x[:, 0]), 0.0)
    return np.stack([rx, np.arctan2(-x[:, 2], level), rz], axis=1)


def _normalised(vectors: NDArray) -> NDArray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))


def xzy_to_matrix(angles: NDArray) -> Array:
    """Rotation matrices (..., 3, 3) of angles (..., 3) about x, the new z and the newest y: R = Rx Rz Ry."""
    angles = np.asarray(angles, np.float64)
    about_x, about_z, about_y = (
        euler_to_matrix(angles[..., None, source] * np.eye(3)[axis]) for source, axis in enumerate((0, 2, 1))
    )
    return about_x @ about_z @ about_y


def matrix_to_xzy(matrices: NDArray) -> Array:
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


def _cross_matrix(v: Array) -> Array:
    """The matrix (3, 3) that forms the vector product of (3,) with what it is multiplied by."""
    return np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])


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
    k = _cross_matrix(axis)
    return np.eye(3) + k + k @ k / (1 + cosine)


def rotation_vector_to_matrix(vector: NDArray) -> Array:
    """Rotation matrix (3, 3) of a rotation vector (3,), axis times angle in radians (Rodrigues' formula)."""
    v = np.asarray(vector, dtype=np.float64)
    angle = float(np.linalg.norm(v))
    k = _cross_matrix(v)
    # Both factors are even and smooth at zero; below a hundredth of a milliradian their series' first terms are exact.
    first = np.sin(angle) / angle if angle > 1e-5 else 1.0
    second = (1 - np.cos(angle)) / angle**2 if angle > 1e-5 else 0.5
    return np.eye(3) + first * k + second * k @ k


def rotation_about(axis: Array, angle: float) -> Array:
    """The rotation (3, 3) by an angle about a direction (3,) (Rodrigues' formula)."""
    k = _cross_matrix(axis)
    return np.eye(3) + np.sin(angle) * k + (1.0 - np.cos(angle)) * k @ k


def unit(vector: ArrayLike) -> Array | None:
    """A direction (3,) of length 1; None where the vector has no length to speak of."""
    v = np.asarray(vector, dtype=np.float64)
    length = float(np.linalg.norm(v))
    return v / length if length > _SHORT else None


def angle_between(a: Array, b: Array) -> float:
    """The angle between two directions (3,)."""
    return float(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b))


def twist_about(rotation: Array, axis: Array) -> float:
    """The angle (-pi to pi) of a rotation's part about a direction: of the twist in "twist, then swing"."""
    *vector, w = matrix_to_quaternion(rotation)
    angle = 2.0 * np.arctan2(np.asarray(vector) @ axis, w)
    return float(angle - 2 * np.pi * np.round(angle / (2 * np.pi)))


def signed_angle(axis: Array, start: Array, end: Array) -> float:
    """The angle about a direction (3,) that turns one vector towards another, both seen along it; 0 where either runs
    along it.
    """
    a, b = start - axis * (start @ axis), end - axis * (end @ axis)
    return float(np.arctan2(axis @ np.cross(a, b), a @ b))


def nearest_rotation(matrix: NDArray) -> Array:
    """The rotation (3, 3) nearest to a matrix (3, 3) in the least squares sense (Kabsch 1976)."""
    left, _, right = np.linalg.svd(matrix)
    return left @ np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))]) @ right


def mean_rotation(rotations: Array, weights: ArrayLike) -> Array:
    """The rotation (3, 3) nearest to the weighted mean of rotations (n, 3, 3) in the least squares sense."""
    return nearest_rotation(np.einsum("n,nij->ij", np.asarray(weights, np.float64), rotations))


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


def rotation_angle(first: NDArray, second: NDArray) -> Array:
    """The angle (...) of the turn from one rotation (..., 3, 3) to another, 0..pi."""
    trace = np.einsum("...ij,...ij->...", np.asarray(first, np.float64), np.asarray(second, np.float64))
    return np.asarray(np.arccos(np.clip((trace - 1.0) / 2.0, -1.0, 1.0)))


def rotation_between_planes(start: tuple[Array, Array], end: tuple[Array, Array]) -> Array:
    """The rotation (3, 3) that takes a first vector (3,) onto its direction, a second one as near to its own as it can.

    The vectors of a pair must not be parallel.
    """

    def axes(first: Array, second: Array) -> Array:
        x = first / np.linalg.norm(first)
        across = second - (second @ x) * x
        z = across / np.linalg.norm(across)
        return np.stack([x, np.cross(z, x), z], axis=1)

    return axes(*end) @ axes(*start).T
