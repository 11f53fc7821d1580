"""The quick re-solve: pins are met, the rest stays, and nothing depends on the way there."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from native_runtime.fitting.hold import distances_along, hold, limbs_of, turned
from native_runtime.fitting.pins import Pin, PinTerm, RootTether
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.problem import FitProblem, FitState, named_rows, project
from native_runtime.fitting.refit import Refit, limb_parameters, refit
from native_runtime.mhr import Body

from .test_fit import INTRINSICS, POSES, see, state_of

MET = 0.003
"""Of the person's height: 3 px of a person who is 1,000 px tall."""
STILL = 0.01


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


def pixels_of(body: Body, state: FitState) -> dict[str, np.ndarray]:
    _, points = see(body, state)
    return dict(zip(body.keypoint_names, project(points, INTRINSICS), strict=True))


def pinned(body: Body, state: FitState, places: dict[str, np.ndarray]) -> Refit:
    evidence, _ = see(body, state)
    return refit(body, evidence, INTRINSICS, state, [Pin(name, place) for name, place in places.items()])


def limb_of(name: str) -> str:
    side = name.split("_")[0]
    if any(part in name for part in ("knee", "ankle", "heel", "toe", "hip")):
        return f"{side} leg"
    return "head" if any(part in name for part in ("nose", "eye", "ear", "neck")) else f"{side} arm"


def test_without_pins_nothing_moves(body: Body) -> None:
    state = state_of(body, POSES["lunge"])
    assert pinned(body, state, {}).state is state
    places = pixels_of(body, state)
    held = pinned(body, state, {name: places[name] for name in ("nose", "left_wrist", "right_heel")})
    np.testing.assert_allclose(held.state.model_parameters, state.model_parameters, atol=1e-6)


@pytest.mark.parametrize("pose", POSES, ids=str)
@pytest.mark.parametrize(
    ("keypoint", "shift"),
    [
        ("left_wrist", (-0.04, -0.05)),
        ("right_elbow", (-0.03, 0.0)),
        ("left_ankle", (0.06, -0.05)),
        ("right_knee", (0.03, -0.02)),
        ("nose", (0.03, 0.01)),
        ("left_hip", (0.02, 0.0)),
        ("right_shoulder", (0.0, -0.015)),
    ],
)
def test_a_pin_is_met_and_other_limbs_stay(body: Body, pose: str, keypoint: str, shift: tuple[float, float]) -> None:
    state = state_of(body, POSES[pose])
    before, size = pixels_of(body, state), see(body, state)[0].person_size
    result = pinned(body, state, {keypoint: before[keypoint] + np.array(shift) * size})
    after = pixels_of(body, result.state)
    assert result.rests.max() < MET * size
    assert not body.parameterisation.violation(result.state.model_parameters).any()
    trunk = ("hip", "shoulder", "acromion", "neck")
    moved = {
        name: float(np.linalg.norm(after[name] - before[name]) / size)
        for name in body.keypoint_names
        if limb_of(name) != limb_of(keypoint) and not any(part in name for part in trunk)
    }
    assert max(moved.values()) < STILL, max(moved, key=lambda name: moved[name])


@pytest.mark.parametrize(("start", "end"), [("natural", "arms up"), ("arms up", "natural"), ("sitting", "arms up")])
@pytest.mark.parametrize("names", [("left_wrist",), ("left_elbow", "left_wrist"), ("right_wrist",)])
def test_far_drags_within_reach_are_met(body: Body, start: str, end: str, names: tuple[str, ...]) -> None:
    state, goal = state_of(body, POSES[start]), state_of(body, POSES[end])
    target, size = pixels_of(body, goal), see(body, state)[0].person_size
    before = pixels_of(body, state)
    assert max(np.linalg.norm(target[name] - before[name]) for name in names) > 0.2 * size
    assert pinned(body, state, {name: target[name] for name in names}).rests.max() < MET * size


