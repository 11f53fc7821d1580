"""ONNX initializers as bytes: a ModelProto that holds nothing else.

Protocol buffers merge by concatenation: a serialized graph without weights followed by these bytes is the graph with
its weights. Field numbers and types are those of onnx.proto (https://github.com/onnx/onnx, ``onnx/onnx.proto``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .protobuf import content, number

# TensorProto.DataType
_TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "float16": 10}
# field numbers: ModelProto, GraphProto, TensorProto, StringStringEntryProto
_MODEL_GRAPH = 7
_GRAPH_INITIALIZER = 5
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_RAW, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 1, 2, 8, 9, 13, 14
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_LOCATION_EXTERNAL = 1


@dataclass(frozen=True)
class External:
    """An initializer whose numbers lie in another file.

    Attributes:
        name, dtype, shape: of the tensor.
        location: the file's name, in the folder of the graph.
        offset, length: bytes in that file.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    location: str
    offset: int
    length: int


@dataclass(frozen=True)
class Inline:
    """An initializer whose numbers lie in the graph's own file."""

    name: str
    array: NDArray[Any]


def data_type(dtype: np.dtype[Any]) -> int:
    """TensorProto's number for the type of an array."""
    return _TYPES[str(dtype)]


def model_of(initializers: Iterable[External | Inline]) -> bytes:
    """A serialized ModelProto with a graph that has these initializers and nothing else."""
    tensors = (_tensor(initializer) for initializer in initializers)
    return content(_MODEL_GRAPH, b"".join(content(_GRAPH_INITIALIZER, tensor) for tensor in tensors))


def _tensor(initializer: External | Inline) -> bytes:
    if isinstance(initializer, Inline):
        array = np.ascontiguousarray(initializer.array).astype(initializer.array.dtype.newbyteorder("<"), copy=False)
        head = _head(initializer.name, str(initializer.array.dtype), initializer.array.shape)
        return head + content(_TENSOR_RAW, array.tobytes())
    place = {
        "location": initializer.location, "offset": str(initializer.offset), "length": str(initializer.length)
    }  # fmt: skip
    entries = (
        content(_ENTRY_KEY, key.encode()) + content(_ENTRY_VALUE, value.encode()) for key, value in place.items()
    )
    return (
        _head(initializer.name, initializer.dtype, initializer.shape)
        + b"".join(content(_TENSOR_EXTERNAL, entry) for entry in entries)
        + number(_TENSOR_LOCATION, _LOCATION_EXTERNAL)
    )


def _head(name: str, dtype: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(number(_TENSOR_DIMS, length) for length in shape)
    return dims + number(_TENSOR_TYPE, _TYPES[dtype]) + content(_TENSOR_NAME, name.encode())
