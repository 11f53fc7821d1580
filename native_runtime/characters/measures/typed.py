"""Measures that are typed: the nearest skeleton and shape that have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.errors import UsageError

from .bounded import least_squares_within
from .definitions import BY_KEY, MEASURES
from .measurer import Measurer
from .unknowns import Unknowns

Array = NDArray[np.float64]

MET = 0.5
"""Cm within which a typed value counts as met."""

_TIGHT = 0.01
"""Cm that a typed or held measure may ordinarily be off."""
_LOOSE_LENGTH, _LOOSE_GIRTH = 2.0, 8.0
"""Cm that a length and a girth that nobody spoke of may ordinarily change. Girths beside each other grow together: held
fast, they would leave a bulge or a notch between them.
"""
_STEPS = 12
_STEADY = 1e-3
_LONGEST = 1.0
"""By how much a coefficient, or a length in its units, may change in a step: girths are no straight lines."""


@dataclass(frozen=True)
class Missed:
    """A typed value that cannot be had.

    Attributes:
        key: the measure's.
        wanted, nearest: cm.
    """

    key: str
    wanted: float
    nearest: float

    def __str__(self) -> str:
        label = BY_KEY[self.key].label
        side = "less" if self.wanted < self.nearest else "more"
        return (
            f"{label}: {self.wanted:.1f} cm cannot be had within the sliders' ranges, together with the other measures "
            f"that are held; {side} than {self.nearest:.1f} cm is not possible from here."
        )


@dataclass(frozen=True)
class Solved:
    """A body with typed measures.

    Attributes:
        parameters: (204,) model parameters; only those of the skeleton changed.
        identity: (n_id,) coefficients.
        values: cm, all measures as they are now.
        missed: what could not be met within `MET`.
    """

    parameters: Array
    identity: Array
    values: Mapping[str, float]
    missed: tuple[Missed, ...] = ()


def check_typed(wanted: Mapping[str, float]) -> None:
    """Refuse what is no measure of a person.

    Raises:
        UsageError: an unknown measure, or a value that no body has.
    """
    for key, value in wanted.items():
        if key not in BY_KEY:
            known = ", ".join(measure.key for measure in MEASURES)
            raise UsageError(f"There is no measure {key!r}. There are: {known}.")
        measure = BY_KEY[key]
        if not (np.isfinite(value) and measure.low <= value <= measure.high):
            raise UsageError(
                f"{measure.label} lies between {measure.low:g} and {measure.high:g} cm, not at {value:g} cm."
            )


def with_measures(
    measurer: Measurer,
    parameters: ArrayLike,
    identity: ArrayLike,
    wanted: Mapping[str, float],
    held: Iterable[str] = (),
) -> Solved:
    """The nearest body that has some measures: damped Gauss-Newton over lengths and shape within the sliders' ranges.

    Other measures stay near what they were, the lengths of bones keep their proportions, and coefficients that say who
    somebody is (sex, age, face) stay. A number that is out of its slider's range already may stay there.

    Args:
        measurer: of the body.
        parameters: (204,) model parameters in any pose.
        identity: (n_id,) coefficients.
        wanted: cm, by the measures' keys.
        held: measures that shall stay exactly what they are.

    Raises:
        UsageError: an unknown measure, one that this body does not have, or a value that no body has.
    """
    check_typed(wanted)
    standing, start = measurer.standing, np.asarray(parameters, np.float64)
    unknowns, count = Unknowns.of(standing), len(standing.lengths)
    before = measurer.measured(start, identity).values
    for key in wanted:
        if key not in before:
            raise UsageError(f"This body has nothing to measure {BY_KEY[key].label!r} at.")
    goals = {key: before[key] for key in held if key in before} | dict(wanted)
    first = np.concatenate([start[standing.lengths], np.asarray(identity, np.float64)])
    low, high = np.minimum(unknowns.low, first), np.maximum(unknowns.high, first)
    fixed = unknowns.high <= unknowns.low
    low, high = np.where(fixed, first, low), np.where(fixed, first, high)
    x, ease = first.copy(), np.sqrt(unknowns.costs)
    for _ in range(_STEPS):
        figure = standing.figure(_full(start, standing.lengths, x[:count]), x[count:])
        rows, targets = [np.diag(ease)], [ease * (first - x)]
        for key, value in before.items():
            reading = measurer.read(figure, key)
            if reading is None:
                continue
            off = _TIGHT if key in goals else _LOOSE_GIRTH if BY_KEY[key].girth else _LOOSE_LENGTH
            rows.append(measurer.slopes(reading)[None] / off)
            targets.append(np.array([(goals.get(key, value) - reading.value) / off]))
        reach = np.full(len(x), _LONGEST)
        step = least_squares_within(
            np.concatenate(rows), np.concatenate(targets), np.maximum(low - x, -reach), np.minimum(high - x, reach)
        )
        x = x + step
        if np.abs(step).max() < _STEADY:
            break
    solved, coefficients = _full(start, standing.lengths, x[:count]), x[count:]
    values = measurer.measured(solved, coefficients).values
    missed = [Missed(key, goal, values[key]) for key, goal in goals.items() if abs(values[key] - goal) > MET]
    return Solved(solved, coefficients, values, tuple(missed))


def _full(start: Array, lengths: NDArray[np.int64], values: Array) -> Array:
    parameters = start.copy()
    parameters[lengths] = values
    return parameters
