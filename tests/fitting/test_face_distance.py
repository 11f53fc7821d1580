"""The distance of a head by the size of its face: its derivatives, and that the head comes there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.fitting.evidence import Directions, Evidence, HeadDistance, Points2D
from native_runtime.fitting.evidence_terms import FitProblem
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.solver import minimise
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState

from .test_fit import INTRINSICS, state_of

EYES = ("left_eye", "right_eye")


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


def problem_of(body: Body, metres: float, sigma: float = 0.05) -> FitProblem:
    nothing = Points2D((), np.zeros((0, 2)), np.zeros(0), np.zeros(0), np.zeros(0, bool))
    nowhere = Directions((), (), np.zeros((0, 3)), np.zeros(0), np.zeros(0))
    evidence = Evidence(nothing, nowhere, 500.0, head=HeadDistance(EYES, metres, sigma))
    return FitProblem(body, evidence, INTRINSICS, PosePrior.load(body))


def eyes(problem: FitProblem, state: PlacedState) -> float:
    return float(problem.points.camera(problem.pose(state), state)[:, 2].mean())


def test_derivatives_are_those_of_the_cost(body: Body) -> None:
    state = state_of(body, {"neck_bend": 0.2})
    problem = problem_of(body, 1.2 * eyes(problem_of(body, 1.0), state))
    gradient = problem.linearise(state).gradient
    assert np.abs(gradient).max() > 1.0
    rng = np.random.default_rng(0)
    for _ in range(4):
        way = rng.normal(size=problem.size) * 1e-5
        slope = (problem.cost(problem.retract(state, way)) - problem.cost(problem.retract(state, -way))) / 2
        assert slope == pytest.approx(float(gradient @ way), rel=5e-3, abs=1e-9)


def test_the_head_comes_to_its_distance(body: Body) -> None:
    start = state_of(body, {})
    wanted = 1.3 * eyes(problem_of(body, 1.0), start)
    problem = problem_of(body, wanted)
    found = minimise(start, problem.linearise, problem.cost, problem.retract, 30, 1e-6, 1e-3).state
    assert eyes(problem, found) == pytest.approx(wanted, rel=1e-3)
