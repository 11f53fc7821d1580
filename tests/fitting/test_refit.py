"""The quick re-solve: pins are met, the rest stays, and nothing depends on the way there."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from native_runtime.camera import mhr_to_camera
from native_runtime.fitting.follow import Fixed, Stiffness, limb_parameters
from native_runtime.fitting.hold import Firmness, Hold, joint_distances, limbs_of
from native_runtime.fitting.pins import AngleTerm, Pin, PinTerm, RootTether
from native_runtime.fitting.problem import Problem, project
from native_runtime.fitting.refit import Refit, refit
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState

from .test_fit import INTRINSICS, POSES, see, state_of

MET = 0.003
"""Of the person's height: 3 px of a person who is 1,000 px tall."""
STILL = 0.01


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


def pixels_of(body: Body, state: PlacedState) -> dict[str, np.ndarray]:
    _, points = see(body, state)
    return dict(zip(body.keypoint_names, project(points, INTRINSICS), strict=True))


def pinned(body: Body, state: PlacedState, places: dict[str, np.ndarray]) -> Refit:
    return refit(body, INTRINSICS, state, [Pin(name, place) for name, place in places.items()])


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
    assert swing > 1.0
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


def test_a_body_that_is_all_set_by_hand_stays(body: Body) -> None:
    state = state_of(body, POSES["lunge"])
    place = pixels_of(body, state)["left_wrist"] + 10.0
    everything = Fixed(np.ones(len(body.parameter_names), bool), turn=True, shift=True)
    result = refit(body, INTRINSICS, state, [Pin("left_wrist", place)], fixed=everything)
    np.testing.assert_allclose(result.state.model_parameters, state.model_parameters, atol=1e-6)
    np.testing.assert_allclose(result.state.camera_translation, state.camera_translation, atol=1e-6)
    assert result.rests[0] > 13.0


def test_limbs_begin_at_the_trunk(body: Body) -> None:
    limbs, names = limbs_of(body), body.joint_names
    assert limbs[body.joint_index("root")] == -1
    assert names[limbs[body.joint_index("l_wrist")]] == "l_clavicle"
    assert names[limbs[body.joint_index("r_ball")]] == "r_upleg"
    own = [body.parameter_names[i] for i in np.flatnonzero(limb_parameters(body, ["right_wrist"]))]
    assert {"r_clavicle_ry", "r_uparm_rz", "r_elbow_bend"} <= set(own)
    assert not [name for name in own if name.startswith(("l_", "spine", "root")) or name == "scale_uparms"]


def test_distances_follow_the_bones(body: Body) -> None:
    joints = np.array([body.joint_index(name) for name in ("l_wrist", "l_lowarm", "l_index1", "r_wrist", "l_foot")])
    distances = joint_distances(body, joints)
    np.testing.assert_allclose(distances, distances.T)
    np.testing.assert_allclose(np.diag(distances), 0.0, atol=1e-12)
    assert 0.15 < distances[0, 1] < 0.35
    assert distances[0, 3] > distances[0, 1] + 0.6
    assert distances[2, 1] == pytest.approx(distances[2, 0] + distances[0, 1], abs=1e-9)
    assert np.linalg.eigvalsh(np.exp(-distances / 0.1)).min() > -1e-9


def joints_of(body: Body, state: PlacedState) -> np.ndarray:
    return mhr_to_camera(body.pose(state.model_parameters).translations, state.camera_translation)


LIMB_DRAGS = [("left_wrist", 0.03), ("right_elbow", 0.02), ("left_ankle", 0.05), ("right_knee", 0.02), ("nose", 0.015)]


