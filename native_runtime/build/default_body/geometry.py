"""Small geometric helpers of the body build: rotations between directions, mirroring, rings and areas of meshes.

All functions are plain numpy; vectors are rows, rotation matrices act on columns (``R @ v``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
IntArray = NDArray[np.int32]


def unit(vector: Array) -> Array:
    """Return ``vector`` (..., 3) at length one; a zero vector stays zero."""
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return vector / np.where(length > 0, length, 1.0)


def minimal_rotation(source: Array, target: Array) -> Array:
    """Return the (3, 3) rotation with the smallest angle that turns direction ``source`` into ``target``."""
    a, b = unit(source), unit(target)
    axis = np.cross(a, b)
    cosine = float(a @ b)
    if cosine < -1.0 + 1e-12:
        raise ValueError("opposite directions have no unique smallest rotation")
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + cross + cross @ cross / (1.0 + cosine)


def axis_rotation(axis: Array, angle: float) -> Array:
    """Return the (3, 3) rotation by ``angle`` radians about ``axis`` (Rodrigues' formula)."""
    x, y, z = unit(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross


def signed_angle(source: Array, target: Array, axis: Array) -> float:
    """Return the angle in radians about ``axis`` from ``source`` to ``target``, both projected onto its plane."""
    n = unit(axis)
    a = source - (source @ n) * n
    b = target - (target @ n) * n
    return float(np.arctan2(n @ np.cross(a, b), a @ b))


def plane_rotation(source: tuple[Array, Array], target: tuple[Array, Array]) -> Array:
    """Return the rotation that takes the first direction exactly, the second as well as possible, to their targets."""

    def frame(first: Array, second: Array) -> Array:
        x = unit(first)
        z = unit(second - (second @ x) * x)
        return np.stack([x, np.cross(z, x), z], axis=1)

    return frame(*target) @ frame(*source).T


def fitted_rotation(source: Array, target: Array, weights: Array) -> Array:
    """Return the rotation that takes the rows of ``source`` (n, 3) closest to those of ``target`` (Kabsch)."""
    u, _, vt = np.linalg.svd((target * weights[:, None]).T @ source)
    sign = np.sign(np.linalg.det(u @ vt))
    return u @ np.diag([1.0, 1.0, sign]) @ vt


def orthonormal(axes: Array) -> Array:
    """Return the rotation nearest to a (3, 3) matrix (removes the rounding of stored axes)."""
    u, _, vt = np.linalg.svd(axes)
    return u @ vt


def stretch(direction: Array, factor: float) -> Array:
    """Return the (3, 3) matrix that scales by ``factor`` along ``direction`` and leaves the plane across it alone."""
    d = unit(direction)
    return np.eye(3) + (factor - 1.0) * np.outer(d, d)


MIRROR = np.array([-1.0, 1.0, 1.0])


def symmetrised(field: Array, partner: IntArray) -> Array:
    """Return the mean of a (N, 3) field of points or displacements and its left-right mirror image."""
    return (field + (field * MIRROR)[partner]) * 0.5


def mirror_name(name: str) -> str:
    """Return the name of the joint or point on the other side (``l_`` and ``r_``, ``left`` and ``right``)."""
    for a, b in (("l_", "r_"), ("left_", "right_")):
        if name.startswith(a):
            return b + name[len(a) :]
        if name.startswith(b):
            return a + name[len(b) :]
    return name


def edges_of(faces: list[list[int]] | IntArray) -> IntArray:
    """Return the distinct undirected edges (E, 2) of polygons, sorted."""
    pairs: list[Array] = []
    if isinstance(faces, np.ndarray):
        for k in range(faces.shape[1]):
            pairs.append(np.stack([faces[:, k], faces[:, (k + 1) % faces.shape[1]]], 1))
        both = np.concatenate(pairs)
    else:
        both = np.array([(f[k], f[(k + 1) % len(f)]) for f in faces for k in range(len(f))])
    return np.unique(np.sort(both, axis=1), axis=0).astype(np.int32)


def smooth_step(value: Array | float) -> Array:
    """Return 3t^2 - 2t^3 of ``value`` clipped to 0..1."""
    t = np.clip(value, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
