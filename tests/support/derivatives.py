"""Analytic derivatives of a fit's terms against finite differences."""

from __future__ import annotations

import numpy as np

from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.problem import FIRST_PARAMETER, Problem, Term
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState


def assert_gradient(body: Body, term: Term, state: PlacedState, step: float = 1e-6) -> None:
    """The gradient of a term by everything that a fit moves equals central differences of its cost; it is not zero."""
    prior = PosePrior.load(body)
    identity = np.arange(body.identity_count)
    problem = Problem(body, prior.parameters, (term,), prior.natural_parameters(body), identity=identity)
    gradient, numeric = problem.linearise(state).gradient, np.zeros(problem.size)
    for slot in range(problem.size):
        delta = np.zeros(problem.size)
        delta[slot] = step
        ahead, behind = (problem.cost(problem.retract(state, sign * delta)) for sign in (1.0, -1.0))
        numeric[slot] = (ahead - behind) / (2 * step)
    values = state.model_parameters[problem.parameters]
    low, high = body.limit_min[problem.parameters], body.limit_max[problem.parameters]
    free = np.ones(problem.size, bool)  # but for what sits on a limit, which a step cannot cross
    free[FIRST_PARAMETER : problem.stop] = np.minimum(values - low, high - values) > 2 * step
    assert np.abs(gradient).max() > 0
    np.testing.assert_allclose(gradient[free], numeric[free], rtol=1e-4, atol=1e-5 * np.abs(gradient).max())
