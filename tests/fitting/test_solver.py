"""The solver, on problems whose answer is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from native_runtime.fitting import solver
from native_runtime.fitting.solver import Linearisation, Solution, minimise

UNBOUNDED = (np.full(2, -np.inf), np.full(2, np.inf))


def solve(
    residual, jacobian, start, bounds=UNBOUNDED, iterations: int = 200, cancelled=lambda: False
) -> Solution[np.ndarray]:
    low, high = bounds

    def cost(x: np.ndarray) -> float:
        return 0.5 * float(residual(x) @ residual(x))

    def linearise(x: np.ndarray) -> Linearisation:
        j, r = jacobian(x), residual(x)
        return Linearisation(cost(x), j.T @ j, j.T @ r, x - low, high - x)

    def retract(x: np.ndarray, step: np.ndarray) -> np.ndarray:
        return np.clip(x + step, low, high)

    return minimise(np.array(start, float), linearise, cost, retract, iterations, 1e-14, cancelled=cancelled)


def rosenbrock(x: np.ndarray) -> np.ndarray:
    return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def rosenbrock_jacobian(x: np.ndarray) -> np.ndarray:
    return np.array([[-20 * x[0], 10.0], [-1.0, 0.0]])


def test_finds_the_bottom_of_a_bent_valley() -> None:
    found = solve(rosenbrock, rosenbrock_jacobian, [-1.2, 1.0])
    np.testing.assert_allclose(found.state, [1, 1], atol=1e-6)
    assert found.converged


def test_stops_at_the_box_and_slides_along_it() -> None:
    found = solve(rosenbrock, rosenbrock_jacobian, [-1.2, 1.0], (np.array([-2.0, -2.0]), np.array([0.5, 2.0])))
    np.testing.assert_allclose(found.state, [0.5, 0.25], atol=1e-5)


@pytest.mark.parametrize("seed", range(10))
def test_bounded_linear_problems_meet_their_optimality_conditions(seed: int) -> None:
    """At the answer the gradient is zero inside the box, and points outwards on its walls (Karush, Kuhn, Tucker)."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(12, 6)), rng.normal(size=12) * 3
    low, high = -rng.uniform(0.05, 0.5, 6), rng.uniform(0.05, 0.5, 6)
    found = solve(lambda x: a @ x - b, lambda _: a, np.zeros(6), (low, high))
    gradient = a.T @ (a @ found.state - b)
    assert np.all(found.state >= low)
    assert np.all(found.state <= high)
    inside = (found.state > low) & (found.state < high)
    np.testing.assert_allclose(gradient[inside], 0, atol=1e-3)
    assert np.all(gradient[found.state == low] >= -1e-9)
    assert np.all(gradient[found.state == high] <= 1e-9)


def test_cancelling_keeps_the_best_so_far() -> None:
    calls = iter([False] * 8 + [True])
    found = solve(rosenbrock, rosenbrock_jacobian, [-1.2, 1.0], cancelled=lambda: next(calls))
    start = rosenbrock(np.array([-1.2, 1.0]))
    assert not found.converged
    assert found.cost < 0.5 * start @ start


def test_the_cost_never_rises() -> None:
    seen: list[float] = []

    def residual(x: np.ndarray) -> np.ndarray:
        return np.array([np.sin(3 * x[0]) + 0.1 * x[0], x[1] ** 3 - 1])

    def jacobian(x: np.ndarray) -> np.ndarray:
        return np.array([[3 * np.cos(3 * x[0]) + 0.1, 0], [0, 3 * x[1] ** 2]])

    for iterations in range(12):
        seen.append(solve(residual, jacobian, [2.0, 3.0], iterations=iterations).cost)
    assert all(later <= earlier for earlier, later in itertools.pairwise(seen))


@pytest.mark.parametrize("size", [1, 2, 9, 64, 65])
def test_linear_systems_are_solved(size: int) -> None:
    rng = np.random.default_rng(size)
    jacobian, truth = rng.normal(size=(2 * size, size)), rng.normal(size=size)
    matrix = jacobian.T @ jacobian + 1e-3 * np.eye(size)
    np.testing.assert_allclose(solver.solve(matrix, matrix @ truth), truth, rtol=1e-7, atol=1e-9)


def test_small_systems_are_solved_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """LAPACK's threads cut sums differently from run to run on a busy machine, and wait for each other."""

    def refuse(*_: object) -> None:
        raise AssertionError("LAPACK was asked")

    monkeypatch.setattr(np.linalg, "solve", refuse)
    solution = solve(lambda x: x - [1.0, 2.0], lambda _: np.eye(2), (0.0, 0.0))
    np.testing.assert_allclose(solution.state, [1.0, 2.0], atol=1e-6)
