"""Small geometric helpers of the body build: mirroring, edges and smooth steps. Vectors are rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
IntArray = NDArray[np.int32]


def unit(vector: Array) -> Array:
    """Return ``vector`` (..., 3) at length one; a zero vector stays zero."""
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return vector / np.where(length > 0, length, 1.0)


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
