"""Layers of small recorded encoders in whole numbers: the choice, what it is made by, and outliers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the export needs PyTorch")
pytest.importorskip("onnxscript", reason="the export needs onnxscript")

from native_runtime.build.sam3d_body.attach import attach_weights
from native_runtime.build.sam3d_body.layer_choice import BITS, chosen, layers_of, with_bits
from native_runtime.build.sam3d_body.layer_errors import measure
from native_runtime.build.sam3d_body.template import Template
from native_runtime.build.sam3d_body.tensors import MappingSource
from tests.support.small_encoders import BACKBONES, SmallEncoder, error, opened

LAYERS = {
    "dinov3": ("attn.qkv", "attn.proj", "mlp.w1", "mlp.w3"),
    "vit": ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"),
}


class Both:
    """A small encoder and its template that holds each layer in both forms."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.small = SmallEncoder(folder, name)
        self.template = self.small.template("int8")

    def features(self, template: Template, crops: Any, folder: Path) -> Any:
        folder.mkdir(exist_ok=True)
        attach_weights(template, MappingSource(self.small.tensors), folder)
        return opened(folder).run(None, {"crops": crops})[0]


@pytest.fixture(scope="module", params=list(BACKBONES))
def both(request: pytest.FixtureRequest, parity_backbones: Path) -> Both:
    return Both(parity_backbones, request.param)


@pytest.fixture
def crops(both: Both, rng: np.random.Generator) -> Any:
    return rng.integers(0, 256, (2, *both.small.size, 3), dtype=np.uint8)


def test_every_linear_layer_of_a_block_has_a_choice(both: Both) -> None:
    layers = layers_of(both.template)
    assert len(layers) == 3 * 4
    assert tuple(layer.partition(".0.")[2] for layer in layers[:4]) == LAYERS[both.name]


def test_each_choice_computes_what_it_says(both: Both, crops: Any, tmp_path: Path) -> None:
    """All layers exact: float32's bits and no weight of eight bits. None: all of them, and some per cent of error."""
    wanted = both.small.features(crops)
    layers = layers_of(both.template)
    exact = chosen(both.template, layers)
    assert all(weight.dtype == "float32" for weight in exact.weights)
    plain = both.small.session("fp32", tmp_path / "plain").run(None, {"crops": crops})[0]
    assert np.array_equal(both.features(exact, crops, tmp_path / "exact"), plain)
    errors = []
    for bits in BITS:
        whole = chosen(with_bits(both.template, bits), ())
        matrices = {weight.source for weight in whole.weights if weight.dtype == "int8"}
        assert len(matrices) == {"dinov3": 5, "vit": 4}[both.name] * 3
        assert not any(weight.operation == "transpose" for weight in whole.weights)
        errors.append(error(both.features(whole, crops, tmp_path / str(bits)), wanted))
    assert 0.002 < errors[0] < errors[1] < 0.03
    half = chosen(with_bits(both.template, 7), layers[6:])
    assert error(both.features(half, crops, tmp_path / "half"), wanted) < errors[1]


def test_blocks_one_by_one_give_the_features_of_the_whole(both: Both, crops: Any) -> None:
    seen: list[float] = []
    found = measure(both.template, MappingSource(both.small.tensors), crops, seen.append)
    np.testing.assert_allclose(found.features, both.small.features(crops), atol=2e-5)
    assert found.errors.keys() == set(layers_of(both.template))
    assert all(0.002 < error < 0.03 for error in found.errors.values())
    assert len(seen) == 4
    assert seen == sorted(seen)


def test_the_layer_that_whole_numbers_ruin_is_found(parity_backbones: Path, rng: np.random.Generator) -> None:
    """One channel a thousand times the others, which the layer's weights do not look at: the others drown in steps."""
    both = Both(parity_backbones, "dinov3")
    block = "backbone.encoder.blocks.1."
    both.small.tensors[block + "norm2.weight"][5] = 1000
    both.small.tensors[block + "mlp.w1.weight"][:, 5] = 0
    both.small.tensors[block + "mlp.w2.weight"][:, 5] = 0
    crops = rng.integers(0, 256, (1, *both.small.size, 3), dtype=np.uint8)
    errors = measure(both.template, MappingSource(both.small.tensors), crops).errors
    ruined = block + "mlp.w1"
    assert errors[ruined] > 0.3
    assert max(error for layer, error in errors.items() if layer != ruined) < 0.03


def test_outliers_among_weights_cost_little(parity_backbones: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    """Student's t with 3 degrees of freedom, and 0.1 % of 50 standard deviations."""
    both = Both(parity_backbones, "dinov3")
    for name, tensor in both.small.tensors.items():
        if tensor.ndim == 2 and ".blocks." in name:
            heavy = rng.standard_t(3, tensor.shape) / 3**0.5
            heavy[rng.random(tensor.shape) < 1e-3] = 50
            both.small.tensors[name] = (tensor.std() * heavy).astype(np.float32)
    both.small.scale("norm1.bias", 1.0)  # into the module
    crops = rng.integers(0, 256, (2, *both.small.size, 3), dtype=np.uint8)
    whole = chosen(with_bits(both.template, 7), ())
    assert error(both.features(whole, crops, tmp_path), both.small.features(crops)) < 0.06
