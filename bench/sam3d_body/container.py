"""Writes the containers that PyTorch writes, and safetensors, without ever holding more than one block of numbers.

Both `torch.save` and `torch.jit.save` make a zip file of raw numbers (`NAME/data/N`) and a pickle that describes them
(`NAME/data.pkl`): a dictionary of tensors in the first case, nested modules in the second. The layout follows what
PyTorch 2 writes: nothing is compressed, and every record begins at a multiple of 64 bytes.
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_STORAGES = {
    "float32": "FloatStorage",
    "bfloat16": "BFloat16Storage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "bool": "BoolStorage",
}
_SAFE = {
    "float32": ("F32", 4),
    "float16": ("F16", 2),
    "bfloat16": ("BF16", 2),
    "int64": ("I64", 8),
    "int32": ("I32", 4),
    "bool": ("BOOL", 1),
}
_ALIGNMENT = 64
_ROOT = "archive"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LOCAL_HEADER = 30

Blocks = Callable[[], Iterable[NDArray[Any]]]
"""Yields a tensor's numbers in order, in blocks of any shape."""


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor that is made while it is written; the same one under two names is stored once.

    Attributes:
        dtype: `float32`, `bfloat16` (made of float32), `int64`, `int32` or `bool`; in safetensors also `float16`.
        shape: its shape.
        blocks: its numbers.
    """

    dtype: str
    shape: tuple[int, ...]
    blocks: Blocks

    @staticmethod
    def of(values: NDArray[Any]) -> Tensor:
        """A tensor of an array's own type."""
        return Tensor(values.dtype.name, values.shape, lambda: [values])


Module = Mapping[str, Any]
"""Attribute names -> Tensor, Module, int, bool, or a list of ints."""


def write_state_dict(path: Path, tensors: Mapping[str, Tensor], notice: str) -> None:
    """Write a flat dictionary of tensors as `torch.save` does; `notice` becomes a record of its own and the comment."""
    records: list[Tensor] = []
    items = b"".join(_text(name) + _tensor(tensor, records) for name, tensor in tensors.items())
    _write(path, b"}(" + items + b"u", records, notice)


def write_module(path: Path, module: Module, notice: str) -> None:
    """Write nested modules as `torch.jit.save` does (their data only, no code); `notice` as above."""
    records: list[Tensor] = []
    _write(path, _value(module, records), records, notice)


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], notice: str) -> None:
    """Write a safetensors file; `notice` goes into its metadata."""
    header: dict[str, Any] = {"__metadata__": {"notice": notice}}
    start = 0
    for name, tensor in tensors.items():
        kind, width = _SAFE[tensor.dtype]
        size = prod(tensor.shape) * width
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [start, start + size]}
        start += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            for part in _bytes(tensor):
                file.write(part)


def to_bfloat16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The bits of the nearest bfloat16 numbers, ties to even; finite input."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + (0x7FFF + ((bits >> 16) & 1))) >> 16).astype(np.uint16)


def _write(path: Path, description: bytes, records: list[Tensor], notice: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        _record(file, "data.pkl", [b"\x80\x02" + description + b"."])
        _record(file, "byteorder", [b"little"])
        for number, tensor in enumerate(records):
            _record(file, f"data/{number}", _bytes(tensor))
        _record(file, "version", [b"3\n"])
        _record(file, "extra/notice.txt", [notice.encode()])
        file.comment = notice.encode()


def _record(file: zipfile.ZipFile, name: str, parts: Iterable[bytes]) -> None:
    assert file.fp is not None
    info = zipfile.ZipInfo(f"{_ROOT}/{name}", _EPOCH)
    # An extra field of the kind "FB" (as PyTorch names it) fills up to the alignment.
    start = file.fp.tell() + _LOCAL_HEADER + len(info.filename) + 4
    padding = -start % _ALIGNMENT
    info.extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
    with file.open(info, "w") as record:
        for part in parts:
            record.write(part)


def _bytes(tensor: Tensor) -> Iterable[bytes]:
    written = 0
    for block in tensor.blocks():
        raw = to_bfloat16(block) if tensor.dtype == "bfloat16" else np.ascontiguousarray(block, tensor.dtype)
        written += raw.size
        yield raw.tobytes()
    assert written == prod(tensor.shape), f"{written} numbers for the shape {tensor.shape}"


def _text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def _int(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _tuple(items: Iterable[bytes]) -> bytes:
    return b"(" + b"".join(items) + b"t"


def _tensor(tensor: Tensor, records: list[Tensor]) -> bytes:
    """`torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`."""
    storage = _STORAGES[tensor.dtype]
    strides = [prod(tensor.shape[axis + 1 :]) for axis in range(len(tensor.shape))]
    if tensor not in records:
        records.append(tensor)
    key = _text(str(records.index(tensor)))
    described = _tuple([_text("storage"), f"ctorch\n{storage}\n".encode(), key, _text("cpu"), _int(prod(tensor.shape))])
    arguments = [described + b"Q", _int(0), _tuple(map(_int, tensor.shape)), _tuple(map(_int, strides)), b"\x89"]
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + _tuple(arguments + [b"ccollections\nOrderedDict\n)R"]) + b"R"


def _value(value: Any, records: list[Tensor]) -> bytes:
    if isinstance(value, Mapping):
        items = b"".join(_text(key) + _value(item, records) for key, item in value.items())
        return b"c__torch__.Module\nModule\n)\x81}(" + items + b"ub"
    if isinstance(value, Tensor):
        return _tensor(value, records)
    if isinstance(value, bool):
        return b"\x88" if value else b"\x89"
    if isinstance(value, int):
        return _int(value)
    return b"ctorch.jit._pickle\nbuild_intlist\n(](" + b"".join(map(_int, value)) + b"etR"
