"""Weights of every type and size, attached to graphs made by hand, as ONNX Runtime sees them."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from native_runtime.build.sam3d_body import attach, operations
from native_runtime.build.sam3d_body.attach import ALIGNMENT, attach_weights, attached_bytes
from native_runtime.build.sam3d_body.template import Template, Weight
from native_runtime.build.sam3d_body.tensors import Joined, MappingSource
from native_runtime.errors import ModelError
from native_runtime.onnx.rotation import rotated
from tests.support.toy_graphs import FLOAT, model, node


def linear(precision: str = "fp32", width: int = 200, depth: int = 300) -> Template:
    """y = x W^T + b with W (width, depth): one weight large enough to lie outside, one that lies inside."""
    nodes = [node("MatMul", ["x", "w"], ["p"]), node("Add", ["p", "b"], ["y"])]
    graph = model(nodes, {"x": (FLOAT, ["B", depth])}, {"y": (FLOAT, ["B", width])})
    weights = (
        Weight("w", "float32", "layer.weight", "transpose", (depth, width)),
        Weight("b", "float32", "layer.bias", "copy", (width,)),
    )
    return Template("encoder", precision, graph, weights)


@pytest.fixture
def tensors() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "layer.weight": rng.normal(size=(200, 300)).astype(np.float32),
        "layer.bias": rng.normal(size=200).astype(np.float32),
    }


def test_onnx_runtime_runs_a_graph_with_its_weights(tensors: dict[str, np.ndarray], tmp_path: Path) -> None:
    attach_weights(linear(), MappingSource(tensors), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["encoder.onnx", "encoder.weights"]
    assert (tmp_path / "encoder.weights").stat().st_size == 200 * 300 * 4
    session = onnxruntime.InferenceSession(tmp_path / "encoder.onnx", providers=["CPUExecutionProvider"])
    x = np.random.default_rng(1).normal(size=(3, 300)).astype(np.float32)
    (y,) = session.run(None, {"x": x})
    expected = x.astype(np.float64) @ tensors["layer.weight"].T.astype(np.float64) + tensors["layer.bias"]
    np.testing.assert_allclose(y, expected, atol=1e-4)


@pytest.mark.parametrize("dtype", sorted(operations.DTYPES))
@pytest.mark.parametrize("count", [7, 20_000], ids=["inside", "outside"])
def test_every_type_arrives_to_the_bit(dtype: str, count: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    stored = {"one": rng.integers(0, 2, (count, 3)), "two": rng.integers(0, 2, (count, 2))}
    if dtype.startswith("float"):
        stored = {name: rng.normal(size=array.shape).astype(np.float32) for name, array in stored.items()}
    kind = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "float16": 10}[dtype]
    nodes = [node("Identity", [name], [f"{name}_out"]) for name in stored]
    outputs = {f"{name}_out": (kind, array.shape) for name, array in stored.items()}
    template = Template("g", "fp32", model(nodes, {}, outputs), tuple(Weight(n, dtype, n) for n in stored))
    attach_weights(template, MappingSource(stored), tmp_path)
    session = onnxruntime.InferenceSession(tmp_path / "g.onnx", providers=["CPUExecutionProvider"])
    for name, array in zip(stored, session.run(None, {})):
        assert array.dtype == operations.DTYPES[dtype]
        np.testing.assert_array_equal(array, stored[name].astype(dtype))


def test_large_weights_begin_where_they_can_be_mapped_and_are_read_once(tmp_path: Path) -> None:
    class Counting(MappingSource):
        reads = 0

        def read(self, name: str) -> np.ndarray:
            Counting.reads += 1
            return super().read(name)

    matrix = np.random.default_rng(3).normal(size=(150, 300)).astype(np.float32)
    weights = (
        Weight("v", "int8", "m", "int8-values"), Weight("s", "float32", "m", "int8-scales"), Weight("m", "float32", "m")
    )  # fmt: skip
    template = Template("g", "int8", b"", weights)
    source = Counting({"m": matrix})
    attach_weights(template, source, tmp_path)
    assert Counting.reads == 1
    data = (tmp_path / "g.weights").read_bytes()
    assert data[ALIGNMENT : ALIGNMENT + matrix.nbytes] == matrix.tobytes()
    written = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert written <= attached_bytes(template, source) + ALIGNMENT


@pytest.mark.parametrize(("bits", "largest"), [(8, 127), (7, 63)])
def test_weights_in_whole_numbers_are_the_nearest_steps_of_the_rotated(bits: int, largest: int) -> None:
    weight = np.random.default_rng(4).normal(size=(40, 60)).astype(np.float32)
    weight[3] = 0
    scales = operations.apply(f"int{bits}-scales", weight, "float32", "s")
    values = operations.apply(f"int{bits}-values", weight, "int8", "v")
    assert values.shape == (60, 40)
    assert np.abs(values).max() == largest
    assert np.all(np.abs(values.T * scales[:, None] - rotated(weight)) <= scales[:, None] * 0.5001)


def test_half_precision_that_overflows_is_refused(tmp_path: Path) -> None:
    template = Template("g", "fp16", b"", (Weight("w", "float16", "w"),))
    with pytest.raises(ModelError, match=r"beyond float16 \(up to 7e\+04\).*precision fp32"):
        attach_weights(template, MappingSource({"w": np.array([1, -7e4], np.float32)}), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layer.bias": None}, "needs tensors that the checkpoint lacks: layer.bias"),
        ({"layer.weight": np.zeros((200, 301), np.float32)}, r"shape \(301, 200\) instead of \(300, 200\)"),
        ({"layer.weight": np.zeros(3, np.float32)}, "cannot be made by transpose"),
        ({"layer.bias": np.full(200, np.nan, np.float32)}, "layer.bias holds values that are not finite"),
        ({"layer.bias": np.full(200, np.inf, np.float32)}, "not finite"),
        ({"layer.bias": np.full(200, 1e300)}, "not finite"),
    ],
)
def test_a_failure_leaves_nothing_behind(
    tensors: dict[str, np.ndarray], change: dict[str, np.ndarray | None], message: str, tmp_path: Path
) -> None:
    changed = {name: array for name, array in (tensors | change).items() if array is not None}
    with pytest.raises(ModelError, match=message):
        attach_weights(linear(), MappingSource(changed), tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_interruption_leaves_nothing_behind(
    tensors: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(attach, "model_of", stop)
    with pytest.raises(KeyboardInterrupt):
        attach_weights(linear(), MappingSource(tensors), tmp_path)
    assert not list(tmp_path.iterdir())


def test_templates_survive_saving(tmp_path: Path) -> None:
    template = linear()
    template.save(tmp_path)
    assert Template.load(tmp_path, "encoder", "fp32") == template
    first = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    template.save(tmp_path)
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == first


def test_damaged_templates_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no graph for encoder with the precision fp16"):
        Template.load(tmp_path, "encoder", "fp16")
    linear().save(tmp_path)
    recipe = tmp_path / "encoder-fp32.json"
    content = json.loads(recipe.read_text())
    for key, value in (("operation", "exec"), ("dtype", "complex64"), ("shape", 3), ("name", "b")):
        changed = {**content, "weights": [content["weights"][0] | {key: value}, content["weights"][1]]}
        recipe.write_text(json.dumps(changed))
        with pytest.raises(ModelError, match="damaged"):
            Template.load(tmp_path, "encoder", "fp32")
    recipe.write_text(json.dumps(content))
    graph = tmp_path / "encoder-fp32.onnx.gz"
    graph.write_bytes(graph.read_bytes()[:-9])
    with pytest.raises(ModelError, match="damaged"):
        Template.load(tmp_path, "encoder", "fp32")


def test_a_name_in_two_sources_is_refused() -> None:
    one = MappingSource({"a": np.zeros(1)})
    assert Joined(one, MappingSource({"b": np.ones(2)})).shape("b") == (2,)
    with pytest.raises(ModelError, match="a comes from two"):
        Joined(one, MappingSource({"a": np.ones(2)}))


def test_memory_holds_one_tensor_at_a_time(tmp_path: Path) -> None:
    class Endless(MappingSource):
        def read(self, name: str) -> np.ndarray:
            return np.full((512, 1024), int(name), np.float32)

    names = {str(number): np.broadcast_to(np.float32(0), (512, 1024)) for number in range(40)}
    operation = ("transpose", "copy")
    weights = tuple(Weight(name, "float16", name, operation[int(name) % 2]) for name in names)
    tracemalloc.start()
    try:
        attach_weights(Template("g", "fp16", b"", weights), Endless(names), tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 4 * 512 * 1024 * 4
    finally:
        tracemalloc.stop()
    assert (tmp_path / "g.weights").stat().st_size == 40 * 512 * 1024 * 2
