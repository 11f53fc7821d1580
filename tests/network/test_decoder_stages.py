"""The decoders against recordings of the reference code: every layer's tokens and prediction, for all kinds of calls.

Tolerances are those that the recordings' README suggests: the reference itself differs by a fifth of them between
float32 and float64.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the export needs PyTorch")

from native_runtime.network.context import Context  # noqa: E402
from native_runtime.network.decoder import IN_IMAGE, WANTED, Decoder  # noqa: E402
from tests.support.parity import recording  # noqa: E402
from tests.support.recorded_network import Call, reduced_rays  # noqa: E402

TOKENS = 5e-5  # to the largest token
PARAMETERS, METRES, PIXELS = 1e-5, 1e-5, 5e-3
VISIBLE = 0.05  # metres of depth; nearer points move by pixels with the last bit

BODY_CALLS = ("dummy", "one_prompt", "multi_prompt", "prev_estimate", "multi_prev", "offcrop")
HAND_CALLS = ("dummy", "multi_prev", "offcrop")
CALLS = [f"body_{name}" for name in BODY_CALLS] + [f"hand_{name}" for name in HAND_CALLS]


@pytest.fixture(scope="module", params=CALLS)
def call(request, parity_case: Path, network) -> Call:
    return Call.read(parity_case, request.param, network)


def close(ours, theirs: np.ndarray, tolerance: float, what: str) -> None:
    ours = np.asarray(ours)
    assert ours.shape == theirs.shape, what
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance, err_msg=what)


def close_tokens(ours, theirs: np.ndarray, what: str) -> None:
    close(ours, theirs, TOKENS * max(1.0, float(np.abs(theirs).max())), what)


def test_every_layer_matches(call: Call, network, support) -> None:
    decoder, contexts, order = Decoder(network, call.kind), call.contexts(network), call.token_order()
    tokens, positions = decoder.first_tokens(call.keypoints, call.previous, call.condition)
    states = list(decoder.layers(tokens, positions, call.view, support, contexts[0], contexts[1:]))
    assert len(states) == network.configuration.depth
    for index, state in enumerate(states):
        wanted = {name.removeprefix(f"P{index}."): array for name, array in call.stage.items()}
        layer = f"layer {index}"
        close_tokens(state.tokens, call.stage[f"L{index}.tokens_in"][:, order], f"{layer}, tokens before")
        close_tokens(state.positions, call.stage[f"L{index}.token_augment_in"][:, order], f"{layer}, positions")
        result = call.stage[f"L{index}.tokens_out"][:, order]
        if index == len(states) - 1:
            result = result[:, :WANTED]
        close_tokens(state.result, result, f"{layer}, tokens after")
        for name, value, tolerance in (
            ("pred_pose_raw", state.pose.raw, PARAMETERS),
            ("global_rot", state.pose.global_rotation, PARAMETERS),
            ("body_pose", state.pose.body_pose, PARAMETERS),
            ("shape", state.pose.shape, PARAMETERS),
            ("scale", state.pose.scale, PARAMETERS),
            ("hand", state.pose.hand, PARAMETERS),
            ("face", state.pose.face, 0.0),
            ("mhr_model_params", state.pose.model_parameters, PARAMETERS),
            ("joint_global_rots", state.pose.joints.rotations, PARAMETERS),
            ("pred_cam", state.camera.camera, PARAMETERS),
            ("pred_keypoints_3d", state.pose.keypoints, METRES),
            ("pred_joint_coords", state.pose.joints.positions, METRES),
            ("pred_cam_t", state.camera.translation, METRES),
            ("pred_keypoints_2d_depth", state.camera.depth, METRES),
        ):
            close(value, wanted[name], tolerance, f"{layer}, {name}")
        visible = wanted["pred_keypoints_2d_depth"] > VISIBLE
        assert visible.any()
        crop_pixels = network.configuration.image_size[0]
        for name, value, tolerance in (
            ("pred_keypoints_2d", state.camera.photo, PIXELS),
            ("pred_keypoints_2d_cropped", state.camera.crop, PIXELS / crop_pixels),
        ):
            close(value.numpy()[visible], wanted[name][visible], tolerance, f"{layer}, {name}")


def test_outputs_stand_in_the_promised_order(call: Call, network, support) -> None:
    outputs = call.run(network, support)
    last = network.configuration.depth - 1
    visible = call.stage[f"P{last}.pred_keypoints_2d_depth"] > VISIBLE
    for name, recorded, tolerance in (
        ("pose_raw", "pred_pose_raw", PARAMETERS),
        ("global_rotation", "global_rot", PARAMETERS),
        ("body_pose", "body_pose", PARAMETERS),
        ("shape", "shape", PARAMETERS),
        ("scale", "scale", PARAMETERS),
        ("hand", "hand", PARAMETERS),
        ("face", "face", 0.0),
        ("camera", "pred_cam", PARAMETERS),
        ("camera_translation", "pred_cam_t", METRES),
        ("keypoints_3d", "pred_keypoints_3d", METRES),
        ("model_parameters", "mhr_model_params", PARAMETERS),
        ("joint_rotations", "joint_global_rots", PARAMETERS),
        ("joint_coordinates", "pred_joint_coords", METRES),
    ):
        close(outputs[name], call.stage[f"P{last}.{recorded}"], tolerance, name)
    close(outputs["keypoints_2d"][visible], call.stage[f"P{last}.pred_keypoints_2d"][visible], PIXELS, "keypoints_2d")
    close(outputs["hand_boxes"], call.stage["hand_box"], PARAMETERS, "hand_boxes")
    close(outputs["hand_logits"], call.stage["hand_logits"], TOKENS, "hand_logits")
    for layer in range(last + 1):
        name = f"P{layer}.pred_keypoints"
        close(outputs["layer_keypoints_3d"][layer], call.stage[f"{name}_3d"], METRES, f"layer {layer}")
        visible = call.stage[f"{name}_2d_depth"] > VISIBLE
        theirs = call.stage[f"{name}_2d"][visible]
        close(outputs["layer_keypoints_2d"][layer][visible], theirs, PIXELS, f"layer {layer}")


@pytest.mark.parametrize("kind", ["body", "hand"])
def test_the_context_matches(kind, parity_case: Path, network) -> None:
    call = Call.read(parity_case, f"{kind}_dummy", network)
    context = Context(network, kind)
    close(context.conditioned(call.features, call.rays, *call.without_mask()), call.stage["context"], TOKENS, "context")
    close(context.positions(32, 32), call.stage["context_pe"][0], PARAMETERS, "positions")
    outputs = dict(zip(context.output_names, context(call.features, call.rays, *call.without_mask()), strict=True))
    inputs = recording(parity_case, "inputs")
    close(outputs["context"], inputs[f"ray_cond_emb_{kind}_out"], TOKENS, "context as an image")
    dense = inputs[f"dense_pe_{kind}"]
    close(context.positions(32, 32).mT.reshape(dense.shape), dense, PARAMETERS, "positions as an image")


def test_the_recorded_rays_are_those_that_the_calls_use(parity_case: Path, network) -> None:
    inputs = recording(parity_case, "inputs")
    rays = reduced_rays(torch.from_numpy(inputs["ray_cond"]), network.configuration.patch)
    close(rays, inputs["ray_cond_downsampled_32"], 1e-6, "rays")


def test_a_mask_is_added_by_its_score(parity_case: Path, network) -> None:
    stage = recording(parity_case, "stage_mask_prompt")
    mask = torch.from_numpy(stage["in.mask"]).flatten(0, 1).float()
    score = torch.from_numpy(stage["in.mask_score"]).flatten()
    assert (score > 0).any()
    assert (score == 0).any()
    embedded = network.prompt_encoder.mask(mask).mT.reshape(stage["mask_embeddings"].shape)
    close(embedded, stage["mask_embeddings"], PARAMETERS, "embedding")
    features = torch.rand(len(mask), embedded[0, 0].numel(), embedded.shape[1])
    added = (network.prompt_encoder.masked(features, mask, score) - features).mT.reshape(embedded.shape)
    close(added, stage["masked_sum"], PARAMETERS, "what is added")


def test_prompts_are_embedded_by_their_labels(parity_case: Path, network) -> None:
    stage = recording(parity_case, "stage_prompt_encoder")
    assert {-2, -1} <= set(stage["in.keypoints"][..., 2].ravel().astype(int).tolist())
    embedded = network.prompt_encoder(torch.from_numpy(stage["in.keypoints"]))
    close(embedded, stage["sparse_embeddings"], PARAMETERS, "prompts")


def test_people_do_not_touch_each_other(parity_case: Path, network, support) -> None:
    call = Call.read(parity_case, "body_multi_prev", network)
    decoder, contexts = Decoder(network, "body"), call.contexts(network)
    together = decoder(*call.decoder_inputs(support, contexts))
    second = [tensor[1:] for tensor in (call.keypoints, call.previous, call.condition, *call.view)]
    alone = decoder(*second, support, *(tensor[1:] for tensor in contexts))
    for name, one, many in zip(decoder.output_names, alone, together, strict=True):
        row = many[:, 1:] if name.startswith("layer_") else many[1:]
        torch.testing.assert_close(one, row, rtol=1e-5, atol=1e-3 if name.endswith("2d") else 1e-5, msg=name)


def test_a_keypoint_in_the_camera_plane_breaks_nothing(parity_case: Path, network, support) -> None:
    """Its pixel is infinite; what the tokens learn of it must not be."""
    call = Call.read(parity_case, "body_dummy", network)
    decoder, contexts = Decoder(network, "body"), call.contexts(network)
    tokens, positions = decoder.first_tokens(call.keypoints, call.previous, call.condition)
    state = next(decoder.layers(tokens, positions, call.view, support, contexts[0], contexts[1:]))
    crop = state.camera.crop.clone()
    crop[:, 3], crop[:, 4] = float("inf"), float("nan")
    depth = state.camera.depth.clone()
    depth[:, 3:5] = 0.0
    camera = state.camera._replace(crop=crop, depth=depth)
    for updated in decoder.updated(state.result, positions, state.pose, camera, contexts[0]):
        assert updated.isfinite().all()


def test_what_is_behind_the_camera_is_not_seen(parity_case: Path, network, support) -> None:
    """It may well project into the crop."""
    call = Call.read(parity_case, "body_dummy", network)
    decoder, contexts = Decoder(network, "body"), call.contexts(network)
    tokens, positions = decoder.first_tokens(call.keypoints, call.previous, call.condition)
    state = next(decoder.layers(tokens, positions, call.view, support, contexts[0], contexts[1:]))
    inside = state.camera.crop.clamp(-0.4, 0.4)
    depth = torch.full_like(state.camera.depth, 2.0)
    depth[:, 5] = -2.0
    camera = state.camera._replace(crop=inside, depth=depth)
    updated, placed = decoder.updated(state.result, positions, state.pose, camera, contexts[0])
    first = IN_IMAGE.start
    assert (placed[:, first + 5] == 0).all()
    assert (placed[:, [first + 4, first + 6]] != 0).any(-1).all()
    learnt = updated[:, IN_IMAGE] - state.result[:, IN_IMAGE]
    blind = network.keypoint_feat_linear.bias.expand_as(learnt)
    torch.testing.assert_close(learnt[:, 5], blind[:, 5], rtol=0, atol=1e-5)
    assert ((learnt[:, [4, 6]] - blind[:, [4, 6]]).abs().amax(-1) > 1e-3).all()
