"""The rotation that a layer's inputs go through before they are rounded to eight bits.

Rounding suffers from numbers that are far larger than the others of their row: a few channels of a vision transformer's
tokens, a few weights of a layer. An orthogonal map of the channels spreads each of them over a block of channels, and
changes no product where inputs and weights both go through it: x W^T = (x R) (W R)^T. Blocks are Hadamard matrices with
fixed random signs, as in QuaRot (arXiv 2404.00456, section 3) and QuIP# (arXiv 2402.04396, section 3).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_BLOCK = 64
"""Channels a block: a number is spread to an eighth; larger blocks cost more than they bring."""
_SIGNS = 0x9E3779B97F4A7C15
"""64 bits without a pattern (the golden ratio's)."""


@cache
def rotation(channels: int) -> NDArray[np.float32]:
    """(b, b) orthogonal: the map of each block of b channels; b is the largest power of two that divides them."""
    size = min(channels & -channels, LARGEST_BLOCK)
    matrix = np.ones((1, 1))
    while len(matrix) < size:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    signs = np.array([-1.0 if _SIGNS >> bit & 1 else 1.0 for bit in range(size)])
    return np.asarray(signs[:, None] * matrix / np.sqrt(size), np.float32)


def rotated(rows: NDArray[Any]) -> NDArray[Any]:
    """Rows (N, K), each multiplied by the rotation of its K channels."""
    return _blockwise(rows, rotation(rows.shape[1]))


def unrotated(rows: NDArray[Any]) -> NDArray[Any]:
    """Undo `rotated`."""
    return _blockwise(rows, rotation(rows.shape[1]).T)


def _blockwise(rows: NDArray[Any], block: NDArray[np.float32]) -> NDArray[Any]:
    return np.asarray((rows.reshape(-1, len(block)) @ block).reshape(rows.shape))
