"""The floor, contacts and planted feet of made-up walks, of which all is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.camera import Gravity
from native_runtime.errors import UsageError
from native_runtime.mhr import Body
from native_runtime.takes.contacts import ContactSettings, drift_apart, find_contacts, runs
from native_runtime.takes.ground import feet_in_world, find_ground, flat_heights, seen_speeds, soles_in_world
from native_runtime.takes.planting import stand_on_ground
from native_runtime.takes.quality import foot_slide, jitter, penetration
from native_runtime.takes.smoothing import low_pass, smooth_take

FPS = 30.0


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


def _swaying(body: Body, frames: int, slide: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Somebody who stands, lifts the left knee once, and slides by `slide` m over the frames; parameters, identity,
    translations."""
    time = np.linspace(0.0, 1.0, frames)
    parameters = np.zeros((frames, len(body.parameter_names)))
    lift = np.where((time > 0.4) & (time < 0.7), np.sin((time - 0.4) / 0.3 * np.pi) ** 2, 0.0)
    parameters[:, body.parameter_index("l_upleg_rz")] = 0.9 * lift
    parameters[:, body.parameter_index("l_knee_bend")] = 1.1 * lift
    parameters[:, body.parameter_index("spine_lean0")] = 0.1 * np.sin(6 * time)
    translation = np.stack([slide * time, np.full(frames, 1.0), np.full(frames, 4.0)], axis=1)
    return body.parameterisation.clamp(parameters), np.zeros(body.identity_count), translation


def test_the_floor_is_found_whichever_way_it_tilts() -> None:
    rng = np.random.default_rng(0)
    for tilt in (0.0, 0.15):
        normal = np.array([np.sin(tilt), -np.cos(tilt), 0.0])
        across = np.stack([np.cross(normal, [0, 0, 1.0]), [0, 0, 1.0]])
        places = np.repeat(rng.uniform(-2, 2, (10, 1, 2)), 10, axis=0).reshape(100, 1, 2) @ across + 1.2 * -normal
        soles = places + rng.normal(0, 0.004, (100, 4, 3)) * 0.1
        soles[:, 2:] += 0.4 * normal  # one foot is in the air, slowly
        soles[40:44] -= 3.0 * normal  # and the body flies off for a moment
        ground = find_ground(soles, np.zeros(4), FPS, gravity=Gravity(np.array([0.0, -1.0, 0.0]), 0.5))
        assert np.arccos(np.clip(ground[:3] @ normal, -1, 1)) < 0.02
        assert abs(places[0, 0] @ ground[:3] + ground[3]) < 0.01


def test_without_standing_feet_there_is_no_floor() -> None:
    soles = np.cumsum(np.full((30, 4, 3), 0.1), axis=0)
    assert np.isnan(find_ground(soles, np.zeros(4), FPS)).all()
    assert not find_contacts(soles, np.zeros(4), np.full(4, np.nan), FPS).any()
    assert np.isnan(penetration(soles, np.zeros(4), np.full(4, np.nan)))


def test_contacts_have_hysteresis_and_no_flicker() -> None:
    ground = np.array([0.0, -1.0, 0.0, 0.0])
    height = np.zeros(40)
    height[10:20] = 0.2
    height[5] = 0.055  # within what a contact survives
    height[30:] = 0.055  # but not what begins one
    height[21] = 0.2  # a single frame of contact between flights does not count
    soles = np.stack([np.zeros((40, 4)), -np.repeat(height[:, None], 4, axis=1), np.zeros((40, 4))], axis=-1)
    contacts = find_contacts(soles, np.zeros(4), ground, 3.0)
    first, last = runs(contacts[:, 0])[0]
    assert first == 0
    assert 8 <= last <= 10
    assert not contacts[10:20].any()
    assert contacts[25].all()


