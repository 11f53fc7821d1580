"""The age of a character: one number that its skeleton and its shape follow together. No Blender here.

A body's table (``mhr.ages``) says what the median person of an age has. Whatever a character has besides stays its own
through all ages, in proportion to its size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.errors import UsageError
from native_runtime.mhr.ages import SEXES, AgedBody, AgeTable, Sex

from .preset_library import UPWARDS, lifted, lowest
from .settings import CharacterSettings

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

_ADULT = {"breasts", "face_gender", "hand_gender"}
"""What hardly shows on children."""
_HIDDEN = 0.8
"""How much of that childhood takes away."""

# How far people of one age lie apart, in the units of parameters and sliders: what speaks against an age, and how much.
_LENGTHS, _CHILDHOOD, _OLD, _GENDER = 0.3, 0.1, 0.25, 0.5
_STEP, _FINEST = 0.5, 1e-4
"""Years: of the first search, and where it ends."""
_ALIKE = 1e-3
"""Of the slider ``gender``: women and men who differ by less are of one sex."""


def table_of(body: Body) -> AgeTable:
    """How a body follows age.

    Raises:
        UsageError: it does not.
    """
    if body.ages is None:
        raise UsageError(
            f"The body '{body.name}' knows no ages. Build the bodies again, and make the character of the default body."
        )
    return body.ages


def age_of(body: Body, settings: CharacterSettings) -> float:
    """The age (years) that skeleton and shape suggest: the likeliest of the table's, by independent Gaussians.

    Raises:
        UsageError: the body knows no ages.
    """
    table, spreads = table_of(body), _Spreads.of(body)

    def misfit(years: float) -> float:
        person = _median(body, table, years, settings)
        return spreads.misfit(settings.model_parameters - person.parameters, settings.identity - person.identity)

    years = np.arange(table.years[0], table.years[-1] + _STEP / 2, _STEP)
    best = float(years[int(np.argmin([misfit(float(y)) for y in years]))])
    low, high = max(best - _STEP, float(table.years[0])), min(best + _STEP, float(table.years[-1]))
    ratio = (np.sqrt(5.0) - 1.0) / 2.0
    while high - low > _FINEST:  # golden section
        first, second = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, second) if misfit(first) <= misfit(second) else (first, high)
    return 0.5 * (low + high)


def with_age(
    body: Body, settings: CharacterSettings, years: float, sex: Sex | None = None, up: ArrayLike = UPWARDS
) -> CharacterSettings:
    """A character of another age: skeleton and shape change, pose and face stay, and so does its lowest point.

    Args:
        body: the character's.
        settings: as it is now.
        years: the age.
        sex: what it becomes with the age; None for what the body shows now.
        up: (3,) unit vector against gravity in the rig's axes, MHR's.

    Raises:
        UsageError: the body knows no ages, or not this one.
    """
    table = table_of(body)
    table.check(years)
    before = age_of(body, settings)
    now = _median(body, table, before, settings)
    if sex is None:
        shown = _maleness(body, table, before, settings)
        then = table.at(years, "male" if shown > 0 else "female", abs(shown))
    else:
        then = table.at(years, sex)
    moved, ratio = lengths_of(table), then.stature / now.stature
    own = settings.model_parameters - now.parameters
    parameters = settings.model_parameters.copy()
    parameters[moved] = then.parameters[moved] + np.where(_in_cm(body), ratio, 1.0)[moved] * own[moved]
    names = np.array(body.identity_names)
    factors = np.where(body.ageless, ratio, 1.0)
    factors[np.isin(names, list(_ADULT))] *= _shown(body, then) / _shown(body, now)
    identity = then.identity + factors * (settings.identity - now.identity)
    changed = replace(settings, model_parameters=parameters, identity=identity)
    up = np.asarray(up, np.float64)
    return lifted(body, changed, up * (lowest(body, settings, up) - lowest(body, changed, up)))


def _maleness(body: Body, table: AgeTable, years: float, settings: CharacterSettings) -> float:
    """Of which sex a body of an age is, by its slider: -1 as women and girls of that age are, 1 as men and boys are."""
    if "gender" not in body.identity_names:
        return 0.0
    index = list(body.identity_names).index("gender")
    female, male = (float(table.at(years, sex).identity[index]) for sex in SEXES)
    if male - female < _ALIKE:
        return 0.0
    return float(np.clip((2 * settings.identity[index] - female - male) / (male - female), -1.0, 1.0))


def _median(body: Body, table: AgeTable, years: float, settings: CharacterSettings) -> AgedBody:
    """The median person of an age and of the sex that a character shows."""
    shown = _maleness(body, table, years, settings)
    return table.at(years, "male" if shown > 0 else "female", abs(shown))


def lengths_of(table: AgeTable) -> NDArray[np.bool_]:
    """(204,) which model parameters follow age."""
    return np.asarray((table.parameters != 0).any(axis=(0, 1)))


def _shown(body: Body, person: AgedBody) -> float:
    return 1.0 - _HIDDEN * float(np.clip(person.identity[~body.ageless].sum(), 0.0, 1.0))


def _in_cm(body: Body) -> NDArray[np.bool_]:
    """(204,) which parameters are lengths, not sizes that double."""
    return np.array([not name.endswith("_hands") for name in body.parameter_names])


@dataclass(frozen=True)
class _Spreads:
    """What a character may differ by from the median person of its age: the inverse of deviations, 0 for what says
    nothing of an age.
    """

    parameters: Array
    identity: Array

    @classmethod
    def of(cls, body: Body) -> _Spreads:
        known = {"gender": 1.0 / _GENDER, "age": 1.0 / _OLD}
        identity = np.array([known.get(name, 0.0) for name in body.identity_names])
        identity[~body.ageless] = 1.0 / _CHILDHOOD
        return cls(lengths_of(table_of(body)) / _LENGTHS, identity)

    def misfit(self, parameters: Array, identity: Array) -> float:
        return float(np.sum((self.parameters * parameters) ** 2) + np.sum((self.identity * identity) ** 2))
