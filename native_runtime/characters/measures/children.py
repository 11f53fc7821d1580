"""Heights that only children have, and the child who has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from native_runtime.mhr import Body
    from native_runtime.mhr.ages import AgeTable

Array = NDArray[np.float64]

_NOTHING = 1e-3
"""Coefficients of childhood that are smaller do not make a child."""
_ADULT, _SURELY = 20.0, 3.0
"""Years, and by how many standard deviations somebody must be smaller than adults to be a child."""


def years_of_height(table: AgeTable | None, height: float) -> float | None:
    """How old the child is who is so tall (cm) in the median; None for an adult's height, and without a table."""
    if table is None or height >= _smallest_adult(table):
        return None
    years = np.linspace(table.years[0], _ADULT, 201)
    statures = np.array([table.at(float(age)).stature for age in years])
    return float(years[np.argmin(np.abs(statures - height))])


def of_age_for(
    body: Body, parameters: ArrayLike, identity: ArrayLike, tall: float, height: float
) -> tuple[Array, Array]:
    """Somebody's model parameters (204,) and coefficients (n_id,) as those of a person whose age fits a height, with
    what is their own; as they are, where the age stays.

    Adults become the child who is so tall in the median, children an older or younger one or an adult.

    Args:
        tall: cm, how tall they are now.
        height: cm, how tall they shall be.
    """
    before = np.asarray(parameters, np.float64), np.asarray(identity, np.float64)
    if body.ages is None:
        return before
    grown_up = not np.any(np.abs(before[1][~body.ageless]) > _NOTHING)
    now = (None if grown_up else years_of_height(body.ages, tall)) or _ADULT
    then = years_of_height(body.ages, height) or _ADULT
    if now == then:
        return before
    old, new = body.ages.at(now), body.ages.at(then)
    coefficients = before[1] + new.identity - old.identity
    low, high = np.minimum(body.identity_min, before[1]), np.maximum(body.identity_max, before[1])
    return before[0] + new.parameters - old.parameters, np.clip(coefficients, low, high)


def _smallest_adult(table: AgeTable) -> float:
    adult = table.at(_ADULT)
    return adult.stature - _SURELY * adult.spread
