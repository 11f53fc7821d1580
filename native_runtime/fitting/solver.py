"""Levenberg-Marquardt for least squares with box bounds.

The damping follows Marquardt's scaling (by the diagonal of J^T J) and Nielsen's update (Madsen, Nielsen and Tingleff,
"Methods for non-linear least squares problems", 2004, section 3.2). Bounds are kept by an active set: a variable that
sits on a bound and would leave the box stays out of the step, and the step is clipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
State = TypeVar("State")

_MOST_DAMPING = 1e8
_SMALL = 64
"""Unknowns up to which ``solve`` eliminates by itself."""


@dataclass(frozen=True)
class Residuals:
    """Residuals that may depend on every unknown.

    Attributes:
        cost: their robust cost.
        residual, weight: (m,) in sigmas, and what each counts.
        jacobian: (m, n) d residual / d unknowns.
    """

    cost: float
    residual: Array
    jacobian: Array
    weight: Array


@dataclass(frozen=True)
class Quadratics:
    """Quadratic functions of a few unknowns each.

    Attributes:
        cost: the sum of their values.
        columns: (m, k) the unknowns of each.
        gradient, hessian: (m, k) and (m, k, k) by these unknowns.
    """

    cost: float
    columns: NDArray[np.int64]
    gradient: Array
    hessian: Array

    @staticmethod
    def separate(cost: float, columns: NDArray[np.int64], gradient: Array, curvature: Array) -> Quadratics:
        """Of one unknown each: first and second derivatives (m,) by columns (m,)."""
        return Quadratics(cost, columns[:, None], gradient[:, None], curvature[:, None, None])


Linearised = tuple[Residuals | Quadratics, ...]
"""A term of the cost around a state."""


def normal_equations(parts: Iterable[Residuals | Quadratics], size: int) -> tuple[float, Array, Array]:
    """The cost, Hessian (size, size) and gradient (size,) of parts together; they are summed in their order."""
    cost, hessian, gradient = 0.0, np.zeros((size, size)), np.zeros(size)
    for part in parts:
        cost += part.cost
        if isinstance(part, Residuals):
            hessian += part.jacobian.T @ (part.jacobian * part.weight[:, None])
            gradient += part.jacobian.T @ (part.residual * part.weight)
        else:
            np.add.at(hessian, (part.columns[:, :, None], part.columns[:, None, :]), part.hessian)
            np.add.at(gradient, part.columns, part.gradient)
    return cost, hessian, gradient


@dataclass(frozen=True)
class Linearisation:
    """The problem around a state.

    Attributes:
        cost: the (robust) cost, what the solver makes smaller.
        hessian: (n, n) J^T W J.
        gradient: (n,) J^T W r.
        room_below, room_above: (n,) how far each variable may go; at least 0.
    """

    cost: float
    hessian: Array
    gradient: Array
    room_below: Array
    room_above: Array


@dataclass(frozen=True)
class Solution(Generic[State]):
    """Where the solver ended.

    Attributes:
        state: the best state.
        cost: its cost.
        iterations: accepted and refused steps together.
        converged: whether a step became too small to matter before the iterations ran out.
    """

    state: State
    cost: float
    iterations: int
    converged: bool


def minimise(
    state: State,
    linearise: Callable[[State], Linearisation],
    cost: Callable[[State], float],
    retract: Callable[[State, Array], State],
    iterations: int,
    tolerance: float = 1e-4,
    damping: float = 1e-3,
    cancelled: Callable[[], bool] = lambda: False,
    patience: int = 3,
) -> Solution[State]:
    """Walk downhill from ``state``.

    Args:
        state: where to start; must lie inside its bounds.
        linearise: the problem around a state.
        cost: its cost alone (cheaper than linearising).
        retract: the state after a step (n,).
        iterations: at most so many steps are tried.
        tolerance: a step that lowers the cost by less than this part of it has hardly won anything.
        damping: first damping, relative to the diagonal of the Hessian.
        cancelled: asked before each step; ends the walk where it stands.
        patience: stop when so many steps in a row have hardly won anything.
    """
    around = linearise(state)
    growth, lazy = 2.0, 0
    for iteration in range(iterations):
        if cancelled():
            return Solution(state, around.cost, iteration, False)
        step = _bounded_step(around, damping)
        predicted = -(around.gradient @ step + 0.5 * step @ around.hessian @ step)
        if not predicted > 0:
            # Either nothing is left to win, or walls turned the step uphill; more damping distinguishes the two.
            if damping > _MOST_DAMPING or _steepest_gain(around) < 1e-12 * around.cost:
                return Solution(state, around.cost, iteration, True)
            damping *= growth
            growth *= 2.0
            continue
        candidate = retract(state, step)
        candidate_cost = cost(candidate)
        gain = (around.cost - candidate_cost) / predicted
        if gain > 1e-4:
            # One small gain may only mean a careful step; several in a row mean the bottom.
            lazy = lazy + 1 if around.cost - candidate_cost < tolerance * around.cost else 0
            state, around = candidate, linearise(candidate)
            damping = max(damping * max(1 / 3, 1 - (2 * min(float(gain), 1.0) - 1) ** 3), 1e-8)
            growth = 2.0
            if lazy == patience:
                return Solution(state, around.cost, iteration + 1, True)
        else:
            damping *= growth
            growth *= 2.0
            if damping > _MOST_DAMPING:
                return Solution(state, around.cost, iteration + 1, True)
    return Solution(state, around.cost, iterations, False)


def _blocked(around: Linearisation) -> NDArray[np.bool_]:
    """(n,) variables on a wall that the gradient pushes against."""
    return ((around.room_below <= 0) & (around.gradient > 0)) | ((around.room_above <= 0) & (around.gradient < 0))


def _steepest_gain(around: Linearisation) -> float:
    """What moving each free variable by itself would win at most."""
    free = ~_blocked(around)
    return float(np.sum(around.gradient[free] ** 2 / np.maximum(np.diag(around.hessian)[free], 1e-12)))


def _bounded_step(around: Linearisation, damping: float) -> Array:
    """The damped Gauss-Newton step inside the box.

    Variables on a bound that would leave it stay; a variable whose step would cross a bound goes to the bound, and the
    others are solved again with that in mind, until none crosses.
    """
    step, fixed = np.zeros(len(around.gradient)), _blocked(around)
    damped = around.hessian + damping * np.diag(np.maximum(np.diag(around.hessian), 1e-12))
    while not fixed.all():
        free = np.flatnonzero(~fixed)
        pull = around.gradient[free] + damped[np.ix_(free, fixed)] @ step[fixed]
        step[free] = -solve(damped[np.ix_(free, free)], pull)
        crossing = (step < -around.room_below) | (step > around.room_above)
        step = np.clip(step, -around.room_below, around.room_above)
        if not crossing.any():
            break
        fixed = fixed | crossing
    return step


def solve(matrix: Array, vector: Array) -> Array:
    """x with matrix x = vector for a symmetric, positive definite matrix (n, n).

    Small ones by elimination without pivoting, which such a matrix does not need (Golub and Van Loan, "Matrix
    Computations", section 4.2). LAPACK would hand a dozen unknowns to all of the processor's threads: on a busy machine
    they wait for each other longer than the sums take, and a sum that is cut differently rounds differently.
    """
    n = len(vector)
    if n > _SMALL:
        return np.asarray(np.linalg.solve(matrix, vector))
    rows = np.column_stack([matrix, vector])
    for k in range(n - 1):
        rows[k + 1 :, k:] -= (rows[k + 1 :, k] / rows[k, k])[:, None] * rows[k, k:]
    out = np.empty(n)
    for k in range(n - 1, -1, -1):
        out[k] = (rows[k, n] - rows[k, k + 1 : n] @ out[k + 1 :]) / rows[k, k]
    return out
