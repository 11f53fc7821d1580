"""Short fingerprints of tensors that survive transposition and rounding: projections onto fixed random directions.

While a checkpoint is converted, each of its tensors is projected as it is read; a proof projects what the converted
graphs hold, undone from their own layout and precision. Where both differ by more than rounding, something was mixed
up, cut off or damaged between the two.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

COUNT = 4
"""Projections of each tensor: two different matrices agree in all by accident once in millions, even to eight bits."""
_BLOCK = 512


def probe(tensor: NDArray) -> Array:
    """(5,): ``COUNT`` projections u^T X v of a tensor as a matrix (first axis, all others), and its Frobenius norm."""
    rows = tensor.reshape(tensor.shape[0], -1) if tensor.ndim > 1 else tensor.reshape(1, -1)
    left, right = _directions(rows.shape[0], 0), _directions(rows.shape[1], 1)
    projected, square = np.zeros(COUNT), 0.0
    for start in range(0, len(rows), _BLOCK):
        block = np.asarray(rows[start : start + _BLOCK], np.float32)
        projected += np.sum(left[start : start + _BLOCK] * (block @ right), axis=0)
        square += float(np.vdot(block, block))
    return np.append(projected, np.sqrt(square))


@cache
def _directions(length: int, side: int) -> NDArray[np.float32]:
    """(length, COUNT) normally distributed numbers, always the same."""
    return np.random.default_rng([20261130, length, side]).standard_normal((length, COUNT), np.float32)
