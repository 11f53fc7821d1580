"""How a weight of a graph is made from a tensor of the checkpoint: the operations that recipes name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError
from native_runtime.onnx.rotation import rotated

DTYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype(name) for name in ("float32", "float16", "int8", "uint8", "int32", "int64", "bool")
}


_ROWS = 64
"""Rows transposed at a time: they stay within the processor's cache, which makes it four times as fast."""


def _transpose(tensor: NDArray[Any]) -> NDArray[Any]:
    result = np.empty(tensor.shape[:-2] + tensor.shape[:-3:-1], tensor.dtype)
    for start in range(0, tensor.shape[-2], _ROWS):
        result[..., start : start + _ROWS] = np.swapaxes(tensor[..., start : start + _ROWS, :], -1, -2)
    return result


def _scales(weight: NDArray[Any], bits: int) -> NDArray[Any]:
    """(N,) float32: the size of one step for each row of a linear layer's weight (N, K), once it is rotated."""
    return _steps(rotated(weight), bits)


def _steps(rows: NDArray[Any], bits: int) -> NDArray[Any]:
    largest = np.maximum(rows.max(axis=1), -rows.min(axis=1))
    return np.where(largest > 0, largest / np.float32(2 ** (bits - 1) - 1), np.float32(1)).astype(np.float32)


def _values(weight: NDArray[Any], bits: int) -> NDArray[Any]:
    """(K, N): the rotated weight (N, K) in steps, as ONNX's matrix products want it: transposed.

    Steps go from -127 to 127, or, of seven bits, from -63 to 63.
    """
    # In place where it can be: these are the largest tensors.
    rows = rotated(weight)
    rows /= _steps(rows, bits)[:, None]
    np.rint(rows, out=rows)
    return _transpose(rows.astype(np.int8))


OPERATIONS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "copy": lambda tensor: tensor,
    "transpose": _transpose,
    "int8-scales": partial(_scales, bits=8),
    "int8-values": partial(_values, bits=8),
    "int7-scales": partial(_scales, bits=7),
    "int7-values": partial(_values, bits=7),
}
_MATRICES_ONLY = frozenset(("int8-scales", "int8-values", "int7-scales", "int7-values"))


def apply(operation: str, tensor: NDArray[Any], dtype: str, name: str) -> NDArray[Any]:
    """The weight ``name`` in its type, in C order.

    Args:
        operation: a key of ``OPERATIONS``.
        tensor: float32 or int64, finite.
        dtype: a key of ``DTYPES``.

    Raises:
        ModelError: the tensor does not suit the operation, or its values do not fit the type.
    """
    if tensor.ndim < 2 if operation == "transpose" else operation in _MATRICES_ONLY and tensor.ndim != 2:
        raise ModelError(f"The weight {name} cannot be made by {operation} of a tensor of the shape {tensor.shape}.")
    result = OPERATIONS[operation](tensor)
    target = DTYPES[dtype]
    if target.kind == "f":
        with np.errstate(over="ignore"):
            cast = np.asarray(result, target, order="C")
        if target.itemsize < 4 and not np.isfinite(cast).all():
            raise ModelError(
                f"The weight {name} holds values beyond float16 (up to {np.abs(result).max():.3g}). "
                "Convert it exactly, with the precision fp32."
            )
        return cast
    cast = np.asarray(result, target, order="C")
    if cast is not result and not np.array_equal(cast, result):
        raise ModelError(f"The weight {name} holds values that do not fit {dtype}.")
    return cast
