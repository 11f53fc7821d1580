"""The temporal fit on motions of which all is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.camera import mhr_to_camera
from native_runtime.errors import UsageError
from native_runtime.fitting.evidence_terms import FitProblem, Weights, points_of
from native_runtime.fitting.pins import Pin
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.problem import project
from native_runtime.fitting.solver import minimise
from native_runtime.mhr import Body, ColumnSet, joint_points
from native_runtime.mhr.rotations import rotation_vector_to_matrix
from native_runtime.takes.ground import flat_heights, soles_in_world
from native_runtime.takes.observations import FrameObservation
from native_runtime.takes.quality import foot_slide
from native_runtime.takes.temporal import TemporalFit, TemporalOptions, fit_take
from native_runtime.takes.temporal.frames import FrameProblems
from native_runtime.takes.temporal.motion import joint_jacobians
from native_runtime.takes.temporal.repairs import exchanged, mirrored, repaired
from native_runtime.takes.temporal.smoothness import Smoothness
from native_runtime.takes.temporal.stance import Stance
from native_runtime.takes.temporal.whole import TakeProblem, TakeStep
from tests.support.moving import LENS, Moving, joints_of, observed, walker

FRAMES = 24
FPS = 30.0


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


@pytest.fixture(scope="module")
def motion(body: Body) -> Moving:
    return walker(body, FRAMES)


def _begun(motion: Moving, observations: list[FrameObservation], at: int = 10) -> list[FrameObservation]:
    """With a start, off the truth, in one frame: no still fit is needed."""
    state = motion.states[at]
    parameters = state.model_parameters.copy()
    parameters[6:136] += 0.05
    parameters = motion.body.parameterisation.clamp(parameters)
    out = list(observations)
    out[at] = replace(out[at], start=replace(state, model_parameters=parameters))
    return out


@pytest.fixture(scope="module")
def noisy(motion: Moving) -> list[FrameObservation]:
    return _begun(motion, observed(motion, 1.0))


@pytest.fixture(scope="module")
def fitted(body: Body, noisy: list[FrameObservation]) -> TemporalFit:
    return fit_take(body, noisy, LENS, FPS)


def _errors(motion: Moving, joints: np.ndarray) -> tuple[float, float]:
    """Mean error from the root, mm, and of accelerations, m/s^2, over the joints of trunk and limbs."""
    body = motion.body
    limbs = [f"{s}_{joint}" for s in "lr" for joint in ("upleg", "lowleg", "foot", "uparm", "lowarm", "wrist")]
    index = [body.joint_index(name) for name in ("root", "c_head", *limbs)]
    off = joints[:, index] - motion.joints[:, index]
    acceleration = np.linalg.norm(np.diff(off, 2, axis=0), axis=2).mean() * FPS**2
    return float(1000 * np.linalg.norm(off - off[:, :1], axis=2).mean()), float(acceleration)


def _states(fit: TemporalFit) -> list:
    return [fit.state(index) for index in range(len(fit.frames))]


def test_it_is_better_and_steadier_than_frame_by_frame(
    body: Body, motion: Moving, noisy: list[FrameObservation], fitted: TemporalFit
) -> None:
    prior = PosePrior.load(body).with_mixtures(body)
    free = np.array(["thumb" not in n and not any(f in n for f in ("index", "middle", "ring", "pinky"))
                     for n in (body.parameter_names[k] for k in prior.parameters)])  # fmt: skip
    alone = []
    for truth, one in zip(motion.states, noisy, strict=True):
        assert one.evidence is not None
        problem = FitProblem(body, one.evidence, LENS, prior, free)
        alone.append(minimise(truth, problem.linearise, problem.cost, problem.retract, 8).state)
    single, whole = _errors(motion, joints_of(body, alone)), _errors(motion, joints_of(body, _states(fitted)))
    assert whole[0] < 0.85 * single[0]
    assert whole[1] < 0.3 * single[1]


def test_bones_keep_their_lengths_and_nothing_lags(body: Body, motion: Moving, fitted: TemporalFit) -> None:
    assert np.ptp(fitted.model_parameters[:, 136:], axis=0).max() == 0
    assert fitted.frames.tolist() == list(range(FRAMES))
    found, true = (np.diff(places - places[:, :2].mean(axis=1, keepdims=True), axis=0) for places in (
        joints_of(body, _states(fitted)), motion.joints))  # fmt: skip
    alike = {lag: float(np.sum(found[3:-3] * np.roll(true, lag, axis=0)[3:-3])) for lag in range(-3, 4)}
    assert max(alike, key=alike.__getitem__) == 0


def test_gaps_exchanges_and_jumps_are_mended(body: Body, motion: Moving, noisy: list[FrameObservation]) -> None:
    spoiled = [one for one in noisy if one.frame not in (14, 15, 16)]
    for k, one in enumerate(spoiled):
        assert one.evidence is not None
        if one.frame == 5:
            spoiled[k] = replace(one, evidence=exchanged(one.evidence, "sides exchanged"))
        if one.frame in (7, 8):
            spoiled[k] = replace(one, evidence=exchanged(one.evidence, "legs exchanged"))
        if one.frame == 19:
            points = replace(one.evidence.points, positions=one.evidence.points.positions + [400.0, -100.0])
            spoiled[k] = replace(one, evidence=replace(one.evidence, points=points))
    fit = fit_take(body, spoiled, LENS, FPS)
    assert fit.repairs == {5: "sides exchanged", 7: "legs exchanged", 8: "legs exchanged", 19: "jump"}
    assert fit.frames.tolist() == list(range(FRAMES))
    assert (fit.seen == 0).nonzero()[0].tolist() == [14, 15, 16, 19]
    off = np.linalg.norm(joints_of(body, _states(fit)) - motion.joints, axis=2)
    ankles = [body.joint_index(f"{side}_foot") for side in "lr"]
    assert off[:, ankles].max() < 0.15
    assert off.mean(axis=1).max() < 0.08


def test_nothing_is_repaired_where_nothing_is_wrong(noisy: list[FrameObservation]) -> None:
    assert repaired(noisy, FPS)[1] == {}


def test_sides_have_names_of_their_own() -> None:
    assert mirrored("left_wrist") == "right_wrist"
    assert mirrored("blazepose_11") == "blazepose_12"
    assert mirrored("nose") == "nose"
    assert mirrored("right_hand_3") == "left_hand_3"
    assert mirrored("blazepose_09") == "blazepose_10"


def test_a_pin_acts_on_its_frame_and_fades(body: Body, noisy: list[FrameObservation], fitted: TemporalFit) -> None:
    points = points_of(body, ("left_wrist",))

    def seen(fit: TemporalFit) -> np.ndarray:
        return np.stack([
            project(mhr_to_camera(points.positions(body.pose(s.model_parameters), s.identity), s.camera_translation),
                    LENS)[0]
            for s in _states(fit)
        ])  # fmt: skip

    before = seen(fitted)
    target = before[12] + [30.0, -20.0]
    pinned = list(noisy)
    pinned[12] = replace(pinned[12], pins=(Pin("left_wrist", target),))
    moved = seen(fit_take(body, pinned, LENS, FPS, options=TemporalOptions(pin_fade=0.2)))
    away = np.linalg.norm(moved - before, axis=1)
    assert np.linalg.norm(moved[12] - target) < 5.0
    assert away[12] > away[15] > 3.0
    assert away[[*range(6), *range(19, 24)]].max() < 0.01


def test_joints_move_together_as_they_do_alone(body: Body, motion: Moving) -> None:
    joints = np.array([body.joint_index(name) for name in ("root", "l_wrist", "c_head", "r_ball")])
    columns = ColumnSet.of(body, PosePrior.load(body).parameters)
    parameters = np.stack([state.model_parameters for state in motion.states[:3]])
    parameters[:, body.parameter_index("scale_l_hands")] = 0.2
    pose = body.pose(parameters)
    found = joint_jacobians(body, joints, columns, pose.joints, pose.scales, pose.joint_parameters)
    for values, own in zip(parameters, found, strict=True):
        alone = joint_points(body, joints).parameter_jacobian(body.pose(values), columns)
        np.testing.assert_allclose(own, alone, atol=1e-9)


def test_derivatives_are_those_of_the_cost(body: Body, motion: Moving, noisy: list[FrameObservation]) -> None:
    prior = PosePrior.load(body).with_mixtures(body)
    problems = FrameProblems(body, LENS, prior, 0.1, 400.0)
    free = problems.free(False, True)
    parameters = prior.parameters[free]
    lengths = int(np.sum(parameters >= 136))
    smooth = Smoothness.of(body, parameters[:-lengths], FPS, 4.0, 20.0, 2.0)
    held = np.zeros((5, 4), bool)
    held[1:, 0] = held[:3, 3] = True
    floor = np.array([0.0, -1.0, 0.0, 0.9])
    turned = np.tile(np.eye(4), (5, 1, 1))
    turned[:, :3, :3] = rotation_vector_to_matrix(np.array([0.1, 0.2, 0.0]))
    take = TakeProblem(
        body, [problems.of(one, free, Weights()) for one in noisy[:5]], smooth, lengths, turned,
        stance=Stance.of(held, floor, flat_heights(body)),
    )  # fmt: skip
    rng = np.random.default_rng(4)
    states = motion.states[:5]
    around = take.linearise(states)
    assert around.cost == pytest.approx(take.cost(states))
    for _ in range(3):
        # what is at a limit cannot go both ways
        inside = [np.minimum(low, high) > 1e-4 for low, high in (
            (around.below.own, around.above.own), (around.below.shared, around.above.shared))]  # fmt: skip
        step = TakeStep(inside[0] * rng.normal(size=(5, take.own)), inside[1] * rng.normal(size=take.shared))
        size = 1e-6
        costs = [
            take.cost(take.retract(states, TakeStep(sign * size * step.own, sign * size * step.shared)))
            for sign in (1, -1)
        ]
        slope = (costs[0] - costs[1]) / (2 * size)
        expected = float(np.sum(around.gradient.own * step.own) + around.gradient.shared @ step.shared)
        assert slope == pytest.approx(expected, rel=1e-2)


def test_feet_that_stand_stay_where_they_are(body: Body, motion: Moving) -> None:
    """Somebody stands and sways, and depth is off by a noise of its own in every frame."""
    swaying = []
    for k in range(12):
        parameters = motion.states[3].model_parameters.copy()
        parameters[6:136] = 0.0
        parameters[body.parameter_index("spine_lean0")] += 0.1 * np.sin(0.5 * k)
        swaying.append(replace(motion.states[3], model_parameters=parameters))
    still = Moving(body, swaying)
    seen = _begun(still, observed(still, 1.0), at=5)
    slides = []
    for stance in (False, True):
        fit = fit_take(body, seen, LENS, FPS, options=TemporalOptions(stance=stance))
        soles = soles_in_world(body, fit.model_parameters, fit.identity, fit.camera_translation)
        slides.append(foot_slide(soles, np.ones(soles.shape[:2], bool)))
    assert slides[1] < 0.5 < 1.0 < slides[0]


def test_windows_agree_with_all_frames_at_once(body: Body, motion: Moving, noisy: list[FrameObservation]) -> None:
    options = TemporalOptions(window=16, overlap=10, skeleton_frames=12)
    parts = fit_take(body, noisy, LENS, FPS, options=options)
    assert np.ptp(parts.model_parameters[:, 136:], axis=0).max() == 0
    whole = fit_take(body, noisy, LENS, FPS)
    apart = np.linalg.norm(joints_of(body, _states(parts)) - joints_of(body, _states(whole)), axis=2)
    assert apart.mean() < 0.03


@pytest.mark.parametrize("count", [1, 2])
def test_takes_of_a_frame_or_two_are_fitted(
    body: Body, motion: Moving, noisy: list[FrameObservation], count: int
) -> None:
    fit = fit_take(body, noisy[10 : 10 + count], LENS, FPS)
    assert fit.frames.tolist() == list(range(10, 10 + count))
    assert np.linalg.norm(joints_of(body, _states(fit))[0] - motion.joints[10], axis=1).mean() < 0.1


def test_a_camera_that_moves_does_not_bend_the_motion(body: Body, motion: Moving) -> None:
    """Somebody who stands before a camera that swings to and fro stands still in the world."""
    still = Moving(body, [motion.states[3]] * 12)
    swing = 0.3 * np.sin(np.arange(12))
    poses = np.tile(np.eye(4), (12, 1, 1))
    poses[:, 0, 3] = swing
    seen = Moving(body, [
        replace(state, camera_translation=state.camera_translation - [x, 0, 0])
        for state, x in zip(still.states, swing, strict=True)
    ])  # fmt: skip
    fit = fit_take(body, _begun(seen, observed(seen, 0.3), at=5), LENS, FPS, camera_to_world=poses)
    places = joints_of(body, _states(fit))[:, body.joint_index("root")] + poses[:, :3, 3]
    assert np.ptp(places[:, 0]) < 0.05
    with pytest.raises(UsageError, match="camera poses"):
        fit_take(body, _begun(seen, observed(seen, 0.3), at=5), LENS, FPS, camera_to_world=poses[:3])


def test_a_fit_that_is_cancelled_still_answers(body: Body, noisy: list[FrameObservation]) -> None:
    told: list[float] = []
    fit = fit_take(body, noisy[:12], LENS, FPS, cancelled=lambda: True, progress=told.append)
    assert np.isfinite(fit.model_parameters).all()
    assert fit.iterations == 0
    assert told == sorted(told)
    assert told[-1] == 1.0
