"""The body model's mathematics: against real MHR outputs, against finite differences, and by its invariants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.errors import ModelError
from native_runtime.mhr import Body, ColumnSet, PointSet, joint_points
from native_runtime.mhr.correctives import PoseCorrectives, pose_features
from native_runtime.mhr.rotations import (
    euler_to_matrix,
    matrix_to_euler,
    matrix_to_quaternion,
    quaternion_to_matrix,
    rotation_between,
)
from tests.support.advice import refused
from tests.support.bodies import reference_body, toy_body


@pytest.fixture(scope="module")
def toy() -> Body:
    return toy_body()


def random_parameters(body: Body, seed: int, count: int | None = None) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.8, 0.8, (204,) if count is None else (count, 204))


def test_euler_is_x_then_y_then_z() -> None:
    rx, ry, rz = 0.3, -0.7, 1.1
    one = lambda axis, a: euler_to_matrix(np.eye(3)[axis] * a)  # noqa: E731
    np.testing.assert_allclose(euler_to_matrix([rx, ry, rz]), one(2, rz) @ one(1, ry) @ one(0, rx), atol=1e-15)


@pytest.mark.parametrize("ry", [0.0, 0.5, np.pi / 2, -np.pi / 2])
def test_rotations_round_trip(ry: float) -> None:
    matrix = euler_to_matrix([0.4, ry, -2.0])
    np.testing.assert_allclose(euler_to_matrix(matrix_to_euler(matrix)), matrix, atol=1e-7)
    np.testing.assert_allclose(quaternion_to_matrix(matrix_to_quaternion(matrix)), matrix, atol=1e-12)


@pytest.mark.parametrize("target", [[1.0, 0, 0], [-1.0, 0, 0], [0.3, 0.4, -0.5]])
def test_rotation_between_turns_one_into_the_other(target: list[float]) -> None:
    turned = rotation_between([1, 0, 0], target) @ [1, 0, 0]
    np.testing.assert_allclose(turned, np.array(target) / np.linalg.norm(target), atol=1e-12)


@pytest.mark.parametrize("subject", ["img_subj00", "img_subj01"])
def test_joints_equal_real_sam3d_body_outputs(shared: Path, subject: str) -> None:
    """Measured by an independent probe: 6.5e-5 mm mean; the bar is 0.001 mm mean, 0.01 mm max."""
    body = reference_body(shared)
    real = np.load(shared / "mhr" / "sam3d_body_outputs" / f"{subject}.npz")
    pose = body.pose(real["mhr_model_params"].astype(float))
    ours = pose.translations / 100 * [1, -1, -1]
    error = 1000 * np.linalg.norm(ours - real["pred_joint_coords"], axis=1)
    assert error.mean() < 0.001
    assert error.max() < 0.01
    hands = np.r_[41:69, 77:105]
    trusted = np.setdiff1d(np.arange(127), hands)
    relative = pose.rotations[trusted].transpose(0, 2, 1) @ real["pred_global_rots"][trusted]
    angles = np.degrees(np.linalg.norm(relative - relative.transpose(0, 2, 1), axis=(1, 2)) / np.sqrt(8))
    assert angles.max() < 0.001


def test_batches_equal_singles(toy: Body) -> None:
    parameters = random_parameters(toy, 1, 5)
    identity = np.random.default_rng(2).normal(size=(5, 3))
    batch = toy.vertices(parameters, identity)
    for i in range(5):
        np.testing.assert_allclose(batch[i], toy.vertices(parameters[i], identity[i]), atol=2e-4)
    np.testing.assert_allclose(toy.pose(parameters).joints[3], toy.pose(parameters[3]).joints, atol=1e-12)


def test_rest_is_rest(toy: Body) -> None:
    np.testing.assert_allclose(toy.vertices(np.zeros(204)), toy.rest_vertices, atol=1e-4)


def test_rigid_motion_carries_everything(toy: Body) -> None:
    parameters = random_parameters(toy, 3)
    parameters[:6] = 0
    still = toy.vertices(parameters)
    parameters[:3] = 1.0, 2.0, 3.0  # the unit of the root translation is 10 cm
    below_root = ~np.any((toy.skin_indices == 0) & (toy.skin_weights > 0), axis=1)
    np.testing.assert_allclose(
        toy.vertices(parameters)[below_root], still[below_root] + np.array([10, 20, 30]), atol=1e-3
    )


def test_shape_moves_no_joint_and_scale_changes_no_shape(toy: Body) -> None:
    parameters = random_parameters(toy, 4)
    before = toy.pose(parameters).translations
    toy.vertices(parameters, np.ones(3))
    np.testing.assert_array_equal(before, toy.pose(parameters).translations)


def test_hand_scale_is_a_power_of_two(toy: Body) -> None:
    parameters = np.zeros(204)
    wrist, tip = toy.joint_index("r_wrist"), toy.joint_index("r_middle_null")
    rest = toy.pose(parameters).translations
    parameters[toy.parameter_index("scale_r_hands")] = 1.0
    scaled = toy.pose(parameters)
    np.testing.assert_allclose(
        scaled.translations[tip] - scaled.translations[wrist], 2 * (rest[tip] - rest[wrist]), atol=1e-9
    )
    assert scaled.scales[tip] == pytest.approx(2.0)


def test_points_equal_the_full_mesh(toy: Body) -> None:
    parameters, identity = random_parameters(toy, 5), np.array([0.5, -1.0, 2.0])
    pose = toy.pose(parameters)
    full = toy.keypoints(pose, toy.vertices(parameters, identity))
    np.testing.assert_allclose(PointSet.from_rows(toy, toy.keypoint_rows).positions(pose, identity), full, atol=1e-3)


def test_parameter_jacobian_equals_finite_differences(toy: Body) -> None:
    points = PointSet.from_rows(toy, toy.keypoint_rows)
    drives_something = np.unique(toy.parameterisation.columns)
    columns = ColumnSet.of(toy, drives_something)
    parameters, identity = random_parameters(toy, 6), np.array([0.3, 0.2, -0.4])
    jacobian = points.parameter_jacobian(toy.pose(parameters), columns, identity)
    step = 1e-6
    for slot, parameter in enumerate(drives_something):
        high, low = parameters.copy(), parameters.copy()
        high[parameter] += step
        low[parameter] -= step
        numeric = (points.positions(toy.pose(high), identity) - points.positions(toy.pose(low), identity)) / (2 * step)
        np.testing.assert_allclose(jacobian[:, :, slot], numeric, atol=2e-5, err_msg=toy.parameter_names[parameter])


def test_identity_jacobian_equals_finite_differences(toy: Body) -> None:
    points = PointSet.from_rows(toy, toy.keypoint_rows)
    pose = toy.pose(random_parameters(toy, 7))
    jacobian = points.identity_jacobian(pose)
    for k in range(3):
        numeric = points.positions(pose, np.eye(3)[k]) - points.positions(pose, np.zeros(3))
        np.testing.assert_allclose(jacobian[:, :, k], numeric, atol=1e-9)


def test_joint_points_are_the_joints(toy: Body) -> None:
    pose = toy.pose(random_parameters(toy, 8))
    np.testing.assert_allclose(joint_points(toy, np.array([5, 42])).positions(pose), pose.translations[[5, 42]])


def test_correctives_vanish_at_rest_and_follow_their_formula(toy: Body) -> None:
    assert not pose_features(np.zeros((127, 7))).any()
    rng = np.random.default_rng(0)
    basis = rng.normal(size=(7, toy.vertex_count, 3)).astype(np.float32)
    network = PoseCorrectives.from_dense(rng.normal(size=(7, 750)).astype(np.float32), basis)
    joint_parameters = toy.joint_parameters(random_parameters(toy, 9))
    matrices = euler_to_matrix(joint_parameters[2:, 3:6])
    features = np.concatenate([np.r_[m[:, 0], m[:, 1]] - [1, 0, 0, 0, 1, 0] for m in matrices])
    expected = np.einsum("c,cva->va", np.maximum(network.activation @ features, 0), basis)
    np.testing.assert_allclose(network.offsets(joint_parameters), expected, rtol=1e-3, atol=1e-3)


def test_body_file_round_trip_is_exact_and_deterministic(toy: Body, tmp_path: Path) -> None:
    toy.save(tmp_path / "a.npz")
    again = Body.load(tmp_path / "a.npz")
    again.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert again.hash == toy.hash
    np.testing.assert_array_equal(again.vertices(random_parameters(toy, 1)), toy.vertices(random_parameters(toy, 1)))


def _spoil(path: Path, key: str, value: np.ndarray | None) -> None:
    arrays = dict(np.load(path))
    if value is None:
        del arrays[key]
    else:
        arrays[key] = value
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("format", np.array("something-else"), "format"),
        ("rest_vertices", None, "rest_vertices"),
        ("joint_parents", np.arange(127, dtype=np.int32), "tree"),
        ("skin_indices", np.full((1016, 2), 500, np.int32), "skin_indices"),
        ("rest_vertices", np.full((1016, 3), np.nan, np.float32), "finite"),
        ("uvs", np.zeros((3, 2), np.float32), "uvs"),
    ],
)
def test_spoilt_files_are_refused(toy: Body, tmp_path: Path, key: str, value: np.ndarray | None, says: str) -> None:
    path = tmp_path / "body.npz"
    toy.save(path)
    _spoil(path, key, value)
    with pytest.raises(ModelError, match=says):
        Body.load(path)


def test_missing_truncated_and_foreign_files_are_refused(toy: Body, tmp_path: Path) -> None:
    with refused(ModelError, match="models build"):
        Body.load(tmp_path / "none.npz")
    toy.save(tmp_path / "body.npz")
    whole = (tmp_path / "body.npz").read_bytes()
    for name, content in (
        ("cut", whole[: len(whole) // 2]),
        ("empty", b""),
        ("text", b"hello"),
        ("pickle", b"\x80\x04N."),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match="damaged"):
            Body.load(tmp_path / name)