def test_planted_feet_do_not_drift_and_nothing_pops(body: Body) -> None:
    parameters, identity, translation = _swaying(body, 36, 0.06)
    stood = stand_on_ground(body, parameters, identity, translation, FPS)
    assert np.arccos(stood.ground[:3] @ [0, -1.0, 0]) < 0.05
    assert stood.contacts[:12].all()
    assert not stood.contacts[19, :2].any()
    assert stood.contacts[:, 2:].mean() > 0.9
    soles = soles_in_world(body, stood.model_parameters, identity, stood.camera_translation)
    for part in range(4):
        for first, last in runs(stood.contacts[:, part]):
            assert np.ptp(soles[first:last, part], axis=0).max() < 0.002
    assert stood.before["foot_slide_mm"] > 1.0
    assert stood.quality["foot_slide_mm"] < 0.1
    assert stood.quality["penetration_mm"] < 3.0
    # no joint moves farther between two frames than the slide and the lift themselves do
    moves = [
        np.abs(np.diff(body.pose(values).translations, 2, axis=0)).max()
        for values in (parameters, stood.model_parameters)
    ]
    assert moves[1] < 1.05 * moves[0]
    # bones keep their lengths
    np.testing.assert_array_equal(stood.model_parameters[:, 136:], parameters[:, 136:])


def test_feet_in_the_air_are_left_alone(body: Body) -> None:
    parameters, identity, translation = _swaying(body, 20, 0.0)
    stood = stand_on_ground(body, parameters, identity, translation, FPS, ground=np.array([0.0, -1.0, 0.0, 3.0]))
    assert not stood.contacts.any()
    np.testing.assert_array_equal(stood.model_parameters, parameters)
    np.testing.assert_array_equal(stood.camera_translation, translation)


def test_feet_that_move_with_the_camera_are_not_held(body: Body) -> None:
    """The camera goes aside by 20 cm in two seconds and says nothing of it: locked feet would leave the picture."""
    parameters, identity, translation = _swaying(body, 60, 0.2)
    stood = stand_on_ground(body, parameters, identity, translation, FPS)
    assert stood.drifts
    assert not stood.contacts.any()
    np.testing.assert_array_equal(stood.camera_translation, translation)
    np.testing.assert_array_equal(stood.model_parameters, parameters)
    # a camera that says where it is
    poses = np.tile(np.eye(4), (60, 1, 1))
    poses[:, 0, 3] = np.linspace(0.0, -0.2, 60)
    told = stand_on_ground(body, parameters, identity, translation, FPS, to_world=poses)
    assert not told.drifts
    assert told.contacts[:12].all()


def test_a_wandering_depth_is_no_moving_camera() -> None:
    ray = np.array([0.0, 1.0, 4.0]) / np.sqrt(17.0)
    all_day = np.ones((30, 4), bool)
    assert not drift_apart(_one_way(30, 0.3 * ray), all_day)
    assert drift_apart(_one_way(30, np.array([0.3, 0.0, 0.0])), all_day)
    assert not drift_apart(_one_way(30, np.array([0.3, 0.0, 0.0])), np.zeros((30, 4), bool))


def test_a_moving_camera_changes_nothing_in_the_world(body: Body) -> None:
    parameters, identity, translation = _swaying(body, 16, 0.02)
    still = stand_on_ground(body, parameters, identity, translation, FPS)
    poses = np.tile(np.eye(4), (16, 1, 1))
    poses[:, :3, 3] = np.linspace([0, 0, 0], [0.3, -0.1, 0.4], 16)
    moved = stand_on_ground(body, parameters, identity, translation - poses[:, :3, 3], FPS, to_world=poses)
    np.testing.assert_array_equal(moved.contacts, still.contacts)
    np.testing.assert_allclose(moved.ground, still.ground, atol=1e-9)
    np.testing.assert_allclose(moved.camera_translation + poses[:, :3, 3], still.camera_translation, atol=1e-5)


def test_the_heights_are_of_flat_feet(body: Body) -> None:
    identity = np.zeros(body.identity_count)
    feet = feet_in_world(body, np.zeros((1, 204)), identity, np.zeros((1, 3)))[0]
    floor = float(body.rest_vertices[:, 1].min()) / 100
    np.testing.assert_allclose(-feet[:, 1] - flat_heights(body), floor, atol=0.005)