def test_a_pin_out_of_reach_is_told_of_and_tears_nothing(body: Body) -> None:
    state = state_of(body, {})
    before, size = pixels_of(body, state), see(body, state)[0].person_size
    result = pinned(body, state, {"left_wrist": before["left_wrist"] + np.array([1.0, -0.4]) * size})
    after = pixels_of(body, result.state)
    assert result.rests[0] > 0.3 * size
    others = [name for name in before if limb_of(name) in ("right leg", "left leg", "right arm", "head")]
    assert max(np.linalg.norm(after[name] - before[name]) for name in others) < 0.06 * size
    lengths = [np.linalg.norm(np.diff(body.pose(s.model_parameters).translations, axis=0), axis=1)
               for s in (state, result.state)]  # fmt: skip
    assert np.abs(lengths[1] - lengths[0]).max() < 0.12 * lengths[0].max()
    assert not body.parameterisation.violation(result.state.model_parameters).any()


def test_the_order_of_pins_does_not_matter(body: Body) -> None:
    state = state_of(body, POSES["twisted"])
    before, size = pixels_of(body, state), see(body, state)[0].person_size
    places = {name: before[name] + 0.03 * size for name in ("left_wrist", "right_ankle", "nose")}
    ways = [pinned(body, state, {name: places[name] for name in order}) for order in permutations(places)]
    for order, way in zip(permutations(places), ways):
        np.testing.assert_array_equal(way.state.model_parameters, ways[0].state.model_parameters)
        rests = dict(zip(order, way.rests))
        np.testing.assert_array_equal([rests[name] for name in places], ways[0].rests)


def test_true_pins_bring_a_wrong_arm_back_in_space(body: Body) -> None:
    """Depth is not in the pins: it comes from the length of the bones."""
    truth = state_of(body, {"l_uparm_rz": 0.5, "l_elbow_bend": 0.9})
    wrong = state_of(body, {"l_uparm_rz": 0.0, "l_elbow_bend": 0.3})
    target = pixels_of(body, truth)
    result = pinned(body, wrong, {name: target[name] for name in ("left_elbow", "left_wrist")})
    arm = [body.keypoint_names.index(name) for name in ("left_elbow", "left_wrist")]
    error = [np.linalg.norm((see(body, s)[1] - see(body, truth)[1])[arm], axis=1).max() for s in (wrong, result.state)]
    assert error[0] > 0.15
    assert error[1] < 0.5 * error[0]


@pytest.mark.parametrize("pose", ["natural", "lunge", "twisted"])
@pytest.mark.parametrize("shift", [(0.06, 0.0), (-0.06, 0.0), (0.0, 0.06), (0.0, -0.06)])
def test_a_hand_goes_with_its_wrist(body: Body, pose: str, shift: tuple[float, float]) -> None:
    """It is not left behind, to be folded back: the wrist bends by no more than the forearm turns."""
    state = state_of(body, POSES[pose])
    before, size = pixels_of(body, state), see(body, state)[0].person_size
    after = pinned(body, state, {"left_wrist": before["left_wrist"] + np.array(shift) * size}).state
    index = [body.keypoint_names.index(n) for n in ("left_elbow", "left_wrist", "left_middle_finger_third_joint")]
    arms = [np.diff(see(body, s)[1][index], axis=0) for s in (state, after)]
    forearms, hands = (np.array([arm[i] / np.linalg.norm(arm[i]) for arm in arms]) for i in (0, 1))
    bends = np.degrees(np.arccos(np.sum(forearms * hands, axis=1)))
    swing = np.degrees(np.arccos(forearms[0] @ forearms[1]))
    assert swing > 5.0
    assert abs(bends[1] - bends[0]) < swing + 2.0


def test_a_pinned_finger_moves_without_the_rest(body: Body) -> None:
    state = state_of(body, {})
    before, size = pixels_of(body, state), see(body, state)[0].person_size
    result = pinned(body, state, {"left_forefinger4": before["left_forefinger4"] + np.array([0.006, -0.006]) * size})
    after = pixels_of(body, result.state)
    assert result.rests[0] < MET * size
    assert np.linalg.norm(after["left_wrist"] - before["left_wrist"]) < STILL * size


def test_a_body_beyond_the_limits_may_stay_there(body: Body) -> None:
    """Other engines pose bodies as they like."""
    state = state_of(body, {})
    parameters = state.model_parameters.copy()
    slot = body.parameter_index("r_knee_bend")
    parameters[slot] = body.limit_min[slot] - 0.3
    state = replace(state, model_parameters=parameters)
    before, size = pixels_of(body, state), see(body, state)[0].person_size
    result = pinned(body, state, {"left_wrist": before["left_wrist"] + np.array([0.0, -0.05]) * size})
    assert result.rests[0] < MET * size
    assert result.state.model_parameters[slot] == pytest.approx(parameters[slot], abs=0.02)


