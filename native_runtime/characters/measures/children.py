"""Heights that only children have, and the child who has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from native_runtime.mhr import Body
    from native_runtime.mhr.ages import AgeTable

Array = NDArray[np.float64]

_ADULT, _SURELY = 20.0, 3.0
"""Years, and by how many standard deviations somebody must be smaller than adults to be a child."""


def years_of_height(table: AgeTable | None, height: float) -> float | None:
    """How old the child is who is so tall (cm) in the median; None for an adult's height, and without a table."""
    if table is None or height >= _smallest_adult(table):
        return None
    years = np.linspace(table.years[0], _ADULT, 201)
    statures = np.array([table.at(float(age)).stature for age in years])
    return float(years[np.argmin(np.abs(statures - height))])


def as_child(body: Body, parameters: ArrayLike, identity: ArrayLike, tall: float, height: float) -> tuple[Array, Array]:
    """An adult's model parameters (204,) and coefficients (n_id,) as those of the child who has a height, with what
    the adult has of their own; as they are, where a height is no child's, or somebody is one already.

    Args:
        tall: cm, how tall they are now.
        height: cm, how tall they shall be.
    """
    before = np.asarray(parameters, np.float64), np.asarray(identity, np.float64)
    years = years_of_height(body.ages, height)
    if body.ages is None or years is None or tall < _smallest_adult(body.ages):
        return before
    child, adult = body.ages.at(years), body.ages.at(_ADULT)
    coefficients = before[1] + child.identity - adult.identity
    low, high = np.minimum(body.identity_min, before[1]), np.maximum(body.identity_max, before[1])
    return before[0] + child.parameters - adult.parameters, np.clip(coefficients, low, high)


def _smallest_adult(table: AgeTable) -> float:
    adult = table.at(_ADULT)
    return adult.stature - _SURELY * adult.spread
