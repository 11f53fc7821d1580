"""Motion as arrays: one camera's axes, continuous angles, other rates, fewer keys."""

from __future__ import annotations

import numpy as np
import pytest

from native_runtime.camera import mhr_to_camera
from native_runtime.characters.animation.continuity import continuous_joints, continuous_quaternions, shared_joints
from native_runtime.characters.animation.keys import every_frame, reduced
from native_runtime.characters.animation.placing import in_one_camera, rooted_joints
from native_runtime.characters.animation.resampling import (
    Spans,
    ball_joints,
    resampled,
    resampled_joints,
    resampled_rotations,
)
from native_runtime.characters.placement import place_on_ground
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import euler_to_matrix, rotation_angle
from tests.support.bodies import toy_body
from tests.support.poses import likely_poses


@pytest.fixture(scope="module")
def body() -> Body:
    return toy_body()


def _cameras(count: int) -> np.ndarray:
    cameras = np.tile(np.eye(4), (count, 1, 1))
    along = np.linspace(0.0, 1.0, count)
    cameras[:, :3, :3] = euler_to_matrix(np.stack([0.2 * along, 1.4 * along, -0.3 * along], axis=1))
    cameras[:, :3, 3] = np.stack([along, 0.1 * along, -0.5 * along], axis=1)
    return cameras


def test_a_moving_camera_becomes_one_that_stands(body: Body) -> None:
    parameters, cameras = likely_poses(body, 9, seed=1), _cameras(9)
    translation = np.random.default_rng(0).uniform(-1, 1, (9, 3)) + (0, 0, 4)
    seen = mhr_to_camera(body.vertices(parameters), translation)
    world = np.einsum("fij,fvj->fvi", cameras[:, :3, :3], seen) + cameras[:, None, :3, 3]
    moved, shift = in_one_camera(body, parameters, translation, cameras)
    carried = ~((body.skin_indices == 0) & (body.skin_weights > 0)).any(axis=1)  # the world's own joint stays
    np.testing.assert_allclose(mhr_to_camera(body.vertices(moved), shift)[:, carried], world[:, carried], atol=2e-6)
    np.testing.assert_array_equal(moved[:, 6:], parameters[:, 6:])


def test_a_camera_that_stands_changes_no_parameter(body: Body) -> None:
    parameters, cameras = likely_poses(body, 3, seed=1), np.tile(np.eye(4), (3, 1, 1))
    cameras[:, :3, 3] = (0.0, 0.0, 1.0)
    moved, shift = in_one_camera(body, parameters, np.ones((3, 3)), cameras)
    np.testing.assert_array_equal(moved, parameters)
    np.testing.assert_array_equal(shift, np.ones((3, 3)) + (0, 0, 1))


def test_the_root_takes_the_way(body: Body) -> None:
    parameters = likely_poses(body, 4, seed=2)
    translation = np.cumsum(np.random.default_rng(0).normal(size=(4, 3)), axis=0)
    joints = rooted_joints(body, parameters, translation, translation[0])
    stand = mhr_to_camera(body.skeleton.forward(joints).translations, translation[0])
    expected = mhr_to_camera(body.pose(parameters).translations, translation)
    moving = [i for i, name in enumerate(body.joint_names) if name != "body_world"]
    np.testing.assert_allclose(stand[:, moving], expected[:, moving], atol=1e-9)


def test_angles_run_on(body: Body) -> None:
    """Whole turns and second triples go, and every pose stays the same."""
    rng = np.random.default_rng(3)
    smooth = np.tile(body.joint_parameters(likely_poses(body, 1, seed=3)), (30, 1, 1))
    smooth[:, 1, 3:6] += np.linspace(0, 1, 30)[:, None] * (0.3, 9.0, 0.2)
    broken = smooth.copy()
    broken[:, 1, 3:6] += 2 * np.pi * rng.integers(-2, 3, (30, 3))
    broken[10:20, 1, 3:6] = broken[10:20, 1, 3:6] * (1, -1, 1) + np.pi
    fixed = continuous_joints(body, broken)
    assert np.abs(np.diff(broken[:, 1, 3:6], axis=0)).max() > 3.0
    assert np.abs(np.diff(fixed[:, 1, 3:6], axis=0)).max() < 0.35
    before, after = body.skeleton.forward(broken).joints, body.skeleton.forward(fixed).joints
    np.testing.assert_allclose(after, before, atol=1e-8)


