"""MHR in PyTorch against the body: joints and keypoints of many poses, with and without correctives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the export needs PyTorch")

from native_runtime.build.sam3d_body.keypoint_support import keypoint_support  # noqa: E402
from native_runtime.mhr import Body, load_rig_facts  # noqa: E402
from native_runtime.mhr.correctives import PoseCorrectives  # noqa: E402
from native_runtime.network.mhr import KeypointSupport, ancestor_steps, keypoints, pose_joints  # noqa: E402
from tests.support.bodies import toy_body  # noqa: E402
from tests.support.parity import recording  # noqa: E402

CAMERA = np.array([1, -1, -1]) / 100
PEOPLE = 5


def corrected(body: Body, rng: np.random.Generator) -> Body:
    basis = rng.normal(size=(48, body.vertex_count, 3)) * (rng.random((48, body.vertex_count, 1)) < 0.5)
    activation = rng.normal(size=(48, 750)) * (rng.random((48, 750)) < 0.1)
    return replace(body, correctives=PoseCorrectives.from_dense(activation, basis.astype(np.float32)))


@pytest.mark.parametrize("with_correctives", [False, True])
def test_joints_and_keypoints_are_the_bodys(rng: np.random.Generator, with_correctives: bool) -> None:
    body = corrected(toy_body(), rng) if with_correctives else toy_body()
    rows = body.keypoint_rows
    mapping = np.zeros((70, body.vertex_count + 127))
    np.add.at(mapping, (rows.rows, rows.columns), rows.values)
    support = KeypointSupport.of(keypoint_support(body, mapping))
    parameters = rng.normal(size=(PEOPLE, 204)).astype(np.float32) * 0.5
    identity = rng.normal(size=(PEOPLE, body.identity_count)).astype(np.float32)
    joints = pose_joints(support, torch.from_numpy(parameters))
    points = keypoints(support, joints, torch.from_numpy(identity))
    pose = body.pose(parameters)
    vertices = body.vertices(parameters, identity)
    # cm against float64 over limbs that random scales stretch
    np.testing.assert_allclose(joints.transforms, pose.joints, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(joints.rotations, pose.rotations, atol=5e-6)
    np.testing.assert_allclose(joints.positions, pose.translations * CAMERA, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(points, body.keypoints(pose, vertices) * CAMERA, rtol=1e-5, atol=1e-5)


def test_the_recorded_poses(support, parity_case: Path) -> None:
    stage = recording(parity_case, "stage_mhr_standin")
    joints = pose_joints(support, torch.from_numpy(stage["in.model_parameters"]))
    np.testing.assert_allclose(joints.positions, stage["skel_state"][..., :3] * CAMERA, atol=2e-6)
    scales = torch.linalg.vector_norm(joints.transforms[..., :3, 0], dim=-1)
    np.testing.assert_allclose(scales, stage["skel_state"][..., 7], rtol=1e-5)


def test_every_joint_meets_every_ancestor_once() -> None:
    parents = load_rig_facts().joint_parents
    chains = [[joint] for joint in range(len(parents))]
    for step in ancestor_steps():
        chains = [chain + (chains[above] if above < len(parents) else []) for chain, above in zip(chains, step)]
    for joint, chain in enumerate(chains):
        wanted, ancestor = [], joint
        while ancestor >= 0:
            wanted.append(ancestor)
            ancestor = int(parents[ancestor])
        assert chain == wanted
