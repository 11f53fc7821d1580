"""Encoders of recorded small backbones as graphs, in every precision, against their modules in PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="the export needs PyTorch")
pytest.importorskip("onnxscript", reason="the export needs onnxscript")

from native_runtime.build.sam3d_body.attach import attach_weights  # noqa: E402
from native_runtime.build.sam3d_body.template import Template  # noqa: E402
from native_runtime.build.sam3d_body.tensors import MappingSource  # noqa: E402
from native_runtime.network.backbones import Encoder, build_backbone  # noqa: E402
from native_runtime.network.graph_half import halve  # noqa: E402
from native_runtime.network.graph_int8 import quantise  # noqa: E402
from native_runtime.network.graph_trace import trace, weightless  # noqa: E402
from native_runtime.network.graph_weights import template_of  # noqa: E402
from native_runtime.onnx.sessions import session_options  # noqa: E402

BACKBONES = {"dinov3": ("dinov3*.npz", "backbone.encoder.", (96, 128)), "vit": ("vit*.npz", "backbone.", (96, 64))}
# Root mean square error of the features, to their spread.
ERRORS = {"fp32": 1e-5, "fp16": 5e-3, "int8": 5e-2}


class SmallEncoder:
    """A recorded backbone as an encoder of small crops."""

    def __init__(self, folder: Path, name: str) -> None:
        pattern, prefix, self.size = BACKBONES[name]
        recording = np.load(sorted(folder.glob(pattern))[0])
        self.tensors = {
            prefix + key.removeprefix("w."): recording[key]
            for key in recording
            if key.startswith("w.") and not key.endswith("mask_token")
        }
        self.module = self._module()
        self.module.load_state_dict({key: torch.from_numpy(array) for key, array in self.tensors.items()})
        self.module.eval()

    def _module(self) -> Encoder:
        shapes = {key: array.shape for key, array in self.tensors.items()}
        # The recording's README: four heads, which no tensor shows.
        options = {"heads": 4} if "backbone.pos_embed" in shapes else {}
        return Encoder(build_backbone(shapes, **options))

    def template(self, precision: str) -> Template:
        with weightless():
            module = self._module()
            crops = torch.zeros(2, *self.size, 3, dtype=torch.uint8)
        if precision == "fp16":
            halve(module)
        free = {"crops": {0: torch.export.Dim("N")}}
        model = trace(module, {"crops": crops}, free, module.input_names, module.output_names)
        if precision == "int8":
            quantise(model)
        return template_of(model, "encoder", precision, module.input_names)

    def session(self, precision: str, folder: Path) -> onnxruntime.InferenceSession:
        attach_weights(self.template(precision), MappingSource(self.tensors), folder)
        return _opened(folder)


def _opened(folder: Path) -> onnxruntime.InferenceSession:
    """As the program opens it: with other options, products of eight bits overflow on some processors."""
    return onnxruntime.InferenceSession(folder / "encoder.onnx", session_options(), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module", params=list(BACKBONES))
def small(request: pytest.FixtureRequest, parity_backbones: Path) -> SmallEncoder:
    return SmallEncoder(parity_backbones, request.param)


@pytest.mark.parametrize("precision", list(ERRORS))
def test_graph_equals_module(small: SmallEncoder, precision: str, tmp_path: Path, rng: Any) -> None:
    crops = rng.integers(0, 256, (3, *small.size, 3), dtype=np.uint8)
    with torch.inference_mode():
        expected = small.module(torch.from_numpy(crops)).numpy()
    session = small.session(precision, tmp_path)
    for some in (crops, crops[:1]):
        (features,) = session.run(None, {"crops": some})
        wanted = expected[: len(some)]
        assert features.shape == wanted.shape
        error = np.sqrt(np.mean((features.astype(np.float32) - wanted) ** 2)) / wanted.std()
        assert error < ERRORS[precision]


def test_tracing_twice_gives_the_same_bytes(parity_backbones: Path, tmp_path: Path) -> None:
    small = SmallEncoder(parity_backbones, "dinov3")
    files = []
    for folder in (tmp_path / "first", tmp_path / "second"):
        folder.mkdir()
        small.template("int8").save(folder)
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
    session = _opened(tmp_path)
    x = rng.standard_normal((2, 8, 32)).astype(np.float32)
    x[:, 3] *= 1000
    x[:, 5] = 0
    (y,) = session.run(None, {"x": x})
    expected = x @ weight.T + bias
    error = np.abs(y - expected) / np.abs(expected).max(axis=-1, keepdims=True)
    assert error.max() < 0.03
