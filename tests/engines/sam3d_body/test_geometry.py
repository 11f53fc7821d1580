"""Rotations and the compact form, against the reference's own functions and against themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.engines.sam3d_body.merge import within_wrist_range
from native_runtime.engines.sam3d_body.parameters import hand_angles, model_parameters
from native_runtime.mhr.rotations import matrix_to_xzy, rotation_angle, xzy_to_matrix
from tests.engines.sam3d_body.recorded import outputs_of
from tests.support.parity import recording


@pytest.fixture(scope="module")
def functions(parity_case: Path) -> dict[str, NDArray]:
    return recording(parity_case, "stage_functions")


def test_wrist_angles_are_those_of_the_reference(functions: dict[str, NDArray]) -> None:
    matrices = functions["roma.euler_to_rotmat.XZY"]
    np.testing.assert_allclose(xzy_to_matrix(functions["euler.in"]), matrices, atol=2e-6)
    from_rotations = matrix_to_xzy(functions["rot6d_to_rotmat.out"])
    np.testing.assert_allclose(from_rotations, functions["roma.rotmat_to_euler.XZY"], atol=1e-4)
    np.testing.assert_allclose(xzy_to_matrix(from_rotations), functions["rot6d_to_rotmat.out"], atol=2e-6)


@pytest.mark.parametrize("middle", [np.pi / 2, -np.pi / 2])
def test_a_wrist_at_the_pole_keeps_its_rotation(middle: float) -> None:
    matrix = xzy_to_matrix(np.array([0.7, middle, -0.4]))
    np.testing.assert_allclose(xzy_to_matrix(matrix_to_xzy(matrix)), matrix, atol=1e-7)


def test_the_better_way_to_write_a_wrist(functions: dict[str, NDArray]) -> None:
    given = functions["wrist_xzy.in"].astype(np.float64)
    fixed = within_wrist_range(given)
    np.testing.assert_allclose(fixed, functions["fix_wrist_euler.out"], atol=2e-6)
    assert 0 < np.any(fixed != given, axis=-1).mean() < 1  # both ways were taken
    np.testing.assert_allclose(xzy_to_matrix(fixed), xzy_to_matrix(given), atol=1e-12)


def test_angles_between_rotations() -> None:
    turns = np.array([0.0, 1e-4, 1.4, np.pi])
    about_x = xzy_to_matrix(np.stack([turns, 0 * turns, 0 * turns], axis=1))
    other = xzy_to_matrix(np.array([0.3, -1.0, 2.0]))
    np.testing.assert_allclose(rotation_angle(other @ about_x, other), turns, atol=1e-7)


def test_hands_unpack_as_in_the_reference(functions: dict[str, NDArray]) -> None:
    plain = {"hand_pose_mean": np.zeros(54), "hand_pose_comps": np.eye(54)}
    np.testing.assert_allclose(
        hand_angles(plain, functions["hand_cont.in"]), functions["compact_cont_to_model_params_hand.out"], atol=5e-6
    )


def test_model_parameters_are_those_of_the_body_head(
    functions: dict[str, NDArray], constants: dict[str, NDArray]
) -> None:
    out = {name.removeprefix("head_pose.out."): a for name, a in functions.items() if name.startswith("head_pose.out.")}
    found = model_parameters(constants, out["global_rot"], out["body_pose"], out["hand"], out["scale"])
    np.testing.assert_allclose(found, out["mhr_model_params"], atol=5e-6)


def test_model_parameters_of_recorded_passes(recorded: dict[str, NDArray], constants: dict[str, NDArray]) -> None:
    out = outputs_of(recorded, "body.out.mhr.")
    found = model_parameters(constants, out["global_rotation"], out["body_pose"], out["hand"], out["scale"])
    np.testing.assert_allclose(found, out["model_parameters"], atol=5e-6)
