"""The prior of the shape: how a body's identity coefficients lie about what is known of a person.

A silhouette says how wide somebody is, dressed, and nothing of what makes a chest flat or full: those sliders follow
what the face says, or an artist. Where nothing is known the body is neutral, which is not the average of women and men:
half a pair of breasts is worse than none.

The numbers are in ``rig_templates/fit/shape_prior.json``. A body without the sliders that it names, such as MHR's own,
has the plain prior: every coefficient about 0, with a standard deviation of 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.files.templates import load_json
from native_runtime.mhr import Body, Pose
from native_runtime.mhr.ages import AgedBody, Sex
from native_runtime.mhr.state import PlacedState

from .problem import Problem
from .solver import Linearised, Quadratics

Array = NDArray[np.float64]

_LEANT = 0.5
"""How far the frame of a body follows which sex is likelier, where neither is likely enough to be shown."""


@dataclass(frozen=True)
class ShapePrior:
    """Independent Gaussians on a body's identity coefficients, wider above the mean than below it where people are.

    Attributes:
        means, deviations: (n_id,)
        below: (n_id,) deviations below the mean; None: the same.
    """

    means: Array
    deviations: Array
    below: Array | None = None

    @staticmethod
    def plain(body: Body) -> ShapePrior:
        """The prior where only the spread of a body's coefficients is known."""
        return ShapePrior(np.zeros(body.identity_count), np.ones(body.identity_count))

    @staticmethod
    def of(
        body: Body,
        sex: Sex = "neutral",
        certainty: float = 1.0,
        age: float | None = None,
        aged: AgedBody | None = None,
        leaning: float = 0.0,
    ) -> ShapePrior:
        """The prior for somebody of a sex and an age.

        Args:
            body: its identity coefficients are found by their names.
            sex: which sex it is most likely.
            certainty: 0..1, how far the shape may show it: at 0 it is neutral.
            age: years; None where it is unknown.
            aged: the median person of that age, whose skeleton is used; None for an adult's.
            leaning: -1..1, how much likelier a man than a woman, where that is not enough for a sex: frame and face
                follow it by half, breasts do not.
        """
        prior = ShapePrior._of_adults(body, sex, certainty, age, leaning)
        return prior if aged is None else prior._grown(body, aged)

    @staticmethod
    def _of_adults(body: Body, sex: Sex, certainty: float, age: float | None, leaning: float) -> ShapePrior:
        prior = ShapePrior.plain(body)
        if "gender" not in set(body.identity_names):
            return prior
        numbers = load_json("fit", "shape_prior.json")
        for name, (mean, deviation, *below) in numbers["build"].items():
            prior = prior._with(body, name, mean, deviation, *below)
        neutral, sexed = numbers["sexes"]["neutral"], numbers["sexes"][sex]
        leant = numbers["sexes"]["male" if leaning > 0 else "female"]
        for name, unsure in neutral.items():
            mean, deviation = (1 - certainty) * np.array(unsure) + certainty * np.array(sexed[name])
            if name != "breasts":
                mean += _LEANT * abs(leaning) * leant[name][0]
            prior = prior._with(body, name, mean, deviation)
        for name, points in numbers["ages"].items():
            years, values = np.array(points).T
            mean = 0.0 if age is None else float(np.interp(age, years, values))
            prior = prior._with(body, name, mean, numbers["age_unknown" if age is None else "age_spread"])
        return prior

    def _grown(self, body: Body, aged: AgedBody) -> ShapePrior:
        """The same for the flesh of an age: as far as the sliders of childhood are used, what is said of adults gives
        way to them, and flesh varies less on a smaller body.
        """
        young = float(np.clip(aged.identity[~body.ageless].sum(), 0.0, 1.0))
        size = min(aged.stature / float(np.ptp(body.rest_vertices[:, 1])), 1.0)
        means = (1.0 - young) * self.means
        means[~body.ageless] = aged.identity[~body.ageless]
        gender = list(map(str, body.identity_names)).index("gender")
        means[gender] += young * aged.identity[gender]
        means = np.clip(means, body.identity_min, body.identity_max)
        return ShapePrior(means, size * self.deviations, None if self.below is None else size * self.below)

    def _with(self, body: Body, name: str, mean: float, deviation: float, lower: float | None = None) -> ShapePrior:
        names = list(map(str, body.identity_names))
        if name not in names:
            return self
        index, means, deviations = names.index(name), self.means.copy(), self.deviations.copy()
        below = deviations.copy() if self.below is None else self.below.copy()
        means[index] = np.clip(mean, body.identity_min[index], body.identity_max[index])
        deviations[index], below[index] = deviation, deviation if lower is None else lower
        return ShapePrior(means, deviations, below)


def sliders_of(body: Body, sex: Sex) -> Mapping[int, float]:
    """What the sliders of sex are set to for one: identity coefficient -> value; empty for bodies without them."""
    names = list(map(str, body.identity_names))
    values: dict[str, Any] = load_json("fit", "shape_prior.json")["sexes"][sex]
    return {names.index(name): float(mean) for name, (mean, _) in values.items() if name in names}


class ShapeTerm:
    """Holds free identity coefficients near the prior."""

    def __init__(self, prior: ShapePrior, which: NDArray[np.int64], weight: float) -> None:
        """`which`: (n,) indices of the free coefficients."""
        self._which, self._weight = which, weight
        self._means, self._above = prior.means[which], 1.0 / prior.deviations[which]
        self._below = self._above if prior.below is None else 1.0 / prior.below[which]

    def _residual(self, state: PlacedState) -> tuple[Array, Array]:
        """Residuals (n,) in deviations, and their slopes."""
        off = state.identity[self._which] - self._means
        slope = np.where(off < 0, self._below, self._above)
        return off * slope, slope

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """See ``problem.Term``."""
        return float(0.5 * self._weight * np.sum(self._residual(state)[0] ** 2))

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``problem.Term``."""
        columns = np.arange(problem.stop, problem.size)
        residual, slope = self._residual(state)
        pull = self._weight * slope
        return (Quadratics.separate(self.cost(pose, state), columns, pull * residual, pull * slope),)
