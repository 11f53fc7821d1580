"""The prior of the shape in the fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.fitting.fit import fit_body
from native_runtime.fitting.problem import Problem
from native_runtime.fitting.shape_prior import ShapePrior, ShapeTerm, sliders_of
from native_runtime.mhr import Body
from tests.fitting.test_fit import INTRINSICS, see, state_of
from tests.support.bodies import toy_body


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


def test_slopes_are_those_of_the_cost() -> None:
    body = toy_body(identity_count=5)
    rng = np.random.default_rng(3)
    prior = ShapePrior(rng.normal(size=5), rng.uniform(0.2, 2.0, 5), rng.uniform(0.2, 2.0, 5))
    which = np.array([0, 3, 4])
    term = ShapeTerm(prior, which, 0.7)
    state = replace(state_of(body, {}), identity=rng.normal(size=5))
    problem = Problem(body, np.zeros(0, np.int64), (term,), np.zeros(204), identity=which)
    around, step = problem.linearise(state), 1e-4
    for slot in range(3):
        moved = np.zeros(problem.size)
        moved[problem.stop + slot] = step
        up, down = (problem.cost(problem.retract(state, sign * moved)) for sign in (1, -1))
        assert around.gradient[problem.stop + slot] == pytest.approx((up - down) / (2 * step), rel=1e-5)
        curvature = (up + down - 2 * around.cost) / step**2
        below = state.identity[which[slot]] < prior.means[which[slot]]
        spread = (prior.below if below else prior.deviations)[which[slot]]  # type: ignore[index]
        assert curvature == pytest.approx(0.7 / spread**2, rel=1e-3)
        assert around.hessian[problem.stop + slot, problem.stop + slot] == pytest.approx(curvature, rel=1e-3)


@pytest.mark.parametrize(("sex", "sign"), [("female", -1.0), ("male", 1.0)])
def test_the_body_shows_the_sex_whatever_the_outline_says(body: Body, sex: str, sign: float) -> None:
    """The outline is that of a body between both."""
    evidence, _ = see(body, state_of(body, {}), mask=True)
    prior = ShapePrior.of(body, sex)  # type: ignore[arg-type]
    identity = fit_body(body, replace(evidence, shape=prior), INTRINSICS).state.identity
    names = list(body.identity_names)
    assert sign * identity[names.index("gender")] > 0.5
    # The head is not held to the outline, and follows the prior alone.
    assert identity[names.index("face_gender")] == pytest.approx(prior.means[names.index("face_gender")])


def test_a_neutral_body_has_no_breasts_and_a_broad_outline_still_broadens_it(body: Body) -> None:
    names = list(body.identity_names)
    truth = state_of(body, {}, yaw=0.0)
    broad = truth.identity.copy()
    broad[names.index("weight")] = 1.5
    evidence, _ = see(body, replace(truth, identity=broad), mask=True)
    evidence = replace(evidence, shape=ShapePrior.of(body))
    identity = fit_body(body, evidence, INTRINSICS).state.identity
    assert identity[names.index("breasts")] < -0.4
    assert identity[names.index("weight")] > 0.5


def test_without_a_silhouette_the_shape_is_the_prior(body: Body) -> None:
    evidence, _ = see(body, state_of(body, {}))
    prior = ShapePrior.of(body, "male", 1.0, 60.0)
    identity = fit_body(body, replace(evidence, shape=prior), INTRINSICS).state.identity
    np.testing.assert_array_equal(identity, prior.means)


def test_the_sliders_of_a_sex_are_found_by_name(body: Body) -> None:
    names = list(body.identity_names)
    assert sliders_of(body, "female")[names.index("gender")] < -0.5
    assert sliders_of(body, "male")[names.index("breasts")] == 0.0
    assert sliders_of(toy_body(), "male") == {}
