"""Limbs that got stuck and are restarted, and limbs that are well and left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.fitting.evidence_terms import FitProblem, Weights
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.restarts import retry_limbs
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState

from .test_fit import INTRINSICS, see, state_of

MIDDLE = Weights(2.0, 8.0, 0.8)
KNEELING = {"l_upleg_rz": -1.9, "l_knee_bend": 2.5, "l_upleg_ry": -0.25}
ARM_UP = {"l_uparm_rz": 1.6, "l_uparm_ry": 1.0, "l_elbow_bend": 1.2}


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


def problem_of(body: Body, state: PlacedState) -> FitProblem:
    evidence, _ = see(body, state)
    return FitProblem(body, evidence, INTRINSICS, PosePrior.load(body), weights=MIDDLE)


def turned_away(body: Body, state: PlacedState, side: str, parts: tuple[str, ...], values: dict[str, float]):
    """The state with one limb somewhere else."""
    parameters = state.model_parameters.copy()
    for index, name in enumerate(body.parameter_names):
        if name.startswith(tuple(f"{side}_{part}" for part in parts)) and not name.startswith("scale"):
            parameters[index] = 0.0
    for name, value in values.items():
        parameters[body.parameter_index(name)] = value
    return replace(state, model_parameters=body.parameterisation.clamp(parameters))


@pytest.mark.parametrize(
    ("pose", "parts", "elsewhere"),
    [
        (KNEELING, ("upleg", "knee", "lowleg", "foot"), {"l_upleg_rz": 0.9, "l_knee_bend": 0.0}),
        (ARM_UP, ("uparm", "elbow", "lowarm"), {"l_uparm_rz": -0.7, "l_uparm_ry": -0.6}),
    ],
    ids=["leg", "arm"],
)
def test_a_limb_that_is_somewhere_else_finds_its_way(body: Body, pose, parts, elsewhere) -> None:
    true = state_of(body, pose)
    problem = problem_of(body, true)
    wrong = turned_away(body, true, "l", parts, elsewhere)
    found, steps = retry_limbs(problem, wrong)
    assert steps > 0
    assert problem.pixel_distances(wrong).max() > 100
    assert problem.cost(found) < 0.2 * problem.cost(wrong)
    assert problem.pixel_distances(found).max() < 25


def test_other_limbs_stay(body: Body) -> None:
    true = state_of(body, KNEELING)
    problem = problem_of(body, true)
    found, _ = retry_limbs(problem, turned_away(body, true, "l", ("upleg", "knee"), {"l_upleg_rz": 0.9}))
    others = [i for i, name in enumerate(body.parameter_names) if name.startswith("r_")]
    np.testing.assert_array_equal(found.model_parameters[others], true.model_parameters[others])


def test_limbs_that_fit_are_left_alone(body: Body) -> None:
    true = state_of(body, {"l_elbow_bend": 0.9, "r_knee_bend": 0.8, "r_upleg_rz": -0.7})
    found, steps = retry_limbs(problem_of(body, true), true)
    assert found is true
    assert steps == 0
