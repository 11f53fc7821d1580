"""The mixtures of the pose prior, as terms of the fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.camera import Gravity
from native_runtime.fitting.evidence import Directions, Evidence, Points2D
from native_runtime.fitting.evidence_terms import FitProblem, Weights
from native_runtime.fitting.fit import fit_body
from native_runtime.fitting.pose_mixture import PoseMixture, mirror_map, up_for_pelvis
from native_runtime.fitting.prior import PosePrior
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from tests.fitting.test_fit import INTRINSICS, see, state_of
from tests.support.bodies import toy_body


def nothing_seen() -> Evidence:
    points = Points2D((), np.zeros((0, 2)), np.zeros(0), np.zeros(0), np.zeros(0, bool))
    return Evidence(points, Directions((), (), np.zeros((0, 3)), np.zeros(0), np.zeros(0)), 500.0)


def some_mixture(rng: np.random.Generator) -> PoseMixture:
    spreads = rng.normal(0, 0.3, (5, 4, 4))
    covariances = spreads @ spreads.transpose(0, 2, 1) + 0.05 * np.eye(4)
    return PoseMixture.of(np.arange(7, 11), False, rng.dirichlet(np.ones(5)), rng.normal(0, 1, (5, 4)), covariances)


def test_cost_gradient_and_bound_of_a_mixture() -> None:
    rng = np.random.default_rng(0)
    mixture = some_mixture(rng)
    for _ in range(20):
        values = rng.normal(0, 1, 4)
        cost, gradient, curvature = mixture.quadratic(values)
        assert cost == pytest.approx(mixture.cost(values))
        assert cost >= 0
        step = 1e-6 * np.eye(4)
        numeric = [(mixture.cost(values + s) - mixture.cost(values - s)) / 2e-6 for s in step]
        np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-6)
        assert np.linalg.eigvalsh(curvature).min() > 0
        for move in rng.normal(0, 1, (20, 4)):
            bound = cost + gradient @ move + 0.5 * move @ curvature @ move
            assert mixture.cost(values + move) <= bound + 1e-9


def test_all_derivatives_with_mixtures_equal_finite_differences() -> None:
    """Angles and the body's rotation, under a tilted camera."""
    body = toy_body()
    up = np.array([0.1, -0.95, 0.2]) / np.linalg.norm([0.1, -0.95, 0.2])
    prior = PosePrior.load(body).with_mixtures(body, Gravity(up, 0.1))
    rng = np.random.default_rng(1)
    parameters = prior.natural_parameters(body)
    parameters[prior.parameters] += rng.normal(size=len(prior.parameters)) * 0.1
    parameters[3:6] = 0.3, -0.6, 0.2
    parameters = body.parameterisation.clamp(parameters)
    state = PlacedState(parameters, np.zeros(body.identity_count), np.zeros(2), np.array([0.0, 1.0, 4.0]))
    problem = FitProblem(body, nothing_seen(), np.eye(3), prior, weights=Weights(prior=0.7))
    gradient = problem.linearise(state).gradient
    numeric = np.zeros(problem.size)
    for slot in range(problem.size):
        step = np.zeros(problem.size)
        step[slot] = 1e-6
        numeric[slot] = (
            problem.cost(problem.retract(state, step)) - problem.cost(problem.retract(state, -step))
        ) / 2e-6
    values = state.model_parameters[problem.parameters]
    room = np.minimum(values - body.limit_min[problem.parameters], body.limit_max[problem.parameters] - values) > 1e-5
    compare = np.concatenate([np.ones(6, bool), room])
    assert np.abs(gradient[:3]).max() > 1e-3  # the rotation is part of it
    np.testing.assert_allclose(gradient[compare], numeric[compare], rtol=1e-4, atol=1e-4)


def test_the_mixtures_do_not_know_left_from_right(default_body_path: Path) -> None:
    body = Body.load(default_body_path)
    rng = np.random.default_rng(2)
    for mixture in PosePrior.load(body).with_mixtures(body).mixtures:
        names = [body.parameter_names[k] for k in mixture.parameters]
        swap, sign = mirror_map(names, mixture.upright)
        for values in rng.normal(0, 0.5, (10, len(swap))):
            assert mixture.cost(values) == pytest.approx(mixture.cost(values[swap] * sign), rel=1e-9)


