"""The weights that the reference code was recorded with, converted: real names, and keypoints where it had them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from native_runtime.build.sam3d_body.convert import GRAPHS, convert_checkpoint
from native_runtime.build.sam3d_body.template import Template, Weight
from native_runtime.mhr import Body
from tests.support.checkpoints import StateDict, write_shards, write_torch
from tests.support.official_release import torchscript_content
from tests.support.parity import recording, standin_body
from tests.support.torch_archive import write_archive
from tests.support.toy_graphs import FLOAT, model, node

WEIGHTS = {
    "encoder": "backbone.proj.weight",
    "body_context": "ray_cond_emb.conv.weight",
    "body_decoder": "decoder.norm_final.weight",
    "hand_context": "ray_cond_emb_hand.conv.weight",
    "hand_decoder": "decoder_hand.norm_final.weight",
}


@pytest.fixture(scope="module")
def weights(parity_case: Path) -> dict[str, np.ndarray]:
    return recording(parity_case, "weights")


@pytest.fixture(scope="module")
def templates(weights: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Graphs that give back one weight each."""
    folder = tmp_path_factory.mktemp("templates") / "case"
    for graph in GRAPHS:
        name = WEIGHTS[graph]
        shape = weights[name].shape
        made = model([node("Identity", ["w"], ["out"])], {}, {"out": (FLOAT, shape)})
        Template(graph, "fp32", made, (Weight("w", "float32", name, "copy", shape),)).save(folder)
    tensors = {name: [list(array.shape), str(array.dtype)] for name, array in weights.items()}
    constants = {"image_size": [512, 512], "feature_size": [32, 32], "opset": 17}
    content = {"variant": "case", "tensors": tensors, "optional": [], "constants": constants}
    (folder / "variant.json").write_text(json.dumps(content))
    return folder.parent


@pytest.fixture(scope="module")
def mhr(shared: Path, parity_case: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recording's stand-in of MHR in the container of the release; it has no pose correctives."""
    folder = tmp_path_factory.mktemp("mhr")
    content = torchscript_content(standin_body(shared, parity_case), folder)
    del content["pose_correctives_model"]
    return write_archive(folder / "mhr_model.pt", content)


@pytest.mark.parametrize("form", ["torch", "shards"])
def test_the_recorded_weights_convert(
    form: str, weights: dict[str, np.ndarray], templates: Path, mhr: Path, parity_case: Path, tmp_path: Path
) -> None:
    content: dict[str, Any] = weights
    if form == "torch":
        checkpoint = write_torch(tmp_path / "model.ckpt", {"state_dict": StateDict(content), "epoch": 1})
    else:
        checkpoint = write_shards(tmp_path / "shards", {f"model.{name}": array for name, array in content.items()})
    made = convert_checkpoint(checkpoint, mhr, tmp_path / "models", templates=templates)
    for graph, name in WEIGHTS.items():
        session = onnxruntime.InferenceSession(made.folder / f"{graph}.onnx", providers=["CPUExecutionProvider"])
        np.testing.assert_array_equal(session.run(None, {})[0], weights[name])

    body = Body.load(tmp_path / "models" / "bodies" / f"{made.body}.npz")
    recorded = recording(parity_case, "stage_functions")
    parameters = recorded["mf.body.model_params"]
    vertices = body.vertices(parameters, recorded["mf.shape"])
    keypoints = body.keypoints(body.pose(parameters), vertices) / 100
    np.testing.assert_allclose(keypoints, recorded["mf.body.keypoints308_m"][:, :70], atol=1e-5)

    with np.load(made.folder / "constants.npz", allow_pickle=False) as constants:
        for name in ("right_wrist_coords", "hand_joint_idxs_left", "scale_comps"):
            np.testing.assert_array_equal(constants[name], weights[f"head_pose.{name}"])
        assert constants["initial_estimate_hand"].shape == (522,)
