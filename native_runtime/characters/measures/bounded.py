"""Linear least squares within bounds, small and dense."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ROUNDS = 50
_INSIDE = 1e-12


def least_squares_within(matrix: Array, target: Array, low: Array, high: Array) -> Array:
    """The x (n,) between ``low`` and ``high`` that makes ``|matrix x - target|`` least.

    An active-set method: numbers that the free ones' solution takes out of bounds are fixed at them, and freed again
    where the slope says so (Lawson and Hanson, "Solving Least Squares Problems", 1974, chapter 23, for two bounds).

    Args:
        matrix: (m, n), of full column rank.
        target: (m,)
        low, high: (n,) with ``low <= high``.
    """
    hessian, linear = matrix.T @ matrix, matrix.T @ target
    x = np.clip(np.zeros(len(low)), low, high)
    free = high - low > _INSIDE
    movable = free.copy()
    for _ in range(_ROUNDS):
        while free.any():
            rest = linear[free] - hessian[np.ix_(free, ~free)] @ x[~free]
            wanted = np.linalg.solve(hessian[np.ix_(free, free)], rest)
            step = wanted - x[free]
            room = np.where(step > 0, high[free] - x[free], low[free] - x[free])
            share = np.divide(room, step, out=np.full(len(step), np.inf), where=np.abs(step) > _INSIDE)
            part = float(min(1.0, share.min(initial=np.inf)))
            x[free] += part * step
            if part >= 1.0:
                break
            stopped = np.flatnonzero(free)[share <= part + _INSIDE]
            x[stopped] = np.where(step[share <= part + _INSIDE] > 0, high[stopped], low[stopped])
            free[stopped] = False
        slope = hessian @ x - linear
        inward = movable & ~free & np.where(x <= low, slope < -1e-9, slope > 1e-9)
        if not inward.any():
            break
        free[np.argmax(np.abs(slope) * inward)] = True
    return x
