"""Random builds of people: identity, lengths of bones, faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body
from native_runtime.mhr.ages import SEXES

Array = NDArray[np.float64]


_CHILDREN, _OLD = 0.15, 0.1
"""Shares of people who are children, and who are older than 60."""
_ADULT = 30.0
"""Years, of people whose body knows no ages."""


@dataclass(frozen=True)
class Build:
    """What somebody's body is like.

    Attributes:
        identity, expression: coefficients.
        scales: (204,) model parameters of the skeleton's sizes; all others are 0.
        years: the age.
        masculine: -1 to 1, as far as it is known.
    """

    identity: Array
    expression: Array
    scales: Array
    years: float = _ADULT
    masculine: float = 0.0


def random_person(body: Body, rng: np.random.Generator) -> Build:
    """Somebody of any age that the body knows."""
    identity, expression, scales = random_build(body, rng)
    masculine = 0.0
    if "gender" in body.identity_names:
        masculine = float(identity[body.identity_names.index("gender")])
    kind = rng.random()
    if body.ages is None or kind >= _CHILDREN + _OLD:
        return Build(identity, expression, scales, _ADULT, masculine)
    low, high = (body.ages.years[0], 15.0) if kind < _CHILDREN else (60.0, body.ages.years[-1])
    years = float(rng.uniform(low, high))
    sex = SEXES[int(rng.integers(len(SEXES)))]
    median = body.ages.at(years, sex, 0.8)
    return Build(
        np.clip(0.7 * identity + median.identity, body.identity_min, body.identity_max), expression,
        0.6 * scales + median.parameters, years, 0.5 if sex == "male" else -0.5,
    )  # fmt: skip


def random_build(body: Body, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Identity (n_id,), expression (n_ex,) and skeleton scales (204,); sizes of both sides are the same."""
    low, high = np.maximum(body.identity_min, -1.0), np.minimum(body.identity_max, 1.0)
    identity = np.zeros(body.identity_count)
    identity[body.ageless] = rng.normal(0.0, 0.45, int(body.ageless.sum()))
    identity = np.clip(identity, low, high)
    scales = np.zeros(len(body.parameter_names))
    for index, name in enumerate(body.parameter_names):
        limit = body.limit_max[index]
        if name.startswith("scale_") and np.isfinite(limit) and limit > 0 and not name.startswith("scale_l_"):
            in_hand = name.startswith("scale_r_") and name != "scale_r_hands"
            sd = (0.08 if in_hand else 0.2) * limit
            scales[index] = np.clip(sd * rng.normal(), -limit, limit)
    for index, name in enumerate(body.parameter_names):
        if name.startswith("scale_l_"):
            scales[index] = scales[body.parameter_index("scale_r_" + name[len("scale_l_") :])]
    return identity, _expression(body, rng), scales


def _expression(body: Body, rng: np.random.Generator) -> Array:
    """A calm face, a smile or an open mouth."""
    result = np.zeros(body.expression_count)

    def add(value: float, *names: str) -> None:
        for name in names:
            if name in body.expression_names:
                result[body.expression_names.index(name)] = value

    kind = rng.random()
    if kind < 0.35:
        add(float(rng.uniform(0.3, 0.9)), "mouthSmileLeft", "mouthSmileRight", "cheekSquintLeft", "cheekSquintRight")
    elif kind < 0.5:
        add(float(rng.uniform(0.1, 0.5)), "jawOpen")
    elif kind < 0.6:
        add(float(rng.uniform(0.2, 0.7)), "browInnerUp", "browOuterUpLeft", "browOuterUpRight")
    add(float(rng.uniform(0.0, 0.25)), "eyeBlinkLeft", "eyeBlinkRight")
    return result
