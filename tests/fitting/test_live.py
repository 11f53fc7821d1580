"""The live preview of a drag: one limb follows the handle, and the final answer is the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.fitting.follow import Fixed, limb_parameters
from native_runtime.fitting.live import LiveDrag, Preview
from native_runtime.fitting.pins import Pin
from native_runtime.fitting.problem import project
from native_runtime.fitting.refit import refit
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState

from .test_fit import INTRINSICS, POSES, see, state_of

MET = 0.005
STEPS = 8
"""Events of the mouse from the start of a drag to its end."""
DRAGS = [("left_wrist", 0.04), ("right_elbow", 0.03), ("left_ankle", 0.04), ("right_knee", 0.02), ("nose", 0.012)]


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


def drag_of(body: Body, state: PlacedState, keypoint: str, pins: tuple[Pin, ...] = ()) -> LiveDrag:
    return LiveDrag(body, INTRINSICS, state, keypoint, pins)


def dragged(drag: LiveDrag, start: np.ndarray, end: np.ndarray) -> Preview:
    """The last of the previews on the way of the mouse."""
    return [drag.to(start + (end - start) * step / STEPS) for step in range(1, STEPS + 1)][-1]


def stands(body: Body, preview: Preview, state: PlacedState) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints, px and m."""
    points = see(body, preview.state)[1]
    return project(points, INTRINSICS), points


@pytest.mark.parametrize("pose", POSES, ids=str)
@pytest.mark.parametrize(("keypoint", "length"), DRAGS)
def test_the_limb_follows_and_nothing_else_moves(body: Body, pose: str, keypoint: str, length: float) -> None:
    state, at = state_of(body, POSES[pose]), body.keypoint_names.index(keypoint)
    evidence, points = see(body, state)
    own = limb_parameters(body, [keypoint])
    for angle in (0.5, 2.0, 3.6, 5.1):
        start = project(points, INTRINSICS)[at]
        end = start + length * evidence.person_size * np.array([np.cos(angle), np.sin(angle)])
        preview = dragged(drag_of(body, state, keypoint), start, end)
        missed = float(np.linalg.norm(stands(body, preview, state)[0][at] - end))
        assert missed == pytest.approx(preview.missed, abs=0.5)  # the answer's vertices are in single precision
        assert preview.reached == (missed < 0.003 * evidence.person_size) or missed < MET * evidence.person_size
        np.testing.assert_array_equal(preview.state.model_parameters[~own], state.model_parameters[~own])
        np.testing.assert_array_equal(preview.state.camera_translation, state.camera_translation)
        assert not body.parameterisation.violation(preview.state.model_parameters).any()


@pytest.mark.parametrize("pose", ["natural", "lunge", "twisted"])
@pytest.mark.parametrize("keypoint", ["left_wrist", "right_elbow", "right_ankle"])
def test_letting_go_changes_nothing(body: Body, pose: str, keypoint: str) -> None:
    """The final answer is where the preview was: the same limb on the same side of depth."""
    state, at = state_of(body, POSES[pose]), body.keypoint_names.index(keypoint)
    evidence, points = see(body, state)
    start = project(points, INTRINSICS)[at]
    compared = 0
    for angle in np.arange(0.0, 2.0 * np.pi, np.pi / 4):
        end = start + 0.03 * evidence.person_size * np.array([np.cos(angle), np.sin(angle)])
        preview = dragged(drag_of(body, state, keypoint), start, end)
        final = refit(body, INTRINSICS, state, [Pin(keypoint, end)])
        if preview.reached:
            apart = stands(body, preview, state)[1] - see(body, final.state)[1]
            assert np.linalg.norm(apart, axis=1).max() < 0.015
            compared += 1
    assert compared >= 3


def test_a_handle_out_of_reach_is_pointed_at(body: Body) -> None:
    state, at = state_of(body, {}), body.keypoint_names.index("left_wrist")
    evidence, points = see(body, state)
    start = project(points, INTRINSICS)[at]
    end = start + np.array([0.8, -0.5]) * evidence.person_size
    preview = dragged(drag_of(body, state, "left_wrist"), start, end)
    after = stands(body, preview, state)[0][at]
    assert not preview.reached
    assert np.linalg.norm(after - end) < np.linalg.norm(start - end) - 0.2 * evidence.person_size


def test_another_pin_of_the_limb_stays(body: Body) -> None:
    state = state_of(body, POSES["lunge"])
    names = [body.keypoint_names.index(name) for name in ("left_elbow", "left_wrist")]
    evidence, points = see(body, state)
    elbow, wrist = project(points, INTRINSICS)[names]
    end = wrist + np.array([-0.015, 0.01]) * evidence.person_size
    pins = (Pin("left_elbow", elbow), Pin("right_ankle", np.zeros(2)))
    preview = dragged(drag_of(body, state, "left_wrist", pins), wrist, end)
    after = stands(body, preview, state)[0][names]
    assert preview.reached
    assert np.linalg.norm(after[0] - elbow) < MET * evidence.person_size


def test_hips_take_the_body_along_and_feet_stay(body: Body) -> None:
    state, at = state_of(body, POSES["lunge"]), body.keypoint_names.index("left_hip")
    evidence, points = see(body, state)
    start = project(points, INTRINSICS)[at]
    end = start + np.array([0.015, 0.01]) * evidence.person_size
    preview = dragged(drag_of(body, state, "left_hip"), start, end)
    pixels, after = stands(body, preview, state)
    assert np.linalg.norm(pixels[at] - end) < MET * evidence.person_size
    feet = [body.keypoint_names.index(f"{side}_ankle") for side in ("left", "right")]
    assert np.linalg.norm(after[feet] - points[feet], axis=1).max() < 0.01


def test_the_same_drag_gives_the_same_answers(body: Body) -> None:
    state = state_of(body, POSES["twisted"])
    at = body.keypoint_names.index("right_wrist")
    start = project(see(body, state)[1], INTRINSICS)[at]
    ways = [dragged(drag_of(body, state, "right_wrist"), start, start + 20.0) for _ in range(2)]
    np.testing.assert_array_equal(ways[0].state.model_parameters, ways[1].state.model_parameters)


def test_every_keypoint_can_be_dragged(body: Body) -> None:
    state = state_of(body, POSES["lunge"])
    pixels = project(see(body, state)[1], INTRINSICS)
    missed = {name: drag_of(body, state, name).to(place + [4.0, -3.0]).missed
              for name, place in zip(body.keypoint_names, pixels, strict=True)}  # fmt: skip
    assert max(missed.values()) < 2.5, max(missed, key=lambda name: missed[name])


def test_what_the_artist_set_by_hand_stays(body: Body) -> None:
    state = state_of(body, POSES["lunge"])
    at, elbow = body.keypoint_names.index("left_wrist"), body.parameter_index("l_elbow_bend")
    parameters = np.zeros(len(body.parameter_names), bool)
    parameters[elbow] = True
    drag = LiveDrag(body, INTRINSICS, state, "left_wrist",
                    fixed=Fixed(parameters))  # fmt: skip
    start = project(see(body, state)[1], INTRINSICS)[at]
    preview = dragged(drag, start, start + [15.0, -10.0])
    assert preview.state.model_parameters[elbow] == state.model_parameters[elbow]
    assert preview.missed < 5.0
