"""The measures, in numpy alone. Points are metres in camera axes unless said otherwise; errors are millimetres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from native_runtime.evaluation.alignment import MM, aligned, distances, similarity

__all__ = [
    "MM",
    "aligned",
    "box_overlap",
    "distances",
    "head_size",
    "mask_overlap",
    "match",
    "pck",
    "rooted",
    "similarity",
]

Array = NDArray[np.float64]


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
