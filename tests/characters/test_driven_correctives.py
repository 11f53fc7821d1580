"""Pose correctives as polynomials of one bone's quaternion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from native_runtime.camera import mhr_to_blender
from native_runtime.characters.channels import ChannelMap
from native_runtime.characters.driven_correctives import drivable, driven_correctives
from native_runtime.characters.layout import bone_layout
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import matrix_to_quaternion
from tests.support.correctives import limb_correctives


@pytest.fixture(scope="module")
def body(small_body: Body) -> Body:
    return replace(small_body, correctives=limb_correctives(small_body))


def test_they_come_to_the_bodys_own_offsets(body: Body, rng: np.random.Generator) -> None:
    assert body.correctives is not None
    components = driven_correctives(body)
    assert len(components) == body.correctives.component_count
    assert len({each.name for each in components}) == len(components)
    channels = ChannelMap(bone_layout(body))
    for _ in range(20):
        parameters = rng.uniform(-1.2, 1.2, 204)
        joints = body.joint_parameters(parameters)
        turns = channels.local_matrices(joints)[:, :3, :3]
        scales = np.linalg.norm(turns, axis=1, keepdims=True)
        quaternions = matrix_to_quaternion(turns / scales)[:, [3, 0, 1, 2]]
        total = sum(
            each.value(quaternions[body.joint_index(each.bone)]) * each.offsets.astype(np.float64)
            for each in components
        )
        expected = mhr_to_blender(body.correctives.offsets(joints))
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(total, expected, atol=1e-6)


def test_other_correctives_are_left_alone(small_body: Body) -> None:
    assert not drivable(small_body)
    assert driven_correctives(small_body) == []
    plain = limb_correctives(small_body)
    joint = small_body.joint_index("l_lowarm") - 2
    for place in (joint * 6 + 3, (joint + 1) * 6):  # the second column of the rotation; another joint
        activation = plain.activation.copy()
        activation[0, place] = 0.5
        body = replace(small_body, correctives=replace(plain, activation=activation))
        assert not drivable(body)
        assert driven_correctives(body) == []
