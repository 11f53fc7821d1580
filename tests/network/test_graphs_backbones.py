"""Encoders of recorded small backbones as graphs, in every precision, against their modules in PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the export needs PyTorch")
pytest.importorskip("onnxscript", reason="the export needs onnxscript")

from native_runtime.build.sam3d_body.attach import attach_weights  # noqa: E402
from native_runtime.build.sam3d_body.tensors import MappingSource  # noqa: E402
from native_runtime.network.graph_int8 import quantise  # noqa: E402
from native_runtime.network.graph_trace import trace, weightless  # noqa: E402
from native_runtime.network.graph_weights import template_of  # noqa: E402
from tests.support.small_encoders import BACKBONES, ERRORS, SmallEncoder, error, opened  # noqa: E402


@pytest.fixture(scope="module", params=list(BACKBONES))
def small(request: pytest.FixtureRequest, parity_backbones: Path) -> SmallEncoder:
    return SmallEncoder(parity_backbones, request.param)


@pytest.mark.parametrize("precision", list(ERRORS))
def test_graph_equals_module(small: SmallEncoder, precision: str, tmp_path: Path, rng: Any) -> None:
    session = small.session(precision, tmp_path)
    for people, size in ((3, small.size), (1, small.size), (2, (64, 48)), (1, (112, 144))):
        crops = rng.integers(0, 256, (people, *size, 3), dtype=np.uint8)
        (features,) = session.run(None, {"crops": crops})
        wanted = small.features(crops)
        assert features.shape == wanted.shape
        assert error(features, wanted) < ERRORS[precision]


def test_a_free_size_changes_no_bit(small: SmallEncoder, tmp_path: Path, rng: Any) -> None:
    crops = rng.integers(0, 256, (2, *small.size, 3), dtype=np.uint8)
    results = [
        small.session("fp32", tmp_path / str(free), free).run(None, {"crops": crops})[0] for free in (True, False)
    ]
    assert np.array_equal(*results)


@pytest.mark.parametrize("peak", [49_378.0, 400_000.0])
@pytest.mark.parametrize("name", list(BACKBONES))
def test_half_precision_holds_the_peaks_of_the_released_weights(
    parity_backbones: Path, name: str, peak: float, tmp_path: Path, rng: Any
) -> None:
    """float16 ends at 65,504. The stream gets its peak from LayerScale, and without it from the MLP itself."""
    small = SmallEncoder(parity_backbones, name)
    crops = rng.integers(0, 256, (2, *small.size, 3), dtype=np.uint8)
    writer = "ls2.gamma" if name == "dinov3" else "mlp.fc2.weight"
    for _ in range(8):  # not proportional: later blocks add to it
        small.scale(writer, peak / small.peak(crops))
    assert small.peak(crops) == pytest.approx(peak, rel=0.05)
    (features,) = small.session("fp16", tmp_path).run(None, {"crops": crops})
    assert np.isfinite(features).all()
    assert error(features, small.features(crops)) < ERRORS["fp16"]


def test_half_precision_holds_gates_that_multiply_to_more(parity_backbones: Path, tmp_path: Path, rng: Any) -> None:
    """Each factor of a SwiGLU fits into float16, their product does not."""
    small = SmallEncoder(parity_backbones, "dinov3")
    crops = rng.integers(0, 256, (2, *small.size, 3), dtype=np.uint8)
    small.scale("mlp.w1.weight", 400)
    small.scale("mlp.w2.weight", 400)
    (features,) = small.session("fp16", tmp_path).run(None, {"crops": crops})
    assert np.isfinite(features).all()
    assert error(features, small.features(crops)) < ERRORS["fp16"]


def test_tracing_again_gives_the_same_bytes(parity_backbones: Path, tmp_path: Path) -> None:
    small = SmallEncoder(parity_backbones, "dinov3")
    files = []
    for folder, template in ((tmp_path / "first", small.template("int8")), (tmp_path / "again", small.traced("int8"))):
        folder.mkdir()
        template.save(folder)
        files.append({path.name: path.read_bytes() for path in sorted(folder.iterdir())})
    assert files[0] == files[1]
    assert len(files[0]) == 2


def test_quantised_tokens_do_not_share_a_scale(parity_backbones: Path, tmp_path: Path, rng: Any) -> None:
    """One token a thousand times as large as the others leaves them their accuracy."""
    import onnx_ir as ir

    from native_runtime.network.graph_trace import OPSET

    weight, bias = rng.standard_normal((24, 32)).astype(np.float32), rng.standard_normal(24).astype(np.float32)

    class Layer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(32, 24)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(x)

    with weightless():
        layer, example = Layer(), torch.zeros(2, 8, 32)
    model = trace(layer, {"x": example}, {"x": {0: torch.export.Dim("B")}}, ["x"], ["y"])
    assert isinstance(model, ir.Model)
    assert model.opset_imports[""] == OPSET
    quantise(model)
    template = template_of(model, "encoder", "int8", ["x"])
    attach_weights(template, MappingSource({"layer.weight": weight, "layer.bias": bias}), tmp_path)
    session = opened(tmp_path)
    x = rng.standard_normal((2, 8, 32)).astype(np.float32)
    x[:, 3] *= 1000
    x[:, 5] = 0
    (y,) = session.run(None, {"x": x})
    expected = x @ weight.T + bias
    error = np.abs(y - expected) / np.abs(expected).max(axis=-1, keepdims=True)
    assert error.max() < 0.03
