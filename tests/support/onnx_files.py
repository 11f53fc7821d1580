"""Tiny ONNX files written byte by byte, so that tests can also make those that no library would write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from native_runtime.build.sam3d_body.protobuf import content, number

FLOAT = 1


def field(key: int, value: int | bytes | str) -> bytes:
    """A field of a protobuf message: a number, or bytes (a text, a message)."""
    if isinstance(value, int):
        return number(key, value)
    return content(key, value.encode() if isinstance(value, str) else value)


def external_tensor(
    name: str, shape: Sequence[int], location: str, offset: int = 0, length: int | None = None
) -> bytes:
    """A float32 TensorProto whose values lie in the file `location`."""
    length = 4 * int(np.prod(shape)) if length is None else length
    pairs = {"location": location, "offset": str(offset), "length": str(length)}
    entries = b"".join(field(13, field(1, key) + field(2, value)) for key, value in pairs.items())
    return b"".join(field(1, n) for n in shape) + field(2, FLOAT) + field(8, name) + entries + field(14, 1)


def tensor(name: str, values: np.ndarray) -> bytes:
    """A float32 TensorProto with its values inside."""
    dims = b"".join(field(1, n) for n in values.shape)
    return dims + field(2, FLOAT) + field(8, name) + field(9, values.astype("<f4").tobytes())


def value_info(name: str, shape: Sequence[int | str]) -> bytes:
    dims = b"".join(field(1, field(1, n) if isinstance(n, int) else field(2, n)) for n in shape)
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, dims)))


def node(operator: str, inputs: Sequence[str], outputs: Sequence[str], attributes: bytes = b"") -> bytes:
    names = b"".join(field(1, name) for name in inputs) + b"".join(field(2, name) for name in outputs)
    return names + field(4, operator) + attributes


def model(
    nodes: Sequence[bytes], inputs: Sequence[bytes], outputs: Sequence[bytes], tensors: Sequence[bytes] = ()
) -> bytes:
    """The bytes of a ModelProto, opset 17."""
    graph = b"".join(
        [field(1, n) for n in nodes]
        + [field(2, "g")]
        + [field(5, t) for t in tensors]
        + [field(11, i) for i in inputs]
        + [field(12, o) for o in outputs]
    )
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 17))


def scaled(path: Path, factor: float, width: int = 4) -> Path:
    """Write a network: y [B, width] = x [B, width] * factor, its weights within."""
    weights = tensor("w", np.full(width, factor))
    path.write_bytes(
        model(
            [node("Mul", ["x", "w"], ["y"])],
            [value_info("x", ["B", width])],
            [value_info("y", ["B", width])],
            [weights],
        )
    )
    return path


def external(path: Path, location: str, offset: int = 0, width: int = 4) -> Path:
    """Write a network as `scaled`, whose weights lie in the file `location`; that file is not written."""
    path.write_bytes(
        model(
            [node("Mul", ["x", "w"], ["y"])],
            [value_info("x", ["B", width])],
            [value_info("y", ["B", width])],
            [external_tensor("w", [width], location, offset)],
        )
    )
    return path
