"""How a body's skeleton and shape follow age: what its file tells of people from 5 to 90 years.

A table of model parameters and identity coefficients by age and sex, made with the body
(``native_runtime.build.default_body.ages``); between its ages all numbers run along monotone curves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import UsageError

Array = NDArray[np.float64]
Sex = Literal["neutral", "female", "male"]
"""What a body's shape shows of somebody's sex."""

SEXES: tuple[Sex, ...] = ("female", "male")
"""The rows of a table; "neutral" is their mean."""

AGE_GROUP = "age"
"""The group of identity coefficients that belong to ages alone: nothing else moves them."""

_GROWN = 18.0
"""Years up to which people grow."""


@dataclass(frozen=True, eq=False)
class AgeTable:
    """A body's numbers by age and sex.

    Attributes:
        years: (A,) rising.
        statures: (2, A) cm, the medians of ``SEXES``; spreads: (2, A) cm, their standard deviations.
        parameters: (2, A, 204) MHR's model parameters; only the skeleton's are not 0.
        identity: (2, A, n_id) identity coefficients.
    """

    years: Array
    statures: Array
    spreads: Array
    parameters: Array
    identity: Array

    @cached_property
    def _numbers(self) -> Array:
        """(A, 2, n) everything by age."""
        parts = (self.statures[..., None], self.spreads[..., None], self.parameters, self.identity)
        return np.moveaxis(np.concatenate(parts, axis=2), 1, 0)

    @cached_property
    def _slopes(self) -> Array:
        return monotone_slopes(self.years, self._numbers)

    def sizes(self, own: NDArray[np.bool_]) -> Array:
        """By which part of itself a grown-up's stature changes for one unit of each coefficient: (n_id,), 0 but for
        those that belong to ages alone.

        Args:
            own: (n_id,) which ones do.
        """
        young = self.years <= _GROWN
        parts = self.statures[:, young] / self.statures[:, self.years >= _GROWN][:, :1] - 1.0
        found = np.zeros(len(own))
        found[own] = np.linalg.lstsq(self.identity[:, young][..., own].reshape(-1, own.sum()), parts.ravel(), None)[0]
        return found

    def check(self, years: float) -> float:
        """The age, if the table covers it.

        Raises:
            UsageError: it does not, or is no number.
        """
        if not self.years[0] <= years <= self.years[-1]:  # false for NaN, too
            raise UsageError(
                f"An age of {years:g} years cannot be used: this body knows ages from {self.years[0]:g} to "
                f"{self.years[-1]:g} years."
            )
        return float(years)

    def at(self, years: float, sex: Sex = "neutral", certainty: float = 1.0) -> AgedBody:
        """The median person of an age and sex.

        Args:
            years: the age.
            sex: which sex it is most likely.
            certainty: 0..1, how far that counts; at 0 it is neutral.

        Raises:
            UsageError: the table does not cover the age.
        """
        both = hermite(self.years, self._numbers, self._slopes, self.check(years))
        numbers = both.mean(axis=0)
        if sex != "neutral":
            numbers = (1.0 - certainty) * numbers + certainty * both[SEXES.index(sex)]
        count = self.parameters.shape[2]
        return AgedBody(float(numbers[0]), float(numbers[1]), numbers[2 : 2 + count], numbers[2 + count :])


@dataclass(frozen=True, eq=False)
class AgedBody:
    """The median person of an age and sex.

    Attributes:
        stature, spread: cm, and its standard deviation.
        parameters: (204,) the skeleton's; all others are 0.
        identity: (n_id,)
    """

    stature: float
    spread: float
    parameters: Array
    identity: Array


def monotone_slopes(x: Array, y: Array) -> Array:
    """Slopes (A, ...) at the points of curves (A, ...) over x (A,) between which cubic pieces do not overshoot.

    Fritsch and Butland, "A method for constructing local monotone piecewise cubic interpolants" (SIAM J. Sci. Stat.
    Comput. 5, 1984): the weighted harmonic mean of both sides' rises, 0 where they differ in sign; at the ends the
    rise itself.
    """
    width = np.diff(x).reshape(-1, *(1,) * (y.ndim - 1))
    rise = np.diff(y, axis=0) / width
    left, right = rise[:-1], rise[1:]
    first, second = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    same = left * right > 0
    safe = (np.where(same, part, 1.0) for part in (left, right))
    inner = np.where(same, (first + second) / sum(w / r for w, r in zip((first, second), safe, strict=True)), 0.0)
    return np.concatenate([rise[:1], inner, rise[-1:]])


def hermite(x: Array, y: Array, slopes: Array, at: float) -> Array:
    """The curves (...,) at one place within x: cubic Hermite pieces through y (A, ...) with these slopes."""
    k = int(np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2))
    width = x[k + 1] - x[k]
    t = (at - x[k]) / width
    value: Array = (
        (1 + 2 * t) * (1 - t) ** 2 * y[k]
        + t * (1 - t) ** 2 * width * slopes[k]
        + t**2 * (3 - 2 * t) * y[k + 1]
        + t**2 * (t - 1) * width * slopes[k + 1]
    )
    return value