@pytest.mark.parametrize("pose", POSES, ids=str)
@pytest.mark.parametrize(("keypoint", "length"), LIMB_DRAGS)
def test_untouched_limbs_stay_in_space(body: Body, pose: str, keypoint: str, length: float) -> None:
    """Not only in the photo: under 1 cm, and nothing at all where the dragged limb needs no help."""
    state, limbs = state_of(body, POSES[pose]), limbs_of(body)
    before, size = pixels_of(body, state), see(body, state)[0].person_size
    own = limbs[body.joint_index({"left_wrist": "l_wrist", "right_elbow": "r_wrist", "left_ankle": "l_foot",
                                  "right_knee": "r_foot", "nose": "c_head"}[keypoint])]  # fmt: skip
    for angle in np.arange(0.0, 2.0 * np.pi, np.pi / 4):
        place = before[keypoint] + length * size * np.array([np.cos(angle), np.sin(angle)])
        after = pinned(body, state, {keypoint: place}).state
        moved = np.linalg.norm(joints_of(body, after) - joints_of(body, state), axis=1)
        ends = [body.joint_index(name) for name in ("l_wrist", "r_wrist", "l_foot", "r_foot")]
        checked = [j for j in (ends if keypoint == "nose" else range(len(limbs))) if limbs[j] not in (-1, own)]
        assert moved[checked].max() < 0.01, f"{angle:.1f} {body.joint_names[checked[int(moved[checked].argmax())]]}"


@pytest.mark.parametrize("keypoint", ["left_wrist", "right_elbow", "left_ankle"])
@pytest.mark.parametrize("away", [(-2.0, 3.0), (2.0, -3.0), (-30.0, 0.0), (30.0, 40.0)], ids=str)
def test_a_pin_far_beyond_reach_turns_its_limb_and_nothing_else(
    body: Body, keypoint: str, away: tuple[float, float]
) -> None:
    """`away` in heights of the person: outside of any picture."""
    state, limbs = state_of(body, POSES["lunge"]), limbs_of(body)
    before, size = pixels_of(body, state), see(body, state)[0].person_size
    place = before[keypoint] + np.array(away) * size
    after = pinned(body, state, {keypoint: place})
    moved = np.linalg.norm(joints_of(body, after.state) - joints_of(body, state), axis=1)
    own = limbs[body.joint_index({"left_wrist": "l_wrist", "right_elbow": "r_wrist", "left_ankle": "l_foot"}[keypoint])]
    ends = [body.joint_index(name) for name in ("l_wrist", "r_wrist", "l_foot", "r_foot", "c_head")]
    assert moved[[joint for joint in ends if limbs[joint] != own]].max() < 0.01
    assert moved[limbs == -1].max() < 0.05
    base = {"left_wrist": "left_shoulder", "right_elbow": "right_shoulder", "left_ankle": "left_hip"}[keypoint]
    seen = pixels_of(body, after.state)
    limb, wanted = seen[keypoint] - seen[base], place - seen[base]
    assert limb @ wanted > np.cos(np.radians(60.0)) * np.linalg.norm(limb) * np.linalg.norm(wanted)
    assert after.rests[0] == pytest.approx(np.linalg.norm(seen[keypoint] - place))


def test_pins_near_a_limbs_reach_are_met_as_if_none_were_far_away(body: Body) -> None:
    state = state_of(body, POSES["lunge"])
    before, size = pixels_of(body, state), see(body, state)[0].person_size
    for keypoint, shift in (("left_wrist", (0.2, 0.1)), ("left_ankle", (0.0, 0.04)), ("left_hip", (0.5, 0.0))):
        pins = [Pin(keypoint, before[keypoint] + np.array(shift) * size)]
        bounded, free = (refit(body, INTRINSICS, state, pins, Stiffness(astray=most)) for most in (0.1, 1e6))
        np.testing.assert_array_equal(bounded.state.model_parameters, free.state.model_parameters)
        np.testing.assert_array_equal(bounded.state.camera_translation, free.state.camera_translation)


@pytest.mark.parametrize("keypoint", ["left_hip", "right_shoulder"])
def test_hands_and_feet_stay_where_they_stand_when_the_trunk_moves(body: Body, keypoint: str) -> None:
    state = state_of(body, POSES["lunge"])
    before, size = pixels_of(body, state), see(body, state)[0].person_size
    for shift in ((0.02, 0.01), (-0.02, 0.01), (0.0, 0.02)):
        result = pinned(body, state, {keypoint: before[keypoint] + np.array(shift) * size})
        assert result.rests[0] < MET * size
        moved = np.linalg.norm(joints_of(body, result.state) - joints_of(body, state), axis=1)
        ends = [body.joint_index(name) for name in ("l_wrist", "r_wrist", "l_foot", "r_foot", "l_ball", "c_head")]
        assert moved[ends].max() < 0.01


