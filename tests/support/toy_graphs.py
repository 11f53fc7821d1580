"""Small ONNX graphs as bytes, made with the converter's own protocol buffer writer: no onnx package needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from native_runtime.build.sam3d_body.protobuf import content, number

FLOAT, UINT8 = 1, 2


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """A NodeProto without attributes."""
    parts = [content(1, name.encode()) for name in inputs] + [content(2, name.encode()) for name in outputs]
    return b"".join(parts) + content(4, kind.encode())


def model(
    nodes: Sequence[bytes],
    inputs: Mapping[str, tuple[int, Sequence[int | str]]],
    outputs: Mapping[str, tuple[int, Sequence[int | str]]],
    opset: int = 17,
    weights: Mapping[str, NDArray[np.float32]] | None = None,
) -> bytes:
    """A ModelProto; inputs and outputs are (element type, shape; texts are free dimensions)."""
    graph = b"".join(content(1, one) for one in nodes) + content(2, b"toy")
    graph += b"".join(content(5, _tensor(name, array)) for name, array in (weights or {}).items())
    graph += b"".join(content(11, _value(name, *what)) for name, what in inputs.items())
    graph += b"".join(content(12, _value(name, *what)) for name, what in outputs.items())
    return number(1, 8) + content(8, number(2, opset)) + content(7, graph)


def _tensor(name: str, array: NDArray[np.float32]) -> bytes:
    dims = b"".join(number(1, size) for size in array.shape)
    return dims + number(2, FLOAT) + content(8, name.encode()) + content(9, array.astype("<f4").tobytes())


def _value(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    dims = (number(1, size) if isinstance(size, int) else content(2, size.encode()) for size in shape)
    tensor = number(1, kind) + content(2, b"".join(content(1, dim) for dim in dims))
    return content(1, name.encode()) + content(2, content(1, tensor))
