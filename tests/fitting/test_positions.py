"""Evidence of where joints are in space: its derivatives, what it draws, and that a gross error does not drag."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.camera import mhr_to_camera
from native_runtime.fitting.evidence import Directions, Evidence, Points2D, Positions3D
from native_runtime.fitting.evidence_terms import FitProblem
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.solver import minimise
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import rotation_vector_to_matrix
from native_runtime.mhr.state import PlacedState

from .test_fit import INTRINSICS, state_of

NAMES = ("left_shoulder", "right_shoulder", "left_elbow", "left_wrist", "left_hip", "right_hip", "left_knee")
ABOUT = ("left_hip", "right_hip")


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


def places(body: Body, state: PlacedState) -> np.ndarray:
    """(7, 3) m of ``NAMES`` from the middle of the hips, camera axes."""
    pose = body.pose(state.model_parameters)
    points = mhr_to_camera(body.keypoints(pose, body.vertices(state.model_parameters, state.identity)))
    found = points[[body.keypoint_names.index(name) for name in NAMES]]
    return found - found[[NAMES.index(name) for name in ABOUT]].mean(axis=0)


def problem_of(body: Body, positions: np.ndarray, sigma: float = 0.02) -> FitProblem:
    nothing = Points2D((), np.zeros((0, 2)), np.zeros(0), np.zeros(0), np.zeros(0, bool))
    nowhere = Directions((), (), np.zeros((0, 3)), np.zeros(0), np.zeros(0))
    axes = rotation_vector_to_matrix(np.array([0.2, -0.3, 0.1]))
    sigmas = np.full((len(NAMES), 3), sigma) * [1, 1, 2]
    seen = Positions3D(NAMES, positions, sigmas, np.ones(len(NAMES)), ABOUT, axes)
    return FitProblem(body, Evidence(nothing, nowhere, 500.0, positions=seen), INTRINSICS, PosePrior.load(body))


def test_derivatives_are_those_of_the_cost(body: Body) -> None:
    state = state_of(body, {"l_elbow_bend": 0.8, "l_uparm_rz": 0.4})
    problem = problem_of(body, places(body, state_of(body, {"l_elbow_bend": 1.3, "r_knee_bend": 0.6})), sigma=0.3)
    gradient = problem.linearise(state).gradient
    rng = np.random.default_rng(0)
    for _ in range(4):
        way = rng.normal(size=problem.size) * 1e-5
        slope = (problem.cost(problem.retract(state, way)) - problem.cost(problem.retract(state, -way))) / 2
        assert slope == pytest.approx(float(gradient @ way), rel=2e-3, abs=1e-9)


def test_a_limb_is_drawn_to_its_place(body: Body) -> None:
    true, start = state_of(body, {"l_elbow_bend": 1.4, "l_uparm_rz": 0.5}), state_of(body, {})
    problem = problem_of(body, places(body, true))
    found = minimise(start, problem.linearise, problem.cost, problem.retract, 60, 1e-5, 1e-2).state
    before, after = (np.linalg.norm(places(body, one) - places(body, true), axis=1).max() for one in (start, found))
    assert before > 0.2
    assert after < 0.03


def test_one_place_that_is_far_off_does_not_drag_the_others(body: Body) -> None:
    true = state_of(body, {"l_elbow_bend": 1.0})
    wrong = places(body, true)
    wrong[NAMES.index("left_knee")] += [0.9, 0.0, -0.9]
    problem = problem_of(body, wrong)
    found = minimise(true, problem.linearise, problem.cost, problem.retract, 40, 1e-5, 1e-2).state
    off = np.linalg.norm(places(body, found) - places(body, true), axis=1)
    assert off[: NAMES.index("left_knee")].max() < 0.03


def test_where_the_whole_body_is_does_not_count(body: Body) -> None:
    state = state_of(body, {"l_elbow_bend": 1.0})
    problem = problem_of(body, places(body, state))
    moved = replace(state, camera_translation=state.camera_translation + [0.5, -0.2, 1.0])
    assert problem.cost(moved) == pytest.approx(problem.cost(state))
