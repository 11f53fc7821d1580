"""The measures, in numpy alone. Points are metres in camera axes unless said otherwise; errors are millimetres."""

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


def rooted(points: Array, root: Array) -> Array:
    """Points (N, 3) relative to ``root`` (3,)."""
    result: Array = np.asarray(points, np.float64) - root
    return result


def pck(found: Array, true: Array, unit: float, share: float = 0.5) -> float:
    """The share of points (N, 2) px that lie within ``share`` times ``unit`` px of the truth; NaN of no points."""
    found, true = np.asarray(found, np.float64), np.asarray(true, np.float64)
    if len(true) == 0:
        return float("nan")
    return float(np.mean(np.linalg.norm(found - true, axis=-1) <= share * unit))


def head_size(head: Array) -> float:
    """The unit of PCKh in px: 0.6 of the diagonal of the head's box, from the head's vertices (N, 2) px.

    Andriluka et al., "2D Human Pose Estimation: New Benchmark and State of the Art Analysis", 2014.
    """
    return 0.6 * float(np.linalg.norm(np.ptp(np.asarray(head, np.float64), axis=0)))


def box_overlap(a: Array, b: Array) -> float:
    """Intersection over union of two boxes (4,) x0 y0 x1 y1."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = float(np.prod(np.maximum(high - low, 0.0)))
    both = float(np.prod(np.maximum(a[2:] - a[:2], 0.0)) + np.prod(np.maximum(b[2:] - b[:2], 0.0))) - shared
    return shared / both if both > 0 else 0.0


def mask_overlap(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks; NaN where both are empty."""
    both = np.count_nonzero(a | b)
    return float(np.count_nonzero(a & b) / both) if both else float("nan")


def match(costs: Array, limit: float) -> list[tuple[int, int]]:
    """Pairs (row, column) of least total cost, at most one each; pairs that cost more than ``limit`` are no match.

    To be without a match costs ``limit``, however far away the others are: somebody far from everybody would otherwise
    be brought nearer at the expense of those who match.
    """
    from scipy.optimize import linear_sum_assignment

    costs = np.asarray(costs, np.float64)
    if costs.size == 0:
        return []
    rows, columns = linear_sum_assignment(np.minimum(costs, limit * (1 + 1e-9)))
    return [(int(r), int(c)) for r, c in zip(rows, columns) if costs[r, c] <= limit]