def test_the_twist_of_limbs_keeps_its_turns(body: Body) -> None:
    shared = shared_joints(body)
    assert shared[body.joint_index("l_uparm")]
    assert not shared[body.joint_index("root")]
    joints = np.tile(body.joint_parameters(np.zeros(204)), (2, 1, 1))
    joints[1, body.joint_index("l_uparm"), 3] = 2 * np.pi
    np.testing.assert_array_equal(continuous_joints(body, joints), joints)


def test_quaternions_keep_their_sign() -> None:
    turns = np.array([[1.0, 0, 0, 0], [-0.99, 0.1, 0, 0], [0.9, -0.2, 0, 0]])
    assert (continuous_quaternions(turns)[:, 0] > 0).all()


@pytest.mark.parametrize("rate", [24.0, 25.0, 60.0])
def test_numbers_at_another_rate_lie_on_the_motion(rate: float) -> None:
    times = np.arange(31) / 30.0
    wanted = np.arange(0.0, 1.0, 1 / rate)
    found = resampled(np.sin(4 * times), Spans(times, wanted))
    assert np.abs(found - np.sin(4 * wanted)).max() < 2e-4
    linear = np.interp(wanted, times, np.sin(4 * times))
    assert np.abs(linear - np.sin(4 * wanted)).max() > 1e-3


def test_the_frames_themselves_stay() -> None:
    times = np.array([0.0, 0.03, 0.07, 0.1])
    values = np.random.default_rng(0).normal(size=(4, 2))
    np.testing.assert_allclose(resampled(values, Spans(times, times)), values, atol=1e-12)
    np.testing.assert_array_equal(resampled(values[:1], Spans(times[:1], [0.0, 5.0])), values[[0, 0]])
    np.testing.assert_array_equal(resampled(values, Spans(times, [-1.0, 9.0])), values[[0, -1]])


def test_rotations_turn_evenly_whatever_their_angles() -> None:
    """About an axis that no Euler angle has, past the pole, at a constant speed."""
    axis = np.array([0.6, 0.64, 0.48])
    times = np.arange(20) / 20.0

    def about(at: np.ndarray) -> np.ndarray:
        k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
        angle = 5.0 * at[:, None, None]
        return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k

    wanted = np.linspace(0.0, 0.95, 53)
    found = resampled_rotations(about(times), Spans(times, wanted))
    assert rotation_angle(found, about(wanted)).max() < 1e-6


def test_hinges_stay_hinges_and_balls_turn_as_rotations(body: Body) -> None:
    balls = ball_joints(body)
    assert balls[body.joint_index("root")]
    assert not balls[body.joint_index("l_lowarm")]
    joints = body.joint_parameters(likely_poses(body, 12, seed=5))
    joints = continuous_joints(body, joints)
    times = np.arange(12) / 30.0
    same = resampled_joints(body, joints, Spans(times, times))
    np.testing.assert_allclose(same, joints, atol=1e-9)
    between = resampled_joints(body, joints, Spans(times, times[:-1] + 1 / 60))
    still = (np.ptp(joints, axis=0) == 0.0) & ~balls[:, None]
    np.testing.assert_allclose(between[:, still], np.broadcast_to(joints[0][still], between[:, still].shape), atol=1e-9)


@pytest.mark.parametrize("bound", [1e-2, 1e-3])
def test_fewer_keys_stay_within_the_bound(bound: float) -> None:
    at = np.arange(200)
    values = np.sin(at / 15.0) + 0.3 * np.sin(at / 4.0)
    keys = reduced(values, bound)
    assert np.abs(keys.at(at) - values).max() <= bound
    assert 2 < len(keys) < 120
    assert len(reduced(values, 10 * bound)) < len(keys)


def test_straight_lines_need_two_keys_and_noise_all() -> None:
    assert len(reduced(np.linspace(0, 5, 90), 1e-6)) == 2
    noise = np.random.default_rng(0).normal(size=50)
    assert len(reduced(noise, 1e-6)) == 50
    np.testing.assert_array_equal(every_frame(noise).values, noise)
    assert len(reduced([3.0], 0.1)) == 1


def test_the_floor_is_at_zero() -> None:
    normal = np.array([0.1, -1.0, -0.2])
    normal /= np.linalg.norm(normal)
    placement = place_on_ground([*normal, 1.3], [0.4, 0.2, 5.0])
    across = np.linalg.svd(normal[None])[2][1:]
    floor = -1.3 * normal + np.random.default_rng(0).normal(size=(20, 2)) @ across
    np.testing.assert_allclose(placement.world(floor)[:, 2], 0.0, atol=1e-12)
    np.testing.assert_allclose(placement.world([0.4, 0.2, 5.0])[:2], 0.0, atol=1e-12)
    assert placement.world(floor + normal)[:, 2] == pytest.approx(1.0)
