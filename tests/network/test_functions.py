"""The functions inside the heads against recordings of the reference code, and where recordings do not reach."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the export needs PyTorch")

from native_runtime.models import sam3d_body_layout as layout  # noqa: E402
from native_runtime.network.heads import View  # noqa: E402
from native_runtime.network.mhr import keypoints, pose_joints  # noqa: E402
from native_runtime.network.parameters import BODY, BODY_AND_HANDS, HAND  # noqa: E402
from native_runtime.network.rotations import arctangent, euler, first_columns, rotation  # noqa: E402
from tests.support.parity import recording  # noqa: E402

CLOSE = {"rtol": 1e-5, "atol": 1e-5}
FLIP = torch.tensor([1.0, -1.0, -1.0])  # between camera axes and MHR's


@pytest.fixture(scope="module")
def functions(parity_case: Path) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in recording(parity_case, "stage_functions").items()}


def same_turn(angles: torch.Tensor, others: torch.Tensor) -> None:
    torch.testing.assert_close(torch.remainder(angles - others + math.pi, 2 * math.pi) - math.pi, others * 0, **CLOSE)


def test_rotations_from_angles(functions) -> None:
    matrices = rotation(functions["euler.in"])
    torch.testing.assert_close(matrices, functions["roma.euler_to_rotmat.xyz"], **CLOSE)
    torch.testing.assert_close(first_columns(matrices), functions["batch6DFromXYZ.out"], **CLOSE)


def test_angles_from_two_columns(functions) -> None:
    same_turn(euler(functions["sixd.in"]), functions["batchXYZfrom6D.out"])
    torch.testing.assert_close(rotation(euler(functions["sixd.in"])), functions["rot6d_to_rotmat.out"], **CLOSE)


@pytest.mark.parametrize(("convention", "spare"), [("xyz", "z"), ("ZYX", "x")])
def test_angles_in_both_orders(functions, convention, spare) -> None:
    wanted = functions[f"roma.rotmat_to_euler.{convention}"]
    angles = euler(first_columns(functions["rot6d_to_rotmat.out"]), spare)
    same_turn(angles.flip(-1) if convention.isupper() else angles, wanted)


@pytest.mark.parametrize("spare", ["x", "z"])
@pytest.mark.parametrize("pole", [1, -1])
def test_at_the_pole_one_angle_takes_the_whole_turn(spare, pole) -> None:
    rx, rz = torch.meshgrid(torch.linspace(-3, 3, 7), torch.linspace(-3, 3, 7), indexing="ij")
    # Exactly at the pole only rx -+ rz is left.
    turn = (rx - pole * rz).flatten()
    zero, one = torch.zeros_like(turn), torch.ones_like(turn)
    columns = torch.stack([zero, zero, -pole * one, pole * turn.sin(), turn.cos(), zero], dim=-1)
    angles = euler(columns, spare)
    assert (angles[:, 0 if spare == "x" else 2] == 0).all()
    torch.testing.assert_close(first_columns(rotation(angles)), columns, rtol=0, atol=1e-6)


def test_the_arctangent_has_four_quadrants() -> None:
    y, x = torch.randn(2, 1000, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(arctangent(y, x), torch.atan2(y, x), rtol=0, atol=5e-7)
    y, x = (v.flatten() for v in torch.meshgrid(*[torch.tensor([-2.0, 0.0, 2.0])] * 2, indexing="ij"))
    torch.testing.assert_close(arctangent(y, x), torch.atan2(y, x), rtol=0, atol=0)
    tiny, huge = torch.tensor([1e-38, 1e-38, 1e38]), torch.tensor([1e38, -1e38, 1e-38])
    torch.testing.assert_close(arctangent(tiny, huge), torch.atan2(tiny, huge), rtol=0, atol=5e-7)


def test_compact_numbers_become_angles(functions) -> None:
    body, hand = BODY.unpack(functions["body_cont.in"]), HAND.unpack(functions["hand_cont.in"])
    torch.testing.assert_close(body, functions["compact_cont_to_model_params_body.out"], **CLOSE)
    torch.testing.assert_close(hand, functions["compact_cont_to_model_params_hand.out"], **CLOSE)
    left = functions["hand_cont.in"].flip(0)
    together = BODY_AND_HANDS.unpack(torch.cat([functions["body_cont.in"], left, functions["hand_cont.in"]], dim=1))
    torch.testing.assert_close(together, torch.cat([body, hand.flip(0), hand], dim=1), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["body", "hand"])
def test_the_camera_sees_points_where_it_should(functions, network, kind) -> None:
    people = len(functions["cam.pred_cam"])
    crop = torch.tensor([[2.0, 0.0, 5.0], [0.0, 2.0, -7.0]]).expand(people, 2, 3)
    view = View(functions["cam.bbox_center"], functions["cam.bbox_size"], crop, functions["pp.K"])
    head = network.part("head_camera", kind)
    translation = head.translation(functions["cam.pred_cam"], view)
    seen = head.project(functions["cam.pred_cam"], translation, functions["pp.points"], view)
    wanted = f"cam.{kind}.intrin_center_True"
    torch.testing.assert_close(translation, functions[f"{wanted}.pred_cam_t"], **CLOSE)
    torch.testing.assert_close(seen.depth, functions[f"{wanted}.pred_keypoints_2d_depth"], **CLOSE)
    in_front = seen.depth.abs() > 0.05
    assert in_front.float().mean() > 0.5
    photo = functions[f"{wanted}.pred_keypoints_2d"]
    torch.testing.assert_close(seen.photo[in_front], photo[in_front], rtol=1e-5, atol=5e-3)
    height, width = network.configuration.image_size
    wanted_crop = (2 * seen.photo + torch.tensor([5.0, -7.0])) / torch.tensor([width, height]) - 0.5
    torch.testing.assert_close(seen.crop[in_front], wanted_crop[in_front], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["body", "hand"])
def test_a_pose_head_alone(functions, network, support, kind) -> None:
    head = network.part("head_pose", kind)
    name = "head_pose_hand" if kind == "hand" else "head_pose"
    initial = network.part("init_pose", kind).weight
    token = functions["head_token.in"]
    torch.testing.assert_close(head.proj(token) + initial, functions[f"{name}.proj_plus_init"], **CLOSE)
    person = head(token, initial, support)
    for recorded, value in (
        ("pred_pose_raw", person.raw),
        ("global_rot", person.global_rotation),
        ("body_pose", person.body_pose),
        ("shape", person.shape),
        ("scale", person.scale),
        ("hand", person.hand),
        ("face", person.face),
        ("mhr_model_params", person.model_parameters),
        ("pred_keypoints_3d", person.keypoints),
        ("pred_joint_coords", person.joints.positions),
        ("joint_global_rots", person.joints.rotations),
    ):
        torch.testing.assert_close(value, functions[f"{name}.out.{recorded}"], **CLOSE, msg=recorded)


@pytest.mark.parametrize("kind", ["body", "hand"])
def test_mhr_away_from_the_origin(functions, network, support, kind) -> None:
    head = network.part("head_pose", kind)
    _, fingers = head.angles(torch.zeros(len(functions["mf.hand"]), BODY.size), functions["mf.hand"])
    placed = (functions["mf.global_trans"], functions["mf.global_rot"], functions["mf.body_pose"])
    parameters = head.model_parameters(*placed, fingers, functions["mf.scale"])
    joints = pose_joints(support, parameters)
    points = head.kept_keypoints(keypoints(support, joints, functions["mf.shape"]))
    torch.testing.assert_close(parameters, functions[f"mf.{kind}.model_params"], **CLOSE)
    torch.testing.assert_close(joints.rotations, functions[f"mf.{kind}.joint_rots"], **CLOSE)
    torch.testing.assert_close(joints.positions * FLIP, functions[f"mf.{kind}.joint_coords_m"], **CLOSE)
    recorded = functions[f"mf.{kind}.keypoints308_m"][:, : layout.KEYPOINTS]
    torch.testing.assert_close(points * FLIP, recorded, **CLOSE)
