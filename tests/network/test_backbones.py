"""The image encoders against recordings of the reference code, and the small facts that the recordings do not show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the export needs PyTorch")
pytest.importorskip("onnxscript", reason="the export needs onnxscript")

from native_runtime.network.backbones import Encoder, Vit, build_backbone, build_encoder  # noqa: E402
from native_runtime.network.backbones.encoder import IMAGE_MEAN, IMAGE_STD  # noqa: E402

RELATIVE, ABSOLUTE = 1e-4, 1e-5


def recorded_weights(recording: dict[str, np.ndarray], prefix: str) -> dict[str, torch.Tensor]:
    return {
        prefix + name.removeprefix("w."): torch.from_numpy(recording[name])
        for name in recording
        if name.startswith("w.")
    }


def loaded(weights: dict[str, torch.Tensor], **options: int) -> torch.nn.Module:
    """The backbone that `weights` describe, with them; strict, but for the mask token that only training uses."""
    backbone = build_backbone({name: tuple(tensor.shape) for name, tensor in weights.items()}, **options)
    own = {
        name.removeprefix("backbone."): tensor for name, tensor in weights.items() if not name.endswith(".mask_token")
    }
    backbone.load_state_dict(own, strict=True)
    return backbone.eval()


def recordings(folder: Path, pattern: str) -> list[dict[str, np.ndarray]]:
    files = sorted(folder.glob(pattern))
    assert files, f"no {pattern} in {folder}"
    return [dict(np.load(file)) for file in files]


def outputs(backbone: torch.nn.Module, image: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return backbone(torch.from_numpy(image)).numpy()


def block_outputs(backbone: torch.nn.Module, image: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """What each block of a DINOv3 and what the whole gives."""
    blocks: list[np.ndarray] = []
    hooks = [
        block.register_forward_hook(lambda _module, _inputs, out: blocks.append(out.numpy()))
        for block in backbone.encoder.blocks
    ]
    features = outputs(backbone, image)
    for hook in hooks:
        hook.remove()
    return blocks, features


def test_dinov3_equals_the_reference(parity_backbones: Path) -> None:
    for recording in recordings(parity_backbones, "dinov3*.npz"):
        backbone = loaded(recorded_weights(recording, "backbone.encoder."))
        images = [
            name for name in recording if name.startswith("in_") and recording[name].ndim == 4 and "." not in name
        ]
        assert images
        for name in images:
            blocks, features = block_outputs(backbone, recording[name])
            for index, block in enumerate(blocks):
                np.testing.assert_allclose(block, recording[f"{name}.block{index}"], rtol=RELATIVE, atol=ABSOLUTE)
            np.testing.assert_allclose(features, recording[f"{name}.out"], rtol=RELATIVE, atol=ABSOLUTE)


def test_rotary_angles_equal_the_reference(parity_backbones: Path) -> None:
    for recording in recordings(parity_backbones, "dinov3*.npz"):
        backbone = loaded(recorded_weights(recording, "backbone.encoder."))
        for name in [name for name in recording if name.startswith("rope.cos_")]:
            rows, columns = (int(n) for n in name.removeprefix("rope.cos_").split("x"))
            cosines, sines = backbone.encoder.rope_embed(2, rows, columns)
            half = cosines.shape[1]
            assert torch.equal(cosines[:2], torch.ones(2, half))
            assert torch.equal(sines[:2], torch.zeros(2, half))
            # The reference tiles its angles twice; here each number stands for both.
            np.testing.assert_allclose(np.tile(cosines[2:], 2), recording[name], atol=ABSOLUTE)
            np.testing.assert_allclose(np.tile(sines[2:], 2), recording[name.replace("cos", "sin")], atol=ABSOLUTE)


def test_vit_equals_the_reference(parity_backbones: Path) -> None:
    """The number of heads is in no tensor: exactly one number may give the recorded features."""
    for recording in recordings(parity_backbones, "vit*.npz"):
        weights = recorded_weights(recording, "backbone.")
        width = recording["w.pos_embed"].shape[2]
        matching = []
        for heads in (n for n in range(1, width) if width % n == 0):
            backbone = loaded(weights, heads=heads, rows=recording["in"].shape[2] // 16)
            assert isinstance(backbone, Vit)
            features = outputs(backbone, recording["in"])
            if np.allclose(features, recording["out"], rtol=RELATIVE, atol=ABSOLUTE):
                matching.append(heads)
        assert len(matching) == 1
        embedded = backbone.patch_embed(torch.from_numpy(recording["in"])).flatten(2).transpose(1, 2)
        np.testing.assert_allclose(embedded.detach(), recording["patch_embed_out"], rtol=RELATIVE, atol=ABSOLUTE)


def test_small_case_backbone_equals_the_reference(parity_case: Path) -> None:
    """The recorded crops (uint8) give the recorded features, in both forms of the encoder: whole and cut.

    The recordings hold the features with the embedding of "no mask" added; passes with a mask are left to the decoder.
    """
    recorded = np.load(parity_case / "weights.npz")
    no_mask = recorded["prompt_encoder.no_mask_embed.weight"].reshape(-1, 1, 1)
    weights = {name: torch.from_numpy(recorded[name]) for name in recorded if name.startswith("backbone.")}
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    for pipeline_file in sorted(parity_case.glob("pipeline_*.npz")):
        pipeline = np.load(pipeline_file)
        if "body.batch.mask_score" in pipeline:
            continue
        features = pipeline["body.out.image_embeddings"]
        encoder = build_encoder(shapes, margin=(512 - 16 * features.shape[3]) // 2)
        encoder.load_state_dict(weights, strict=True)
        ours = outputs(encoder, pipeline["body.crop_uint8"]) + no_mask
        np.testing.assert_allclose(ours, features, rtol=RELATIVE, atol=ABSOLUTE)


@pytest.mark.parametrize("margin", [0, 64])
def test_encoder_normalises_and_cuts(margin: int, rng: np.random.Generator) -> None:
    """With a backbone that copies pixels, the encoder's output is the normalised middle of the crop."""

    class Copy(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(()))

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image

    crops = rng.integers(0, 256, (2, 512, 512, 3), dtype=np.uint8)
    expected = (crops / 255 - IMAGE_MEAN) / IMAGE_STD
    expected = expected[:, :, margin : 512 - margin].transpose(0, 3, 1, 2)
    np.testing.assert_allclose(outputs(Encoder(Copy(), margin), crops), expected, atol=1e-6)


@pytest.mark.parametrize(("variant", "features"), [("dinov3", (32, 32)), ("vith", (32, 24))])
def test_full_size_encoders_have_the_released_tensors(shared: Path, variant: str, features: tuple[int, int]) -> None:
    """Every backbone tensor of the release has its place, with its shape, and nothing else is asked for."""
    import json

    listed = json.loads((shared / "parity" / f"state_dict_{variant}.json").read_text())
    shapes = {
        name: tuple(shape)
        for name, (shape, _) in listed.items()
        if name.startswith("backbone.") and not name.endswith(".mask_token")
    }
    with torch.device("meta"):
        encoder = build_encoder(shapes)
        result = encoder(torch.zeros(2, 512, 512, 3, dtype=torch.uint8))
    assert {name: tuple(tensor.shape) for name, tensor in encoder.state_dict().items()} == shapes
    assert result.shape == (2, 1280, *features)


def test_unknown_backbone_is_refused() -> None:
    with pytest.raises(ValueError, match="no backbone"):
        build_backbone({"backbone.layers.0.weight": (3, 3)})