def test_the_heights_are_those_of_the_persons_own_feet(body: Body) -> None:
    build = np.zeros(len(body.parameter_names))
    build[body.parameter_index("scale_lowlegs")] = 0.2
    identity = np.zeros(body.identity_count)
    identity[0] = 2.0
    feet = feet_in_world(body, build[None], identity, np.zeros((1, 3)))[0]
    lowest = float(body.vertices(build, identity, np.zeros(body.expression_count))[:, 1].min()) / 100
    np.testing.assert_allclose(-feet[:, 1] - flat_heights(body, build, identity), lowest, atol=0.005)


def _one_way(frames: int, way: np.ndarray) -> np.ndarray:
    """(F, 4, 3) m of feet on a floor a metre below the camera that move by `way` m in all."""
    return np.array([0.1, 1.0, 4.0]) + np.linspace(0.0, 1.0, frames)[:, None, None] * np.broadcast_to(way, (4, 3))


def _standing(frames: int, way: np.ndarray) -> np.ndarray:
    """(F, 4, 3) m of feet on a floor a metre below the camera, which seem to move along `way`, m a frame."""
    places = np.array([[-0.1, 1.0, 4.0], [-0.1, 1.0, 3.85], [0.1, 1.0, 4.0], [0.1, 1.0, 3.85]])
    wander = np.interp(np.arange(frames), [0, frames / 2, frames - 1], [0.0, frames / 2, 0.0])
    return np.asarray(places + wander[:, None, None] * way)


def test_a_foot_that_moves_in_depth_alone_stands() -> None:
    ground = np.array([0.0, -1.0, 0.0, 1.0])
    ray = np.array([0.0, 1.0, 4.0]) / np.sqrt(17.0)
    # 35 cm/s, along the ray and along the floor across it
    along, across = _standing(20, 0.35 / FPS * ray), _standing(20, 0.35 / FPS * np.array([1.0, 0.0, 0.0]))
    assert find_contacts(along, np.zeros(4), ground, FPS).mean() > 0.9
    assert not find_contacts(across, np.zeros(4), ground, FPS).any()
    assert np.isfinite(find_ground(along, np.zeros(4), FPS)).all()
    # a step towards the camera is faster than estimates wander
    assert not find_contacts(_standing(20, 1.2 / FPS * ray), np.zeros(4), ground, FPS).any()
    # the camera is elsewhere: the same way goes across its view
    eyes = np.tile([10.0, 0.0, 4.0], (20, 1))
    assert not find_contacts(along, np.zeros(4), ground, FPS, eyes=eyes).any()
    assert seen_speeds(along, FPS, eyes).max() > 2.0 * seen_speeds(along, FPS).max()


def test_a_contact_lasts_for_as_long_as_the_foot_is_seen_where_it_stands() -> None:
    """A foot stands in all frames; at the beginning its depth is off by up to 24 cm, later it does step away."""
    ground = np.array([0.0, -1.0, 0.0, 1.0])
    soles = np.tile(np.array([0.2, 1.0, 4.0]), (40, 4, 1))
    soles[:3] *= np.array([1.06, 1.04, 1.02])[:, None, None]  # along the ray: the picture shows no motion
    soles[30:, :, 0] += 0.05 * np.arange(1, 11)[:, None]
    kept, short = (find_contacts(soles, np.zeros(4), ground, FPS, ContactSettings(near=near)) for near in (0.02, 0.0))
    assert kept[:30].all()
    assert not kept[31:].any()
    assert not short[:2].any()


def test_a_heel_that_rises_over_its_toes_is_no_contact() -> None:
    ground = np.array([0.0, -1.0, 0.0, 1.0])
    feet = _standing(20, np.zeros(3))
    feet[10:, 0, 1] -= 0.03
    contacts = find_contacts(feet, np.zeros(4), ground, FPS)
    assert contacts[:, 1:].all()
    assert contacts[:8, 0].all()
    assert not contacts[12:, 0].any()