def test_depth_changes_no_more_than_bones_force(body: Body) -> None:
    """A wrist has an elbow to spare: it can be moved across the view at its own depth."""
    for pose in ("lunge", "twisted"):
        state = state_of(body, POSES[pose])
        before, size = pixels_of(body, state), see(body, state)[0].person_size
        keypoint = "left_wrist" if pose == "lunge" else "right_wrist"
        at = body.keypoint_names.index(keypoint)
        for shift in ((0.03, 0.0), (-0.03, 0.0), (0.0, 0.03), (0.0, -0.03)):
            after = pinned(body, state, {keypoint: before[keypoint] + np.array(shift) * size}).state
            moved = see(body, after)[1][at] - see(body, state)[1][at]
            assert abs(moved[2]) < 1.5 * np.linalg.norm(moved[:2])


def test_a_late_drag_is_like_a_first_one(body: Body) -> None:
    """Pins that others have stay met, and their limbs where they are."""
    state = state_of(body, POSES["lunge"])
    size = see(body, state)[0].person_size
    pins: dict[str, np.ndarray] = {}
    for keypoint, shift in (
        ("left_wrist", (-0.02, -0.02)),
        ("right_ankle", (0.0, -0.02)),
        ("right_wrist", (0.02, 0.0)),
    ):
        pins[keypoint] = pixels_of(body, state)[keypoint] + np.array(shift) * size
    stood = pinned(body, state, pins).state
    late = {"left_wrist": pins["left_wrist"] + 0.015 * size}
    after = pinned(body, state, pins | late).state
    moved = np.linalg.norm(joints_of(body, after) - joints_of(body, stood), axis=1)
    limbs = limbs_of(body)
    assert moved[limbs == limbs[body.joint_index("l_wrist")]].max() > 0.02
    assert moved[limbs != limbs[body.joint_index("l_wrist")]].max() < 0.005


def test_nothing_pulls_at_a_held_body(body: Body) -> None:
    state = state_of(body, POSES["sitting"])
    place = pixels_of(body, state)["left_wrist"]
    held = Hold(body, INTRINSICS, state, ["left_wrist"], Firmness())
    problem = Problem(body, np.arange(6, 40), (held.term(place[None]),), state.model_parameters, whole=True)
    around = problem.linearise(state)
    assert around.cost < 1e-12
    assert np.abs(around.gradient).max() < 1e-6


def test_the_terms_derivatives_are_exact(body: Body) -> None:
    state = state_of(body, POSES["lunge"])
    elsewhere = state_of(body, POSES["twisted"], yaw=0.5)
    place = pixels_of(body, state)["left_elbow"] + 25.0
    aside = replace(state, camera_translation=state.camera_translation + 0.03)
    held = Hold(body, INTRINSICS, elsewhere, ["left_elbow"], Firmness())
    parameters = np.array([body.parameter_index(name) for name in ("spine_bend0", "l_uparm_ry", "l_elbow_bend")])
    terms = (
        PinTerm(held.points, place[None], INTRINSICS, 4.0, 3.0),
        held.term(place[None], slack=10.0),
        AngleTerm(parameters, elsewhere.model_parameters, np.array([0.2, 0.3, 0.4])),
        RootTether(aside, 0.05, 0.1),
    )
    for term in terms:
        problem = Problem(body, parameters, (term,), state.model_parameters, whole=True)
        gradient = problem.linearise(state).gradient
        for slot in range(problem.size):
            step = np.zeros(problem.size)
            step[slot] = 1e-5
            up, down = (problem.cost(problem.retract(state, sign * step)) for sign in (1, -1))
            assert gradient[slot] == pytest.approx((up - down) / 2e-5, rel=1e-3, abs=1e-2), (term, slot)
