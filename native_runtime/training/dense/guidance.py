"""What known points say about the others: errors of neighbouring points go together.

The head's errors are taken as Gaussian with a covariance C that was measured on many people. Of
points S that are known to a deviation s, the others follow by conditioning:
mean + C_S (C_SS + s^2 I)^-1 (known - mean_S), and their covariance is C - C_S (C_SS + s^2 I)^-1 C_S^T.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_RIDGE = 1e-7
_SMALL = 0.01
"""Weights of people fall with their mean error in heights, from about this one on."""


@dataclass(frozen=True)
class Guidance:
    """How errors of the N points go together.

    Attributes:
        covariance: (2 N, 2 N) of x and y of each point in turn, in the person's heights.
    """

    covariance: Array

    @staticmethod
    def of(errors: Array, shrink: float = 0.002) -> Guidance:
        """From errors (M, N, 2) in the person's heights. People who are missed by much count less, as most of that is
        not how points go together. A part ``shrink`` of what goes together is left out, as few people show it by
        chance.
        """
        away = np.linalg.norm(errors, axis=2).mean(axis=1)
        weight = 1.0 / np.hypot(away, _SMALL)
        flat = errors.reshape(len(errors), -1) * weight[:, None]
        found = flat.T @ flat / max(float((weight**2).sum()), _RIDGE)
        return Guidance((1 - shrink) * found + shrink * np.diag(np.diag(found)))

    def given(
        self, places: Array, height: float, numbers: ArrayLike, known: Array, deviation: float = 0.002
    ) -> tuple[Array, Array]:
        """The points (N, 2), and their deviations (N,) in the unit of ``places``, where some are known.

        Args:
            places: (N, 2) the head's answer.
            height: the person's, in the unit of ``places``.
            numbers: (K,) of the points that are known.
            known: (K, 2) where they are.
            deviation: of what is known, in heights.
        """
        index = np.asarray(numbers, np.int64)
        rows = np.stack([2 * index, 2 * index + 1], axis=1).ravel()
        across = self.covariance[:, rows]
        inner = across[rows] + (deviation**2 + _RIDGE) * np.eye(len(rows))
        gain = np.linalg.solve(inner, across.T).T
        off = ((known - places[index]) / height).ravel()
        variance = np.diag(self.covariance) - np.einsum("ij,ij->i", gain, across)
        spread = np.sqrt(np.maximum(variance, 0.0).reshape(-1, 2).mean(axis=1))
        return places + height * (gain @ off).reshape(-1, 2), height * spread
