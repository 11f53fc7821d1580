"""Reads a TensorFlow Lite file into plain values: tensors, constants (dense, whatever their storage) and operators."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tflite
from flatbuffers import flexbuffers
from numpy.typing import NDArray

_OPERATOR_NAMES = {value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)}
_NUMPY_TYPES: dict[int, Any] = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
}


@dataclass(frozen=True)
class Operator:
    """One operator: its name in the schema (of MediaPipe's own operators, their own name), the tensors it reads and
    writes, and its options, if any: a table of the schema, or a dictionary.
    """

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any


@dataclass(frozen=True)
class Graph:
    """The only subgraph of a model; tensors go by their index."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    shapes: list[tuple[int, ...]]
    constants: dict[int, NDArray[Any]]
    operators: list[Operator]


def read(path: Path) -> Graph:
    """Parse `path`. Raises ValueError for anything beyond a single float graph."""
    model = tflite.Model.GetRootAsModel(path.read_bytes(), 0)
    if model.SubgraphsLength() != 1:
        raise ValueError(f"{path.name}: expected one subgraph, found {model.SubgraphsLength()}")
    subgraph = model.Subgraphs(0)
    shapes: list[tuple[int, ...]] = []
    constants: dict[int, NDArray[Any]] = {}
    for index in range(subgraph.TensorsLength()):
        tensor = subgraph.Tensors(index)
        shape = tuple(int(n) for n in tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ()
        shapes.append(shape)
        buffer = model.Buffers(tensor.Buffer())
        if buffer is None or not buffer.DataLength():
            continue
        if tensor.Type() not in _NUMPY_TYPES:
            raise ValueError(f"{path.name}: constant {index} has unsupported type {tensor.Type()}")
        values = buffer.DataAsNumpy().view(_NUMPY_TYPES[tensor.Type()])
        constants[index] = (
            values.reshape(shape) if tensor.Sparsity() is None else _densify(values, shape, tensor.Sparsity())
        )
    operators = [_operator(model, subgraph.Operators(i)) for i in range(subgraph.OperatorsLength())]
    return Graph(
        tuple(subgraph.Inputs(i) for i in range(subgraph.InputsLength())),
        tuple(subgraph.Outputs(i) for i in range(subgraph.OutputsLength())),
        shapes,
        constants,
        operators,
    )


def _operator(model: Any, operator: Any) -> Operator:
    code = model.OperatorCodes(operator.OpcodeIndex())
    # Old files hold the code in the one-byte field, new ones in the wide field; the other is then 0 or a placeholder.
    name = _OPERATOR_NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
    options: Any = None
    if name == "CUSTOM":
        name = code.CustomCode().decode()
        if operator.CustomOptionsLength():
            options = flexbuffers.Loads(bytearray(operator.CustomOptionsAsNumpy().tobytes()))
    table = operator.BuiltinOptions()
    if table is not None:
        option_names = {v: k for k, v in vars(tflite.BuiltinOptions).items() if isinstance(v, int)}
        options = getattr(tflite, option_names[operator.BuiltinOptionsType()])()
        options.Init(table.Bytes, table.Pos)
    return Operator(
        name,
        tuple(operator.Inputs(i) for i in range(operator.InputsLength())),
        tuple(operator.Outputs(i) for i in range(operator.OutputsLength())),
        options,
    )


def _sparse_index(kind: int, table: Any) -> NDArray[np.int64]:
    vector = {
        tflite.SparseIndexVector.Int32Vector: tflite.Int32Vector,
        tflite.SparseIndexVector.Uint16Vector: tflite.Uint16Vector,
        tflite.SparseIndexVector.Uint8Vector: tflite.Uint8Vector,
    }[kind]()
    vector.Init(table.Bytes, table.Pos)
    return np.asarray(vector.ValuesAsNumpy(), dtype=np.int64)


def _densify(values: NDArray[Any], shape: tuple[int, ...], sparsity: Any) -> NDArray[Any]:
    """Expand a sparse constant without blocks: each dimension is dense or compressed (TACO format, schema.fbs)."""
    if sparsity.BlockMapLength() or list(sparsity.TraversalOrderAsNumpy()) != list(range(len(shape))):
        raise ValueError("sparse constants with blocks or a permuted traversal are not supported")
    dense = np.zeros(int(np.prod(shape)), dtype=values.dtype)
    # `flat` and `position` describe the cells reached so far: where they lie in the dense array and in the storage.
    flat = np.zeros(1, dtype=np.int64)
    position = np.zeros(1, dtype=np.int64)
    for dimension in range(len(shape)):
        meta = sparsity.DimMetadata(dimension)
        size = shape[dimension]
        if meta.Format() == tflite.DimensionType.DENSE:
            step = np.arange(size)
            flat = (flat[:, None] * size + step).ravel()
            position = (position[:, None] * size + step).ravel()
        else:
            segments = _sparse_index(meta.ArraySegmentsType(), meta.ArraySegments())
            indices = _sparse_index(meta.ArrayIndicesType(), meta.ArrayIndices())
            begin, count = segments[position], segments[position + 1] - segments[position]
            within = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
            position = np.repeat(begin, count) + within
            flat = np.repeat(flat, count) * size + indices[position]
    dense[flat] = values[position]
    return dense.reshape(shape)
