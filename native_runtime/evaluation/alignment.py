"""Points brought onto others: what measures of a pose alone take out. Points are metres; distances are millimetres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MM = 1000.0


def similarity(source: Array, target: Array, scaled: bool = True) -> tuple[float, Array, Array]:
    """Scale s, rotation R (3, 3) and shift t (3,) that bring ``source`` (N, 3) nearest to ``target``: s R x + t.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", 1991. Mirrored
    solutions are excluded. Points that all coincide have no rotation: they are only shifted.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    a, b = source.mean(axis=0), target.mean(axis=0)
    x, y = source - a, target - b
    spread = float((x**2).sum())
    if spread < 1e-18:
        return 1.0, np.eye(3), b - a
    u, s, vt = np.linalg.svd(y.T @ x)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    scale = float((s * sign).sum() / spread) if scaled else 1.0
    return scale, rotation, b - scale * rotation @ a


def aligned(source: Array, target: Array, scaled: bool = True) -> Array:
    """``source`` (N, 3) moved, turned and (if ``scaled``) scaled onto ``target`` (N, 3)."""
    scale, rotation, shift = similarity(source, target, scaled)
    result: Array = scale * np.asarray(source, np.float64) @ rotation.T + shift
    return result


def distances(source: Array, target: Array) -> Array:
    """(N,) mm between corresponding points (N, 3) m."""
    result: Array = np.linalg.norm(np.asarray(source, np.float64) - np.asarray(target, np.float64), axis=-1) * MM
    return result
