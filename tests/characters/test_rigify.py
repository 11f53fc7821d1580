"""Where the bones of the metarig lie, and which joints the controls carry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.camera import mhr_to_blender
from native_runtime.characters.rig_map import RigMap
from native_runtime.characters.rigify.controls import (
    CONTROLS,
    LIMBS,
    channel_matrix,
    motions,
    pole_place,
    posed_bones,
)
from native_runtime.characters.rigify.face import PANEL
from native_runtime.characters.rigify.metarig import Metarig, bone_frames, metarig_of, standard_pose
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import rotation_about
from tests.support.poses import likely_poses


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path.with_name("default-lod2.npz"))


@pytest.fixture(scope="module")
def parameters(body: Body) -> np.ndarray:
    """A pose on a skeleton of its own."""
    found = likely_poses(body, 1)[0]
    rng = np.random.default_rng(3)
    for slider in RigMap.of(body).section("skeleton"):
        found[slider.index] = rng.uniform(-0.2, 0.2)
    return found


@pytest.fixture(scope="module")
def plan(body: Body, parameters: np.ndarray) -> Metarig:
    return metarig_of(body, parameters)


def test_bones_begin_at_the_joints_of_the_standard_pose(body: Body, parameters: np.ndarray, plan: Metarig) -> None:
    joints = mhr_to_blender(body.pose(standard_pose(body, parameters)).translations)
    bones = {bone.name: bone for bone in plan.bones}
    for bone, joint in {
        "upper_arm.L": "l_uparm",
        "forearm.R": "r_lowarm",
        "hand.L": "l_wrist",
        "thigh.L": "l_upleg",
        "shin.R": "r_lowleg",
        "foot.L": "l_talocrural",
        "toe.R": "r_ball",
        "f_pinky.02.L": "l_pinky2",
        "thumb.03.R": "r_thumb3",
        "spine.003": "c_spine2",
        "head": "c_head",
    }.items():
        assert bones[bone].head == pytest.approx(joints[body.joint_index(joint)], abs=1e-9)
    for bone in plan.bones:
        if bone.connected:
            assert bones[bone.parent].tail == pytest.approx(bone.head, abs=1e-9)
        assert np.linalg.norm(bone.tail - bone.head) >= 1e-3 - 1e-9


def test_heels_and_toes_are_on_the_foot(body: Body, parameters: np.ndarray, plan: Metarig) -> None:
    bones = {bone.name: bone for bone in plan.bones}
    floor = mhr_to_blender(body.vertices(standard_pose(body, parameters), correctives=False))[:, 2].min()
    for side in "LR":
        heel, toe, foot = (bones[f"{name}.{side}"] for name in ("heel.02", "toe", "foot"))
        assert heel.head[2] == pytest.approx(heel.tail[2])
        assert heel.head[2] == pytest.approx(floor, abs=0.02)
        assert heel.head[1] > foot.head[1]  # behind the ankle; the character faces -y
        assert toe.tail[1] < toe.head[1] < foot.head[1]


def test_the_sides_mirror_each_other(body: Body) -> None:
    flip = np.array([-1.0, 1.0, 1.0])
    bones = {bone.name: bone for bone in metarig_of(body, np.zeros(204)).bones}
    for name, bone in bones.items():
        if name.endswith(".L") and not name.startswith("face_"):
            other = bones[name.removesuffix(".L") + ".R"]
            assert other.head == pytest.approx(bone.head * flip, abs=1e-6)
            assert other.tail == pytest.approx(bone.tail * flip, abs=2e-3)


def test_sockets_rest_as_the_bones_do(body: Body, parameters: np.ndarray, plan: Metarig) -> None:
    frames = bone_frames(body, standard_pose(body, parameters))
    for socket in plan.sockets:
        assert socket.rest == pytest.approx(frames[body.joint_index(socket.joint)])
    followed = [socket.joint for socket in plan.sockets if socket.is_followed]
    assert len(followed) == len(set(followed))
    assert {control.joint for control in CONTROLS} - {""} <= set(followed)
    assert {joint for limb in LIMBS for joint in limb.moved} <= set(followed)


def test_every_expression_has_a_slider_within_the_panel(body: Body, plan: Metarig) -> None:
    keys = {slider.key for slider in RigMap.of(body).section("expression")}
    assert {slider.key for slider in plan.face.sliders} == keys
    assert len({slider.bone for slider in plan.face.sliders}) == len(keys)
    wide, high = plan.face.size
    for slider in plan.face.sliders:
        assert 0.0 < slider.place[0] < wide
        assert -high < slider.place[1] < -plan.face.track
    parents = {bone.parent for bone in plan.bones if bone.name.startswith("face_") and bone.name != PANEL}
    assert parents == {PANEL}


def test_channels_move_a_control_as_its_joint(body: Body, parameters: np.ndarray) -> None:
    """Chained by hand as Blender does, from the root to the fingers."""
    rest = bone_frames(body, standard_pose(body, parameters))
    moved = motions(posed_bones(body, body.joint_parameters(parameters)), rest)
    assert moved[body.joint_index("c_head"), :3, :3] @ moved[body.joint_index("c_head"), :3, :3].T == pytest.approx(
        np.eye(3), abs=1e-9
    )
    upper, lower = body.joint_index("l_uparm"), body.joint_index("l_lowarm")
    turned = channel_matrix(rest[lower], moved[lower], moved[upper])
    # an elbow has one axis in MHR: the x axis of its bone
    assert turned[:3, 0] == pytest.approx([1.0, 0.0, 0.0], abs=1e-6)
    parent = moved[upper] @ rest[upper]
    child = parent @ np.linalg.inv(rest[upper]) @ rest[lower] @ turned
    assert child == pytest.approx(moved[lower] @ rest[lower], abs=1e-9)


def test_poles_lie_on_the_side_to_which_a_limb_bends() -> None:
    rest = np.array([[0.0, 0.0, 1.0], [0.0, -0.02, 0.5], [0.0, 0.0, 0.0]])
    pole = np.array([0.0, -1.02, 0.5])
    assert pole_place(rest, np.eye(3), rest, pole) == pytest.approx(pole)
    turn = rotation_about(np.array([0.0, 0.0, 1.0]), 1.1)
    assert pole_place(rest @ turn.T, turn, rest, pole) == pytest.approx(turn @ pole)
    straight = rest * (1.0, 0.0, 1.0)
    assert pole_place(straight, np.eye(3), rest, pole) == pytest.approx([0.0, -1.0, 0.5])
