"""The stand-in of MHR that the recordings were made with, read as a body of ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.support.parity import recording, standin_body


def test_the_standin_poses_as_recorded(shared: Path, parity_case: Path) -> None:
    body, wanted = standin_body(shared, parity_case), recording(parity_case, "stage_mhr_standin")
    pose = body.pose(wanted["in.model_parameters"])
    vertices = body.vertices(wanted["in.model_parameters"], wanted["in.identity"], wanted["in.expr"])
    parameters = wanted["joint_parameters"].reshape(pose.joint_parameters.shape)
    np.testing.assert_allclose(pose.joint_parameters, parameters, atol=2e-6, rtol=2e-6)
    np.testing.assert_allclose(pose.translations, wanted["skel_state"][..., :3], atol=1e-4)
    np.testing.assert_allclose(pose.scales, wanted["skel_state"][..., 7], rtol=1e-6)
    np.testing.assert_allclose(vertices, wanted["vertices_cm"], atol=5e-4)


def test_the_standin_has_the_keypoints_of_the_weights(shared: Path, parity_case: Path) -> None:
    body, wanted = standin_body(shared, parity_case), recording(parity_case, "stage_functions")
    parameters = wanted["mf.body.model_params"]
    vertices = body.vertices(parameters, wanted["mf.shape"])
    keypoints = body.keypoints(body.pose(parameters), vertices) / 100
    np.testing.assert_allclose(keypoints, wanted["mf.body.keypoints308_m"][:, :70], atol=1e-5)
