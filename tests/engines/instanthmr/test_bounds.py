"""A network's parameters within what MHR allows, the joints where they were."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from native_runtime.camera import mhr_to_camera
from native_runtime.engines.instanthmr.bounds import Bounds
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState

BEYOND = {
    "leg_length_flexible": 0.37, "spine_length_flexible": -0.12, "neck_length_flexible": 0.1,
    "arm_length_flexible": -0.1, "r_talocrural_rx_flexible": 0.22, "r_subtalar_rz_flexible": -0.17,
    "spine3_rz_flexible": 0.14, "spine0_rx_flexible": 0.1, "l_foot_ry_flexible": -0.09,
}  # fmt: skip
"""Where a real answer of SAM 3D Body is beyond MHR's limits (``shared/real_outputs/runner.json``)."""


@pytest.fixture(scope="module")
def bounds(body: Body) -> Bounds:
    return Bounds(body)


@pytest.fixture
def real(body: Body, standing: PlacedState) -> PlacedState:
    parameters = standing.model_parameters.copy()
    for name, value in BEYOND.items():
        parameters[body.parameter_index(name)] = value
    return replace(standing, model_parameters=parameters, camera_translation=np.array([0.2, 0.9, 5.0]))


def joints(body: Body, state: PlacedState) -> np.ndarray:
    """(127, 3) mm, camera axes."""
    return 1000.0 * mhr_to_camera(body.pose(state.model_parameters).translations, state.camera_translation)


def test_joints_stay_where_numbers_are_bounded(body: Body, bounds: Bounds, real: PlacedState) -> None:
    within = bounds.bounded(real)
    assert body.parameterisation.violation(within.model_parameters).max() == 0.0
    moved = np.linalg.norm(joints(body, within) - joints(body, real), axis=1)
    clamped = replace(real, model_parameters=body.parameterisation.clamp(real.model_parameters))
    naive = np.linalg.norm(joints(body, clamped) - joints(body, real), axis=1)
    assert moved.mean() < 1.5
    assert naive.mean() > 20.0


def test_what_is_within_stays_bit_for_bit(bounds: Bounds, standing: PlacedState) -> None:
    assert bounds.bounded(standing) is standing
    sound = bounds.sound(standing)
    np.testing.assert_array_equal(sound.state.model_parameters, standing.model_parameters)
    assert sound.senseless == ()


def test_twelve_directions_move_nothing(body: Body, bounds: Bounds, real: PlacedState) -> None:
    """Sizes that take from each other are no outliers, however large both are."""
    parameters = real.model_parameters.copy()
    null = bounds._null
    assert null.shape == (204, 12)
    direction = null @ null[body.parameter_index("scale_spine_length")]
    moved = replace(real, model_parameters=parameters + 20.0 * direction / np.abs(direction).max())
    np.testing.assert_allclose(joints(body, moved), joints(body, real), atol=1e-6)
    sound = bounds.sound(moved)
    assert sound.senseless == ()
    np.testing.assert_allclose(joints(body, bounds.bounded(sound.state)), joints(body, bounds.bounded(real)), atol=2.0)


def test_impossible_sizes_are_an_average_bodys(body: Body, bounds: Bounds, real: PlacedState) -> None:
    parameters = real.model_parameters.copy()
    for name, value in (("scale_uplegs", 20.0), ("scale_lowarms", -9.0), ("scale_neck_length", 0.5)):
        parameters[body.parameter_index(name)] = value
    sound = bounds.sound(replace(real, model_parameters=parameters))
    assert sound.senseless == ("scale_lowarms", "scale_uplegs")
    assert np.ptp(joints(body, sound.state)[:, 1]) < 2500.0
    assert np.abs(sound.state.model_parameters[[142, 143, 149]]).max() < 0.5
    before = Bounds(body).sound(real).state.model_parameters
    np.testing.assert_allclose(sound.state.model_parameters[6:130], before[6:130])


def test_the_roots_place_goes_into_the_cameras(body: Body, bounds: Bounds, standing: PlacedState) -> None:
    parameters = standing.model_parameters.copy()
    parameters[:3] = (1.5, -2.0, 0.7)
    moved = replace(standing, model_parameters=parameters, camera_translation=np.array([0.1, 0.2, 4.0]))
    still = bounds.sound(moved).state
    assert not still.model_parameters[:3].any()
    wanted, got = joints(body, moved), joints(body, still)
    under_root = [index for index, name in enumerate(body.joint_names) if name != body.joint_names[0]]
    np.testing.assert_allclose(got[under_root], wanted[under_root], atol=1e-6)
    assert not np.allclose(still.camera_translation, moved.camera_translation)