def test_toes_stay_while_the_heel_rises(body: Body) -> None:
    frames = 24
    parameters = np.zeros((frames, len(body.parameter_names)))
    rise = np.linspace(0.0, 1.0, 14) ** 2
    for side in "lr":
        parameters[10:, body.parameter_index(f"{side}_upleg_rz")] = 0.1 * rise
        parameters[10:, body.parameter_index(f"{side}_knee_bend")] = 0.2 * rise
    parameters = body.parameterisation.clamp(parameters)
    translation = np.stack([np.zeros(frames), np.full(frames, 1.0), 4.0 + 0.004 * np.arange(frames)], axis=1)
    identity = np.zeros(body.identity_count)
    contacts = np.ones((frames, 4), bool)
    contacts[10:, [0, 2]] = False
    before = feet_in_world(body, parameters, identity, translation)
    heights = flat_heights(body)
    ground = np.array([0.0, -1.0, 0.0, float(np.mean(before[0, :, 1] + heights))])
    stood = stand_on_ground(body, parameters, identity, translation, FPS, ground=ground, contacts=contacts)
    after = feet_in_world(body, stood.model_parameters, identity, stood.camera_translation)
    toes = [1, 3, 4, 5]
    assert np.ptp(before[:, toes], axis=0).max() > 0.03
    assert np.ptp(after[:, toes], axis=0).max() < 0.001
    assert np.abs(after[:, toes] @ ground[:3] + ground[3] - heights[toes]).max() < 0.001
    # and the root goes there evenly
    assert np.linalg.norm(np.diff(stood.camera_translation, 2, axis=0), axis=1).max() < 0.005


def test_jitter_and_slide_are_as_defined() -> None:
    time = np.arange(20) / FPS
    cubic = np.zeros((20, 2, 3))
    cubic[:, :, 1] = time[:, None] ** 3
    assert jitter(cubic, FPS) == pytest.approx(0.6)  # the third derivative is 6 m/s^3
    slid = np.zeros((10, 4, 3))
    slid[:, 0, 0] = 0.003 * np.arange(10)
    contacts = np.zeros((10, 4), bool)
    contacts[:, 0] = True
    assert foot_slide(slid, contacts) == pytest.approx(3.0)
    assert foot_slide(slid, np.zeros((10, 4), bool)) == 0.0
    below = np.zeros((4, 2, 3))
    below[0, 0, 1] = 0.01
    assert penetration(below, np.zeros(2), np.array([0.0, -1.0, 0.0, 0.0])) == pytest.approx(10.0)


def test_the_filter_keeps_slow_motion_in_time_and_drops_fast_noise() -> None:
    time = np.arange(200) / FPS
    slow, fast = np.sin(2 * np.pi * 0.5 * time), np.sin(2 * np.pi * 13 * time)
    passed = low_pass(slow + fast, FPS, 5.0)
    np.testing.assert_allclose(passed[20:-20], slow[20:-20], atol=0.03)
    lags = [np.sum(passed[10:-10] * np.roll(slow, k)[10:-10]) for k in range(-3, 4)]
    assert int(np.argmax(lags)) == 3
    ramp = low_pass(np.linspace(0.0, 1.0, 50), FPS, 5.0)
    np.testing.assert_allclose(ramp, np.linspace(0.0, 1.0, 50), atol=1e-6)
    with pytest.raises(UsageError, match="cutoff"):
        low_pass(slow, FPS, 20.0)
    assert low_pass(slow[:1], FPS).shape == (1,)


def test_the_filter_turns_a_body_the_short_way_round() -> None:
    parameters = np.zeros((40, 204))
    parameters[:, 4] = np.linspace(0, 0.4, 40)
    parameters[:, 3] = np.linspace(2.8, 3.5, 40)
    smooth, shift = smooth_take(parameters, np.zeros((40, 3)), FPS)
    from native_runtime.mhr.rotations import euler_to_matrix, rotation_angle

    apart = rotation_angle(euler_to_matrix(smooth[:, 3:6]), euler_to_matrix(parameters[:, 3:6]))
    assert apart[5:-5].max() < 0.02
    assert np.abs(shift).max() == 0
