"""The weights of an ONNX file, read one by one without the onnx package and without loading the network.

Numbers of fields and types are those of onnx.proto (https://github.com/onnx/onnx, ``onnx/onnx.proto``).
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError, Remedy

from .model_file import fields, numbers, weights_size

_TYPES = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64"}
# ModelProto, GraphProto, TensorProto, StringStringEntryProto
_MODEL_GRAPH, _GRAPH_INITIALIZER = 7, 5
_DIMS, _TYPE, _NAME, _RAW, _EXTERNAL = 1, 2, 8, 9, 13
_KEY, _VALUE = 1, 2


@dataclass(frozen=True)
class _Place:
    """Where an initializer's numbers lie: in ``file`` (None: in the ONNX file itself) from byte ``offset`` on."""

    dtype: str
    shape: tuple[int, ...]
    file: Path | None
    offset: int


class Initializers(Mapping[str, NDArray[Any]]):
    """The initializers of a file by name, except small ones that are stored number by number, as tracing leaves them.

    Arrays are read when asked for, straight from the file (`numpy.memmap`): what is not kept takes no memory.

    Raises:
        ModelError: it is no ONNX file, or its weights are missing, too short or outside of its folder.
    """

    def __init__(self, path: Path) -> None:
        weights_size(path)  # every tensor lies in the file's folder, and within its file
        self._path = path
        try:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                self._places = dict(_places(data, path.parent))
        except (OSError, ValueError, IndexError, KeyError) as error:
            raise ModelError(f"The network {path} cannot be read ({error}).", Remedy.REMAKE_NETWORK) from error

    def __getitem__(self, name: str) -> NDArray[Any]:
        place = self._places[name]
        count = math.prod(place.shape)
        if count == 0:
            return np.empty(place.shape, place.dtype)
        return np.memmap(place.file or self._path, place.dtype, "r", place.offset, place.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _places(data: mmap.mmap, folder: Path) -> Iterator[tuple[str, _Place]]:
    for graph, start, stop in fields(data, 0, len(data)):
        if graph != _MODEL_GRAPH:
            continue
        for number, begin, end in fields(data, start, stop):
            if number == _GRAPH_INITIALIZER:
                name, place = _place(data, begin, end, folder)
                if place is not None:
                    yield name, place


def _place(data: mmap.mmap, start: int, stop: int, folder: Path) -> tuple[str, _Place | None]:
    name, raw, entries = "", None, {}
    for number, begin, end in fields(data, start, stop):
        if number == _NAME:
            name = data[begin:end].decode()
        elif number == _RAW:
            raw = begin
        elif number == _EXTERNAL:
            pair = {key: data[first:last] for key, first, last in fields(data, begin, end)}
            entries[pair.get(_KEY, b"")] = pair.get(_VALUE, b"")
    dims = tuple(value for number, value in numbers(data, start, stop) if number == _DIMS)
    kinds = [value for number, value in numbers(data, start, stop) if number == _TYPE]
    if not kinds or kinds[-1] not in _TYPES or (raw is None and not entries):
        return name, None
    kind = _TYPES[kinds[-1]]
    if entries:
        file, offset = folder / entries[b"location"].decode(), int(entries.get(b"offset") or 0)
        return name, _Place(kind, dims, file, offset)
    assert raw is not None
    return name, _Place(kind, dims, None, raw)
