"""Writes archives as ``torch.jit.save`` does, without PyTorch: a zip of numbers and the pickle that describes them."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

_STORAGES = {"f4": "FloatStorage", "f8": "DoubleStorage", "i4": "IntStorage", "i8": "LongStorage", "b1": "BoolStorage"}


def write_archive(path: Path, module: Mapping[str, Any]) -> Path:
    """An archive of nested modules (mappings) of arrays, numbers, texts and None."""
    records: list[bytes] = []
    pickle = b"\x80\x02" + _value(module, records) + b"."
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        file.writestr("archive/data.pkl", pickle)
        for number, record in enumerate(records):
            file.writestr(f"archive/data/{number}", record)
        file.writestr("archive/version", "3\n")
    return path


def _text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def _int(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _value(value: Any, records: list[bytes]) -> bytes:
    if isinstance(value, Mapping):
        items = b"".join(_text(key) + _value(item, records) for key, item in value.items())
        return b"c__torch__.Module\nModule\n)\x81}(" + items + b"ub"
    if isinstance(value, np.ndarray):
        kind = _STORAGES[value.dtype.str[1:]]
        key = str(len(records))
        records.append(np.ascontiguousarray(value).tobytes())
        strides = [s // value.itemsize for s in np.ascontiguousarray(value).strides]
        storage = b"(" + _text("storage") + f"ctorch\n{kind}\n".encode() + _text(key) + _text("cpu")
        storage += _int(value.size) + b"tQ"
        shape = b"(" + b"".join(map(_int, value.shape)) + b"t(" + b"".join(map(_int, strides)) + b"t"
        tail = shape + b"\x89ccollections\nOrderedDict\n)RtR"
        return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + _int(0) + tail
    if isinstance(value, bool) or value is None:
        return {True: b"\x88", False: b"\x89", None: b"N"}[value]
    if isinstance(value, int):
        return _int(value)
    if isinstance(value, list):
        return b"ctorch.jit._pickle\nbuild_intlist\n(](" + b"".join(map(_int, value)) + b"etR"
    assert isinstance(value, str)
    return _text(value)
