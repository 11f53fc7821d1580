"""Distributions of one number on a grid: densities that need no name can still be looked up and sampled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_NEVER = -1e6
"""The logarithm of the density beyond the grid."""
_POINTS = 801


@dataclass(frozen=True)
class Marginal:
    """The density of one number, linear between the points of a grid.

    Attributes:
        grid: (n,) ascending, evenly spaced.
        density: (n,) above zero; its integral is 1.
    """

    grid: Array
    density: Array

    @classmethod
    def of(cls, low: float, high: float, density: Array) -> Marginal:
        """From the values (n,) of a density, up to a factor, at even distances from ``low`` to ``high``."""
        grid = np.linspace(low, high, len(density))
        return cls(grid, density / (0.5 * (density[1:] + density[:-1]) @ np.diff(grid)))

    @classmethod
    def normals(cls, low: float, high: float, parts: tuple[tuple[float, float, float], ...]) -> Marginal:
        """A mixture of normal distributions, cut at ``low`` and ``high``.

        Args:
            parts: weight, mean and standard deviation of each.
        """
        return cls.of(low, high, _mixture(np.linspace(low, high, _POINTS), parts))

    @classmethod
    def about(cls, value: float, sigma: float) -> Marginal:
        """A normal distribution, cut at five standard deviations."""
        return cls.normals(value - 5.0 * sigma, value + 5.0 * sigma, ((1.0, value, sigma),))

    @classmethod
    def even(cls, low: float, high: float) -> Marginal:
        """All values between ``low`` and ``high`` alike."""
        return cls.of(low, high, np.ones(2))

    def log_density(self, values: ArrayLike) -> Array:
        """Logarithm of the density, very low beyond the grid."""
        values = np.asarray(values, np.float64)
        inside = (values >= self.grid[0]) & (values <= self.grid[-1])
        density = np.interp(values, self.grid, self.density)
        return np.where(inside, np.log(np.maximum(density, 1e-300)), _NEVER)

    def quantile(self, shares: ArrayLike) -> Array:
        """The values below which shares (0..1) of the distribution lie."""
        steps = 0.5 * (self.density[1:] + self.density[:-1]) * np.diff(self.grid)
        below = np.concatenate([[0.0], np.cumsum(steps)])
        return np.interp(np.asarray(shares, np.float64) * below[-1], below, self.grid)

    @property
    def spread(self) -> float:
        """Half of what lies between the 16th and the 84th percentile: the standard deviation of a normal one."""
        low, high = self.quantile([0.16, 0.84])
        return float(high - low) / 2


def _mixture(grid: Array, parts: tuple[tuple[float, float, float], ...]) -> Array:
    density = np.zeros_like(grid)
    for weight, mean, sigma in parts:
        density += weight * np.exp(-0.5 * ((grid - mean) / sigma) ** 2) / sigma
    return np.maximum(density, 1e-12 * density.max())
