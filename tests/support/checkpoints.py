"""Checkpoints in every container, written without PyTorch: what ``torch.save`` and safetensors would write."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

_STORAGES = {
    "f8": "DoubleStorage", "f4": "FloatStorage", "f2": "HalfStorage", "i8": "LongStorage", "i4": "IntStorage",
    "i2": "ShortStorage", "i1": "CharStorage", "u1": "ByteStorage", "b1": "BoolStorage",
}  # fmt: skip
_SAFE = {
    "f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "i4": "I32", "i2": "I16", "i1": "I8", "u1": "U8", "b1": "BOOL",
}  # fmt: skip


class BFloat16:
    """An array to be stored as bfloat16: the upper halves of float32 numbers."""

    def __init__(self, values: np.ndarray) -> None:
        self.bits = (np.asarray(values, np.float32, order="C").view(np.uint32) >> 16).astype(np.uint16)

    @property
    def values(self) -> np.ndarray:
        """The numbers that are really stored."""
        return (self.bits.astype(np.uint32) << 16).view(np.float32)


class View:
    """A tensor that is a part of another's storage: ``base[offset:]`` with its own shape and strides (elements)."""

    def __init__(self, base: np.ndarray, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.base, self.offset, self.shape, self.strides = base, offset, shape, strides

    @property
    def values(self) -> np.ndarray:
        step = [s * self.base.itemsize for s in self.strides]
        return np.lib.stride_tricks.as_strided(self.base.ravel()[self.offset :], self.shape, step)


class Parameter:
    """A tensor inside ``torch.nn.Parameter``."""

    def __init__(self, array: Any) -> None:
        self.array = array


class StateDict(dict):
    """An OrderedDict with the attribute ``_metadata``, as ``module.state_dict()`` gives."""


class Raw:
    """Pickle instructions that leave one value on the stack."""

    def __init__(self, instructions: bytes) -> None:
        self.instructions = instructions


def write_torch(path: Path, content: Mapping[str, Any], prefix: str = "archive", byteorder: str = "little") -> Path:
    """What ``torch.save(content, path)`` writes."""
    records: dict[int, tuple[str, bytes]] = {}
    pickle = b"\x80\x02" + _value(content, records) + b"."
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        file.writestr(f"{prefix}/data.pkl", pickle)
        file.writestr(f"{prefix}/byteorder", byteorder)
        for key, data in records.values():
            file.writestr(f"{prefix}/data/{key}", data)
        file.writestr(f"{prefix}/version", "3\n")
    return path


def _text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def _int(value: int) -> bytes:
    return b"\x8a\x08" + struct.pack("<q", value)


def _tuple(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def _tensor(kind: str, owner: np.ndarray, offset: int, shape: Any, strides: Any, records: dict) -> bytes:
    key, _ = records.setdefault(id(owner), (str(len(records)), owner.tobytes()))
    storage = _tuple(_text("storage"), f"ctorch\n{kind}\n".encode(), _text(key), _text("cpu"), _int(owner.size)) + b"Q"
    arguments = (storage, _int(offset), _tuple(*map(_int, shape)), _tuple(*map(_int, strides)), b"\x89")
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + _tuple(*arguments, b"ccollections\nOrderedDict\n)R") + b"R"


def _value(value: Any, records: dict) -> bytes:
    if isinstance(value, Raw):
        return value.instructions
    if isinstance(value, Mapping):
        items = b"(" + b"".join(_value(key, records) + _value(item, records) for key, item in value.items()) + b"u"
        if isinstance(value, StateDict):
            return b"ccollections\nOrderedDict\n)R" + items + b"}" + _text("_metadata") + b"}sb"
        return b"}" + items
    if isinstance(value, Parameter):
        return b"ctorch._utils\n_rebuild_parameter\n" + _tuple(_value(value.array, records), b"\x88", b"N") + b"R"
    if isinstance(value, BFloat16):
        steps = [s // 2 for s in value.bits.strides]
        return _tensor("BFloat16Storage", value.bits, 0, value.bits.shape, steps, records)
    if isinstance(value, View):
        return _tensor(_storage(value.base), value.base, value.offset, value.shape, value.strides, records)
    if isinstance(value, np.ndarray):
        steps = [s // value.itemsize for s in value.strides]
        return _tensor(_storage(value), value, 0, value.shape, steps, records)
    if value is None or isinstance(value, bool):
        return {None: b"N", True: b"\x88", False: b"\x89"}[value]
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, list | tuple):
        items = b"(" + b"".join(_value(item, records) for item in value)
        return b"]" + items + b"e" if isinstance(value, list) else items + b"t"
    return _text(value) if isinstance(value, str) else _int(value)


def _storage(array: np.ndarray) -> str:
    return _STORAGES[array.dtype.str[1:]]


def safetensors_bytes(tensors: Mapping[str, Any], **changes: Any) -> bytes:
    """A safetensors file; ``changes`` replace entries of its header."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    parts: list[bytes] = []
    start = 0
    for name, value in tensors.items():
        array = value.bits if isinstance(value, BFloat16) else np.asarray(value, order="C")
        kind = "BF16" if isinstance(value, BFloat16) else _SAFE[array.dtype.str[1:]]
        place = [start, start + array.nbytes]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": place}
        parts.append(array.tobytes())
        start += array.nbytes
    text = json.dumps(header | changes).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(parts)


def write_safetensors(path: Path, tensors: Mapping[str, Any]) -> Path:
    """One file."""
    path.write_bytes(safetensors_bytes(tensors))
    return path


def write_shards(folder: Path, tensors: Mapping[str, Any], count: int = 3) -> Path:
    """Several files and their index, whose path is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    homes: dict[str, str] = {}
    for number in range(count):
        name = f"model-{number + 1:05d}-of-{count:05d}.safetensors"
        part = dict(list(tensors.items())[number::count])
        write_safetensors(folder / name, part)
        homes |= dict.fromkeys(part, name)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": homes}))
    return index