def test_limbs_begin_at_the_trunk(body: Body) -> None:
    limbs, names = limbs_of(body), body.joint_names
    assert limbs[body.joint_index("root")] == -1
    assert names[limbs[body.joint_index("l_wrist")]] == "l_clavicle"
    assert names[limbs[body.joint_index("r_ball")]] == "r_upleg"
    own = [body.parameter_names[i] for i in np.flatnonzero(limb_parameters(body, ["right_wrist"]))]
    assert {"r_clavicle_ry", "r_uparm_rz", "r_elbow_bend"} <= set(own)
    assert not [name for name in own if name.startswith(("l_", "spine", "root")) or name == "scale_uparms"]


def test_distances_follow_the_bones(body: Body) -> None:
    names = ["left_wrist", "left_elbow", "left_forefinger4", "right_wrist", "left_ankle"]
    rows = named_rows(body, names)
    distances = distances_along(body, rows)
    np.testing.assert_allclose(distances, distances.T)
    assert not np.diag(distances).any()
    assert 0.15 < distances[0, 1] < 0.35
    assert distances[0, 3] > distances[0, 1] + 0.6
    assert distances[2, 1] == pytest.approx(distances[2, 0] + distances[0, 1], abs=0.03)
    assert np.linalg.eigvalsh(np.exp(-distances / 0.1)).min() > -1e-9
    rigid = distances_along(body, rows, rigid=("l_wrist",))
    assert rigid[2, 0] == pytest.approx(0.0, abs=1e-9)
    assert rigid[2, 1] == pytest.approx(rigid[0, 1])


def test_turned_segments_keep_their_side() -> None:
    vectors = np.array([[0.2, 0.0, 0.1], [0.2, 0.0, -0.1], [0.0, 0.3, 0.0]])
    still = turned(vectors, np.zeros((3, 2)))
    np.testing.assert_allclose(still, vectors / np.linalg.norm(vectors, axis=1)[:, None])
    shorter = turned(vectors, np.array([[-0.1, 0.0], [-0.1, 0.0], [0.0, -0.1]]))
    np.testing.assert_allclose(np.linalg.norm(shorter, axis=1), 1.0)
    assert shorter[0, 2] > still[0, 2] > 0 > still[1, 2] > shorter[1, 2]


def test_nothing_pulls_at_a_held_body(body: Body) -> None:
    state = state_of(body, POSES["sitting"])
    evidence, _ = see(body, state)
    noisy = replace(evidence, points=replace(evidence.points, positions=evidence.points.positions + 20.0))
    place = pixels_of(body, state)["left_wrist"]
    held = hold(body, noisy, INTRINSICS, state, [Pin("left_wrist", place)], 0.1, 0.1, 0.25, 0.5)
    problem = FitProblem(body, held, INTRINSICS, PosePrior.load(body).around(state.model_parameters))
    around = problem.linearise(state)
    assert around.cost < 1e-12
    assert np.abs(around.gradient).max() < 1e-6


def test_the_terms_derivatives_are_exact(body: Body) -> None:
    state = state_of(body, POSES["lunge"])
    evidence, _ = see(body, state)
    pin = Pin("left_elbow", pixels_of(body, state)["left_elbow"] + 25.0)
    aside = replace(state, camera_translation=state.camera_translation + 0.03)
    terms = (PinTerm(body, [pin], INTRINSICS, 4.0, 3.0), RootTether(aside, 0.05, 0.1))
    problem = FitProblem(body, evidence, INTRINSICS, PosePrior.load(body), extras=terms)
    plain = FitProblem(body, evidence, INTRINSICS, PosePrior.load(body))
    gradient = problem.linearise(state).gradient - plain.linearise(state).gradient
    for slot in (0, 1, 2, 3, 5, 9, 20, 30, 40):
        step = np.zeros(problem.size)
        step[slot] = 1e-5
        up, down = (problem.retract(state, sign * step) for sign in (1, -1))
        slope = [problem.cost(s) - plain.cost(s) for s in (up, down)]
        assert gradient[slot] == pytest.approx((slope[0] - slope[1]) / 2e-5, rel=1e-3, abs=1e-3), slot
