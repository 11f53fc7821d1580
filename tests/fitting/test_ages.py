"""The prior of the skeleton for somebody of an age."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from native_runtime.fitting.ages import of_age, size_of
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.problem import Problem
from native_runtime.fitting.shape_prior import ShapePrior
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from tests.support.bodies import aged


@pytest.fixture(scope="module")
def growing(small_body: Body) -> Body:
    """A made-up body that knows ages."""
    return aged(small_body)


def test_lengths_are_those_of_the_age_and_poses_stay(growing: Body) -> None:
    child = growing.ages.at(5, "male")  # type: ignore[union-attr]
    adults = PosePrior.load(growing)
    thigh = list(adults.parameters).index(growing.parameter_index("scale_uplegs"))
    taller = replace(adults, means=np.where(np.arange(len(adults.means)) == thigh, 0.3, adults.means))
    priors = [of_age(start, growing, child) for start in (adults, taller)]
    np.testing.assert_array_equal(priors[0].means, priors[1].means)
    prior, scale = priors[0], size_of(growing, child)
    assert prior.means[thigh] == pytest.approx(-1.5)
    assert prior.deviations[thigh] == pytest.approx(min(scale, 1.0) * adults.deviations[thigh])
    poses = np.array([not growing.parameter_names[index].startswith("scale_") for index in adults.parameters])
    np.testing.assert_array_equal(prior.means[poses], adults.means[poses])
    np.testing.assert_array_equal(prior.deviations[poses], adults.deviations[poses])
    # long thighs go with long shins of that age: its own lengths are no surprise
    first, second = prior.coupled.T
    off = prior.means[first] - prior.factors * prior.means[second] - prior.offsets
    lengths = ~poses[first] & ~poses[second]
    assert lengths.any()
    np.testing.assert_allclose(off[lengths], 0.0, atol=1e-12)


def test_limits_move_along(growing: Body) -> None:
    """A child's thigh may stray to both sides; MHR's limits alone would hold it at an adult's."""
    child = growing.ages.at(5, "male")  # type: ignore[union-attr]
    thigh = growing.parameter_index("scale_uplegs")
    low, high = growing.limit_min[thigh], growing.limit_max[thigh]
    problem = Problem(growing, np.array([thigh]), (), child.parameters, whole=False, skeleton=child.parameters)
    zeros = np.zeros(growing.identity_count), np.zeros(growing.expression_count), np.array([0.0, 0.0, 3.0])
    state = PlacedState(child.parameters.copy(), *zeros)
    ends = [problem.retract(state, np.array([step])).model_parameters[thigh] for step in (-9.0, 9.0)]
    assert ends == pytest.approx([low - 1.5, high - 1.5])


def test_flesh_is_of_the_age(growing: Body) -> None:
    names = ("gender", *growing.identity_names[1:])  # a body that shows a sex
    body = replace(growing, identity_names=names)
    child = body.ages.at(5, "neutral")  # type: ignore[union-attr]
    adult, young = ShapePrior.of(body, "female"), ShapePrior.of(body, "female", aged=child)
    own = ~body.ageless
    assert not adult.means[own].any()
    np.testing.assert_allclose(young.means[own], child.identity[own])
    assert (young.deviations <= adult.deviations).all()
    assert abs(young.means[0]) < abs(adult.means[0])
