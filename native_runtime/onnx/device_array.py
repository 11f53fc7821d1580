"""Arrays that may lie in a graphics card's memory, on their way from one network to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

NUMPY_TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}
"""ONNX Runtime's names of the element types of inputs and outputs."""


class DeviceArray:
    """A result of a network that has not left the device on which it was computed.

    On the CPU it holds a NumPy array and nothing is ever copied. On other devices `numpy` and slicing copy to the host.
    """

    def __init__(self, value: NDArray[Any] | onnxruntime.OrtValue) -> None:
        self._host: NDArray[Any] | None = value if isinstance(value, np.ndarray) else None
        self._value: Any = value

    @property
    def device(self) -> str:
        """ONNX Runtime's name of the memory, e.g. "cpu", "cuda"."""
        return "cpu" if self._host is not None else str(self._value.device_name()).lower()

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self._value.shape() if self._host is None else self._host.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(NUMPY_TYPES[self._value.data_type()]) if self._host is None else self._host.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"DeviceArray(shape={self.shape}, dtype={self.dtype}, device={self.device!r})"

    def numpy(self) -> NDArray[Any]:
        """The values on the host: on the CPU the array itself, else a copy."""
        return np.asarray(self._value.numpy()) if self._host is None else self._host

    def ort_value(self) -> onnxruntime.OrtValue:
        """The values as ONNX Runtime holds them, where they are."""
        if self._host is None:
            return self._value
        return onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(self._host))

    def __getitem__(self, rows: int | slice | Sequence[int] | NDArray[np.integer[Any]]) -> DeviceArray:
        """Rows (people) of the first axis, which stays: a number gives one row.

        ONNX Runtime cannot slice in a device's memory. The rows of a device's array are therefore copied to the host
        and go back with the next run. One slices once a photo (the encoder's features, 5 MB a person), and keeps what
        is computed from the slice on the device.
        """
        if isinstance(rows, (int, np.integer)):
            rows = [int(rows)]
        return DeviceArray(np.ascontiguousarray(self.numpy()[rows]))


def concatenate(arrays: Sequence[DeviceArray]) -> DeviceArray:
    """`arrays` behind each other along the first axis; a single one is returned as it is, several come to the host."""
    if len(arrays) == 1:
        return arrays[0]
    return DeviceArray(np.concatenate([array.numpy() for array in arrays]))
