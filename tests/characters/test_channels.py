"""The mapping between joint parameters and bone channels, which needs no Blender."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from native_runtime.characters.channels import ChannelMap, nearest_angles
from native_runtime.characters.layout import MIN_LENGTH, bone_layout, bone_turn
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import euler_to_matrix


def test_turns_are_signed_permutations(any_body: Body) -> None:
    for name in any_body.joint_names:
        turn = bone_turn(name)
        assert np.isin(turn, (-1, 0, 1)).all()
        assert np.linalg.det(turn) == pytest.approx(1)
        assert np.array_equal(turn @ turn.T, np.eye(3))


def test_channels_and_back(any_body: Body) -> None:
    channel_map = ChannelMap(bone_layout(any_body))
    joints = np.random.default_rng(0).normal(0, 4, (len(any_body.joint_names), 7))
    assert channel_map.joint_parameters(channel_map.channels(joints)) == pytest.approx(joints, abs=1e-9)
    rest = channel_map.channels(np.zeros_like(joints))
    assert not rest.location.any()
    assert not rest.rotation.any()
    assert (rest.scale == 1).all()


def test_channels_are_the_same_motion(any_body: Body) -> None:
    """Chaining bones as Blender documents it gives the body's own joints."""
    layout = bone_layout(any_body)
    channel_map = ChannelMap(layout)
    parameters = np.random.default_rng(1).normal(0, 0.4, len(any_body.parameter_names))
    pose = any_body.pose(parameters)
    channels = channel_map.channels(any_body.joint_parameters(parameters))
    bones = np.zeros_like(layout.rest)
    for i, parent in enumerate(layout.parents):
        basis = np.eye(4)
        order = channel_map.rotation_modes[i]  # Blender turns about the first letter's axis first; all axes stay put
        turn = Rotation.from_euler(order.lower(), [channels.rotation[i]["XYZ".index(axis)] for axis in order])
        basis[:3, :3] = turn.as_matrix() * channels.scale[i]
        basis[:3, 3] = channels.location[i]
        rest = layout.rest[i] if parent < 0 else np.linalg.inv(layout.rest[parent]) @ layout.rest[i]
        bones[i] = (rest if parent < 0 else bones[parent] @ rest) @ basis
    x, y, z = np.moveaxis(pose.translations, -1, 0) / 100
    assert bones[:, :3, 3] == pytest.approx(np.stack([x, -z, y], axis=-1), abs=1e-6)


def test_default_bones_lie_along_the_limbs(default_body_path) -> None:
    body = Body.load(default_body_path)
    layout = bone_layout(body)
    index = body.joint_index
    limbs = [
        "uparm lowarm",
        "lowarm wrist",
        "upleg lowleg",
        "lowleg foot",
        "index1 index2",
        "thumb1 thumb2",
        "clavicle uparm",
    ]
    for side in "lr":
        for limb in limbs:
            bone, child = (index(f"{side}_{name}") for name in limb.split())
            reach = layout.heads[child] - layout.heads[bone]
            assert layout.rest[bone, :3, 1] @ reach / np.linalg.norm(reach) > 0.95, (side, limb)
        assert layout.rest[index(f"{side}_eye"), 1, 1] < -0.9  # the eyes look to the front, -y
        assert layout.rest[index(f"{side}_ball"), 1, 1] < -0.8  # the toes too
    assert (layout.lengths >= MIN_LENGTH).all()
    assert layout.lengths.max() < 0.8


def test_default_sides_mirror(default_body_path) -> None:
    """Left and right bones are mirror images in Blender's sense, so that poses can be pasted flipped."""
    body = Body.load(default_body_path)
    layout = bone_layout(body)
    mirror = np.diag([-1.0, 1.0, 1.0])
    for i, name in enumerate(layout.names):
        if name.startswith("l_"):
            twin = layout.rest[body.joint_index("r_" + name[2:])]
            flipped = mirror @ layout.rest[i, :3, :3] @ mirror
            assert twin[:3, :3] == pytest.approx(flipped, abs=0.02), name


def test_matrices_and_back(any_body: Body) -> None:
    """Where a bone stands says the same as its channels, up to whole turns."""
    channel_map = ChannelMap(bone_layout(any_body))
    rng = np.random.default_rng(3)
    joints = rng.uniform(-1.4, 1.4, (len(any_body.joint_names), 7))
    matrices = channel_map.local_matrices(joints)
    assert channel_map.from_local_matrices(matrices, joints) == pytest.approx(joints, abs=1e-9)
    turned = joints.copy()
    turned[:, 3] += 2 * np.pi
    turned[:, 5] -= 2 * np.pi
    assert channel_map.from_local_matrices(matrices, turned) == pytest.approx(turned, abs=1e-9)


def test_nearest_angles_are_the_same_rotation() -> None:
    rng = np.random.default_rng(4)
    angles, near = rng.uniform(-7, 7, (50, 3)), rng.uniform(-7, 7, (50, 3))
    found = nearest_angles(angles, near)
    assert euler_to_matrix(found) == pytest.approx(euler_to_matrix(angles), abs=1e-12)
    assert (np.abs(found - near).sum(axis=1) <= np.abs(angles - near).sum(axis=1) + 1e-12).all()
