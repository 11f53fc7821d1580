"""Which of the poses that people take: another component of a mixture may go better with all that is seen.

The solver walks downhill, and between components lie hills: somebody whose feet are not seen sits with stretched legs
only because the fit began with straight knees. So each component is asked what the body would be if it alone held: with
the rest of the cost as a quadratic around the present state, that is one linear system. The most promising are tried,
and the best is followed downhill and kept if the whole cost is lower. Nothing is random.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from native_runtime.mhr.state import PlacedState

from .evidence_terms import FitProblem
from .pose_mixture import MixtureTerm
from .solver import minimise, normal_equations

_TRIED = 4
"""So many of the components that promise most are tried."""

_PROMISE = 0.5
"""What a component has to promise: so much less cost."""

_STEPS = 12


def best_mode(
    problem: FitProblem, state: PlacedState, cancelled: Callable[[], bool] = lambda: False
) -> tuple[PlacedState, int]:
    """The state, or one that another component of a mixture leads to and whose cost is lower.

    Args:
        problem: what the body is held to.
        state: where its solver ended.
        cancelled: asked between steps.

    Returns:
        The better state, and the solver steps spent.
    """
    spent = 0
    for term in problem.terms:
        if isinstance(term, MixtureTerm) and not cancelled():
            state, steps = _best_of(problem, term, state, cancelled)
            spent += steps
    return state, spent


def _best_of(
    problem: FitProblem, mixture: MixtureTerm, state: PlacedState, cancelled: Callable[[], bool]
) -> tuple[PlacedState, int]:
    pose, present = problem.pose(state), problem.cost(state)
    others = (part for term in problem.terms if term is not mixture for part in term.linearise(problem, pose, state))
    cost, hessian, gradient = normal_equations(others, problem.size)
    hessian += np.diag(1e-6 * np.maximum(np.diag(hessian), 1e-6))
    promises = []
    for component in mixture.components(problem, state):
        columns, slope, curve = component.columns[0], gradient.copy(), hessian.copy()
        slope[columns] += component.gradient[0]
        curve[np.ix_(columns, columns)] += component.hessian[0]
        step = -np.linalg.solve(curve, slope)
        promises.append((cost + component.cost + 0.5 * float(slope @ step), step))
    promising = sorted((promise for promise in promises if promise[0] < present - _PROMISE), key=lambda pair: pair[0])
    if not promising:
        return state, 0
    candidates = [problem.retract(state, step) for _, step in promising[:_TRIED]]
    best = min(candidates, key=problem.cost)
    found = minimise(best, problem.linearise, problem.cost, problem.retract, _STEPS, 1e-3, 1e-3, cancelled)
    return (found.state if found.cost < present else state), found.iterations
