"""Smooth noise over the body at rest, of which folds, hems and blotches are made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def wrinkles(rest: Array, rng: np.random.Generator, size: float) -> Array:
    """(N,) smooth noise of about unit strength over rest places (N, 3) cm, with folds ``size`` cm apart."""
    total = np.zeros(len(rest))
    for _ in range(6):
        direction = rng.normal(size=3)
        direction *= 2 * np.pi / (size * rng.uniform(0.7, 1.6)) / np.linalg.norm(direction)
        total += np.sin(rest @ direction + rng.uniform(0, 2 * np.pi))
    return total / 6**0.5
