"""Exported graphs in ONNX Runtime against recordings of the reference code: converted from the case's weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the export needs PyTorch")
onnx = pytest.importorskip("onnx", reason="the export needs onnx")

from native_runtime.network.graph_definitions import GRAPHS  # noqa: E402
from native_runtime.network.template import PRECISIONS  # noqa: E402
from tests.support.parity import DECODER_OUTPUTS, recording  # noqa: E402
from tests.support.recorded_network import Call  # noqa: E402

from .graphs import Graphs  # noqa: E402

CALLS = (
    "body_dummy",
    "body_one_prompt",
    "body_multi_prompt",
    "body_prev_estimate",
    "body_multi_prev",
    "body_offcrop",
    "hand_dummy",
    "hand_multi_prev",
    "hand_offcrop",
)
OTHERWISE = ("keypoints_2d", "hand_boxes", "hand_logits")
"""Outputs that are compared in a way of their own."""

# Parameters (radians and the like), metres and pixels. A float16 has 11 bits: what goes in as 1000 pixels of focal
# length stays float32, but features and attention are rounded to 5e-4 of their size in every layer.
TOLERANCES = {"fp32": (2e-5, 2e-5, 5e-3), "fp16": (2e-2, 2e-2, 8.0)}
VISIBLE = 0.05
"""Metres of depth; nearer points move by pixels with the last bit."""


@pytest.fixture(scope="session")
def graphs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, parity_case: Path) -> Graphs:
    support = request.getfixturevalue("support")
    arrays = {name: tensor.numpy() for name, tensor in support._asdict().items()}
    templates = request.config.cache.mkdir("sam3d_body_templates")
    return Graphs(parity_case, arrays, templates, tmp_path_factory.mktemp("graphs"))


def decoded(graphs: Graphs, precision: str, call: Call, rows: slice = slice(None)) -> dict[str, Any]:
    """The outputs of a call's context and decoder, for some of its people."""
    mask, score = call.without_mask()
    features = call.features.numpy()
    if precision == "fp16":
        features = features.astype(np.float16)
    given = {"features": features, "rays": call.rays, "mask": mask, "mask_score": score}
    given |= {"keypoints": call.keypoints, "previous": call.previous, "condition": call.condition}
    given |= call.view._asdict()
    given = {name: np.asarray(array)[rows] for name, array in given.items()}
    context = graphs.run(f"{call.kind}_context", precision, given)
    return graphs.run(f"{call.kind}_decoder", precision, given | context)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", CALLS)
def test_decoders_match_the_reference(
    graphs: Graphs, parity_case: Path, network: Any, name: str, precision: str
) -> None:
    call = Call.read(parity_case, name, network)
    ours = decoded(graphs, precision, call)
    parameters, metres, pixels = TOLERANCES[precision]
    depth = network.configuration.depth
    wanted = {key.removeprefix(f"P{depth - 1}."): array for key, array in call.stage.items()}
    for own, theirs in DECODER_OUTPUTS.items():
        if own in OTHERWISE:
            continue
        tolerance = metres if own in ("camera_translation", "keypoints_3d", "joint_coordinates") else parameters
        scale = max(1.0, float(np.abs(wanted[theirs]).max()))
        np.testing.assert_allclose(ours[own], wanted[theirs], rtol=0, atol=tolerance * scale, err_msg=own)
    visible = wanted["pred_keypoints_2d_depth"] > VISIBLE
    assert visible.any()
    np.testing.assert_allclose(
        ours["keypoints_2d"][visible], wanted["pred_keypoints_2d"][visible], rtol=1e-5, atol=pixels
    )
    tolerance = 1e-4 if precision == "fp32" else 1e-2
    np.testing.assert_allclose(ours["hand_boxes"], call.stage["hand_box"], rtol=0, atol=tolerance)
    np.testing.assert_allclose(ours["hand_logits"], call.stage["hand_logits"], rtol=tolerance, atol=10 * tolerance)
    for layer in range(depth):
        np.testing.assert_allclose(
            ours["layer_keypoints_3d"][layer], call.stage[f"P{layer}.pred_keypoints_3d"], rtol=0, atol=metres
        )


def test_people_do_not_influence_each_other(graphs: Graphs, parity_case: Path, network: Any) -> None:
    """One person of a call alone gets what they get in company: the batch is free."""
    call = Call.read(parity_case, "body_multi_prompt", network)
    together = decoded(graphs, "fp32", call)
    alone = decoded(graphs, "fp32", call, slice(1, 2))
    for name, array in together.items():
        axis = 1 if name.startswith("layer_") else 0
        np.testing.assert_allclose(alone[name], array.take([1], axis), rtol=1e-4, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("precision", PRECISIONS["encoder"])
def test_encoder_matches_the_reference(graphs: Graphs, parity_case: Path, precision: str) -> None:
    no_mask = recording(parity_case, "weights")["prompt_encoder.no_mask_embed.weight"].reshape(-1, 1, 1)
    pipeline = recording(parity_case, "pipeline_body_1p")
    crops = np.concatenate([pipeline["body.crop_uint8"], pipeline["body.crop_uint8"][:, ::-1]])
    features = graphs.run("encoder", precision, {"crops": crops})["features"]
    assert features.dtype == (np.float16 if precision == "fp16" else np.float32)
    # The case's backbone is one convolution, which stays float32 in int8.
    tolerance = 5e-3 if precision == "fp16" else 1e-4
    expected = pipeline["body.out.image_embeddings"] - no_mask
    np.testing.assert_allclose(features[:1], expected, rtol=tolerance, atol=tolerance)
    assert not np.allclose(features[1], features[0], atol=0.1)


@pytest.mark.parametrize("graph", GRAPHS)
def test_graphs_are_valid(graphs: Graphs, graph: str) -> None:
    for precision in PRECISIONS[graph]:
        onnx.checker.check_model(graphs.path(graph, precision))


@pytest.mark.parametrize("factor", [1, 1e5])
def test_half_precision_stays_near_float32(
    graphs: Graphs, parity_case: Path, network: Any, factor: float, tmp_path: Path
) -> None:
    """Keypoints within half a millimetre, even where a layer adds numbers to the tokens that float16 cannot hold."""
    call = Call.read(parity_case, "body_dummy", network)
    large = graphs.scaled("decoder.layers.0.ffn.layers.1.weight", factor, tmp_path)
    exact, half = (decoded(large, precision, call)["keypoints_3d"] for precision in ("fp32", "fp16"))
    assert np.isfinite(half).all()
    assert np.linalg.norm(exact - half, axis=-1).max() < 0.0005
