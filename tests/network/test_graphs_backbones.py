"""Encoders of recorded small backbones as graphs, in every precision, against their modules in PyTorch."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

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
        self._folder, self._name = folder, name
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
        # The recording's README: four heads, and six rows of positions, which no tensor shows.
        options = {"heads": 4, "rows": 6} if "backbone.pos_embed" in shapes else {}
        return Encoder(build_backbone(shapes, **options))

    def template(self, precision: str, free: bool = True) -> Template:
        """`free`: for crops of every size of whole patches. Made once: it depends on no tensor's numbers."""
        return _template(self._folder, self._name, precision, free)

    def traced(self, precision: str, free: bool = True) -> Template:
        """The same, made now."""
        with weightless():
            module = self._module()
            crops = torch.zeros(2, *self.size, 3, dtype=torch.uint8)
        if precision == "fp16":
            halve(module)
        sizes = {0: torch.export.Dim("N")}
        if free:
            sizes |= {1: 16 * torch.export.Dim("rows"), 2: 16 * torch.export.Dim("columns")}
        model = trace(module, {"crops": crops}, {"crops": sizes}, module.input_names, module.output_names)
        if precision == "int8":
            quantise(model)
        return template_of(model, "encoder", precision, module.input_names)

    def session(self, precision: str, folder: Path, free: bool = True) -> onnxruntime.InferenceSession:
        folder.mkdir(exist_ok=True)
        attach_weights(self.template(precision, free), MappingSource(self.tensors), folder)
        return _opened(folder)

    def scale(self, weights: str, factor: float) -> None:
        """Multiply the tensors whose names end so."""
        for name in [name for name in self.tensors if name.endswith(weights)]:
            self.tensors[name] = self.tensors[name] * np.float32(factor)
        self.module.load_state_dict({key: torch.from_numpy(array) for key, array in self.tensors.items()})

    def features(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What PyTorch makes of crops."""
        with torch.inference_mode():
            result: NDArray[np.float32] = self.module(torch.from_numpy(crops)).numpy()
        return result

    def peak(self, crops: NDArray[np.uint8]) -> float:
        """The largest number of the residual stream behind any block."""
        largest = [0.0]
        transformer = getattr(self.module.backbone, "encoder", self.module.backbone)
        hooks = [
            block.register_forward_hook(lambda _module, _inputs, out: largest.append(float(out.abs().max())))
            for block in transformer.blocks
        ]
        self.features(crops)
        for hook in hooks:
            hook.remove()
        return max(largest)


@cache
def _template(folder: Path, name: str, precision: str, free: bool) -> Template:
    return SmallEncoder(folder, name).traced(precision, free)


def _opened(folder: Path) -> onnxruntime.InferenceSession:
    """As the program opens it: with other options, products of eight bits overflow on some processors."""
    return onnxruntime.InferenceSession(folder / "encoder.onnx", session_options(), providers=["CPUExecutionProvider"])


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
        assert _error(features, wanted) < ERRORS[precision]


def _error(features: NDArray[Any], wanted: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean((features.astype(np.float32) - wanted) ** 2)) / wanted.std())


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
    assert _error(features, small.features(crops)) < ERRORS["fp16"]


def test_half_precision_holds_gates_that_multiply_to_more(parity_backbones: Path, tmp_path: Path, rng: Any) -> None:
    """Each factor of a SwiGLU fits into float16, their product does not."""
    small = SmallEncoder(parity_backbones, "dinov3")
    crops = rng.integers(0, 256, (2, *small.size, 3), dtype=np.uint8)
    small.scale("mlp.w1.weight", 400)
    small.scale("mlp.w2.weight", 400)
    (features,) = small.session("fp16", tmp_path).run(None, {"crops": crops})
    assert np.isfinite(features).all()
    assert _error(features, small.features(crops)) < ERRORS["fp16"]


def test_tracing_twice_gives_the_same_bytes(parity_backbones: Path, tmp_path: Path) -> None:
    small = SmallEncoder(parity_backbones, "dinov3")
    files = []
    for folder in (tmp_path / "first", tmp_path / "second"):
        folder.mkdir()
        small.traced("int8").save(folder)
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