def test_what_no_mixture_is_about_keeps_its_own_spread() -> None:
    body = toy_body()
    prior = PosePrior.load(body).with_mixtures(body)
    names = np.array([body.parameter_names[k] for k in prior.parameters])
    assert {"l_index1_rz", "scale_uplegs"} <= set(names[prior.alone])
    assert not {"l_knee_bend", "spine_bend0", "r_uparm_rz"} & set(names[prior.alone])
    assert prior.around(prior.natural_parameters(body)).alone.all()


def test_up_for_the_pelvis_turns_with_it() -> None:
    parameters = np.zeros(204)
    up = np.array([0.0, 1.0, 0.0])
    np.testing.assert_allclose(up_for_pelvis(parameters, up), up)
    parameters[3] = np.pi / 2  # lying face down or up: up is along the pelvis's depth
    assert abs(up_for_pelvis(parameters, up)[2]) == pytest.approx(1.0)
    parameters[3], parameters[4] = 0.0, 1.3  # turning about the vertical changes nothing
    np.testing.assert_allclose(up_for_pelvis(parameters, up), up, atol=1e-12)


FEET = ("ankle", "heel", "toe")
LEGS = ("knee", *FEET)


def tilts(body: Body, state: PlacedState, start: str, end: str) -> list[float]:
    """Degrees between a limb and straight down, left and right, before a level camera."""
    pose = body.pose(state.model_parameters)
    points = dict(zip(body.keypoint_names, body.keypoints(pose, body.vertices(state.model_parameters, state.identity))))
    limbs = [points[f"{side}_{end}"] - points[f"{side}_{start}"] for side in ("left", "right")]
    return [float(np.degrees(np.arccos(-limb[1] / np.linalg.norm(limb)))) for limb in limbs]


@pytest.mark.parametrize("yaw", [0.0, 1.2])
def test_the_unseen_shanks_of_somebody_who_sits_hang(default_body_path: Path, yaw: float) -> None:
    body = Body.load(default_body_path)
    truth = state_of(body, {f"{s}_upleg_rz": -1.45 for s in "lr"} | {f"{s}_knee_bend": 1.5 for s in "lr"}, yaw)
    evidence, _ = see(body, truth, FEET)
    plain = fit_body(body, evidence, INTRINSICS, prior=PosePrior.load(body))
    learnt = fit_body(body, evidence, INTRINSICS)
    assert max(tilts(body, learnt.state, "knee", "ankle")) < 30
    assert min(tilts(body, plain.state, "knee", "ankle")) > 45  # they were stretched out
    assert not body.parameterisation.violation(learnt.state.model_parameters).any()


def test_unseen_legs_stand_under_a_trunk_that_leans(default_body_path: Path) -> None:
    body = Body.load(default_body_path)
    truth = state_of(body, {f"{s}_upleg_rz": -0.6 for s in "lr"}, 0.9)
    parameters = truth.model_parameters.copy()
    parameters[3] = 0.6
    evidence, _ = see(body, PlacedState(parameters, truth.identity, truth.expression, truth.camera_translation), LEGS)
    plain = fit_body(body, evidence, INTRINSICS, prior=PosePrior.load(body))
    learnt = fit_body(body, evidence, INTRINSICS)
    assert max(tilts(body, learnt.state, "hip", "knee")) < 18
    assert min(tilts(body, plain.state, "hip", "knee")) > 25  # they trailed behind


def test_a_pixel_does_not_flip_what_is_unseen(default_body_path: Path) -> None:
    body = Body.load(default_body_path)
    evidence, _ = see(body, state_of(body, {"l_elbow_bend": 1.0, "spine_bend0": 0.3}, 0.4), LEGS)
    first = fit_body(body, evidence, INTRINSICS)
    moved = evidence.points.positions + np.array([1.0, 0.0])
    points = Points2D(
        evidence.points.names, moved, *(getattr(evidence.points, n) for n in ("sigmas", "weights", "trusted"))
    )
    second = fit_body(body, Evidence(points, evidence.directions, evidence.person_size), INTRINSICS)
    legs = [k for k, name in enumerate(body.parameter_names) if "upleg" in name or "knee" in name]
    apart = first.state.model_parameters[legs] - second.state.model_parameters[legs]
    assert np.abs(apart).max() < 0.03
    again = fit_body(body, evidence, INTRINSICS)
    np.testing.assert_array_equal(first.state.model_parameters, again.state.model_parameters)
