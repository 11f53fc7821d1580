"""An encoder's residual stream, without the onnx package and without other files than its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.build.sam3d_body.template import Template
from native_runtime.build.sam3d_body.variants import TEMPLATES
from native_runtime.errors import ModelError
from native_runtime.onnx.stages import residual_stream, run_with_stages
from tests.support import toy_encoder

SIZE = 48


def test_stages_are_what_the_blocks_leave(tmp_path: Path, rng: np.random.Generator) -> None:
    weights = toy_encoder.tensors(SIZE)
    path = toy_encoder.write_encoder(tmp_path, SIZE, weights)
    assert (tmp_path / "encoder.weights").is_file()
    crop = rng.integers(0, 256, (1, SIZE, SIZE, 3), np.uint8)
    stages = residual_stream(path)
    assert list(stages) == ["tokens", "block00", "block01", "norm"]
    found = run_with_stages(path, stages, crops=crop)
    for stage, expected in toy_encoder.stream(weights, crop).items():
        np.testing.assert_allclose(found[stage].ravel(), expected, rtol=1e-4, atol=1e-3, err_msg=stage)
    np.testing.assert_array_equal(found["features"], found["norm"])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["encoder.onnx", "encoder.weights"]


def test_other_networks_have_no_stages(models: Path) -> None:
    assert residual_stream(models / "landmarks" / "palm_detection.onnx") == {}


def test_broken_networks_are_said_to_be(tmp_path: Path) -> None:
    path = toy_encoder.write_encoder(tmp_path, SIZE, toy_encoder.tensors(SIZE))
    with pytest.raises(ModelError, match="cannot be looked into"):
        run_with_stages(path, {"tokens": "no such value"}, crops=np.zeros((1, SIZE, SIZE, 3), np.uint8))
    (tmp_path / "encoder.weights").unlink()
    with pytest.raises(ModelError, match="missing"):
        residual_stream(path)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("variant", ["dinov3", "vith"])
def test_stages_are_found_in_the_graphs_of_released_models(variant: str, precision: str, tmp_path: Path) -> None:
    template = Template.load(TEMPLATES / variant, "encoder", precision)
    (tmp_path / "encoder.onnx").write_bytes(template.model)
    stages = residual_stream(tmp_path / "encoder.onnx")
    assert list(stages) == ["tokens", *(f"block{k:02d}" for k in range(32)), "norm"]
    assert len(set(stages.values())) == 34
