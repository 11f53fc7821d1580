"""Tensors from ``.safetensors`` files (https://huggingface.co/docs/safetensors), one file or several with an index.

A file is the length of its header (8 bytes, little-endian), the header (JSON: for each tensor its type, its shape and
where its numbers begin and end in the rest), and the numbers, without gaps.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr.official.torch_archive import widen_bfloat16

from .usable import ROUNDED, UnusableError

KINDS = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
INDEX_SUFFIX = ".safetensors.index.json"
_MAX_HEADER = 100 << 20  # the format's own limit
_MAX_INDEX = 16 << 20
_CHUNK = 1 << 22
_METADATA = "__metadata__"
_EIGHT_BIT = ("F8_", "F4", "F6_")
"""What the types of eight and fewer bits begin with."""


class FormatError(ValueError):
    """The file is damaged, or not of this format."""


@dataclass(frozen=True)
class Entry:
    """A tensor of a file: ``start`` and ``length`` in bytes from the file's beginning."""

    kind: str
    shape: tuple[int, ...]
    start: int
    length: int


class SafetensorsFile:
    """An open file.

    Raises:
        FormatError, OSError: it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("rb")
        try:
            self.entries = _read_header(self._file.read(8), self._file.read, path.stat().st_size)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        self._file.close()

    def same(self, name: str, other: SafetensorsFile) -> bool:
        """Whether another file's tensor of the same name has the same type, shape and numbers."""
        mine, its = self.entries[name], other.entries[name]
        if (mine.kind, mine.shape) != (its.kind, its.shape):
            return False
        for start in range(0, mine.length, _CHUNK):
            size = min(_CHUNK, mine.length - start)
            if self._bytes(mine.start + start, size) != other._bytes(its.start + start, size):
                return False
        return True

    def _bytes(self, start: int, length: int) -> bytes:
        self._file.seek(start)
        data = self._file.read(length)
        if len(data) != length:
            raise FormatError("it is truncated")
        return data

    def numbers(self, name: str) -> NDArray[Any]:
        """A tensor's numbers, bfloat16 as float32."""
        entry = self.entries[name]
        data = self._bytes(entry.start, entry.length)
        if entry.kind == "bfloat16":
            return widen_bfloat16(np.frombuffer(data, "<u2").reshape(entry.shape))
        return np.frombuffer(data, np.dtype(entry.kind).newbyteorder("<")).reshape(entry.shape)


def looks_like_safetensors(start: bytes, size: int) -> bool:
    """Whether a file of ``size`` bytes that begins with these nine or more may be one."""
    return len(start) > 8 and int.from_bytes(start[:8], "little") <= size - 8 and start[8:9] == b"{"


def read_index(path: Path) -> dict[str, str]:
    """Which file beside the index ``path`` holds each tensor: the name of the file by the name of the tensor.

    Raises:
        FormatError: the index is damaged, or names files elsewhere.
    """
    if path.stat().st_size > _MAX_INDEX:
        raise FormatError("it is too large for an index")
    content = json.loads(path.read_bytes(), object_pairs_hook=_without_doubles)
    homes = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(homes, dict):
        raise FormatError("it lists no files")
    for file in homes.values():
        # Only files of this very folder: an index has no business elsewhere.
        if not isinstance(file, str) or not file.endswith(".safetensors") or set(file) & set("/\\:\0"):
            raise FormatError(f"it names the file {file!r:.60}")
    return homes


def _read_header(prefix: bytes, read: Any, size: int) -> dict[str, Entry]:
    length = int.from_bytes(prefix, "little")
    if len(prefix) < 8 or length > size - 8:
        raise FormatError("its header is truncated")
    if length > _MAX_HEADER:
        raise FormatError(f"its header claims {length >> 20} MB")
    try:
        header = json.loads(read(length), object_pairs_hook=_without_doubles)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise FormatError(f"its header cannot be read: {error}") from error
    if not isinstance(header, dict):
        raise FormatError("its header lists no tensors")
    header.pop(_METADATA, None)
    entries = {name: _entry(name, facts, 8 + length) for name, facts in header.items()}
    _check_cover(entries, 8 + length, size)
    return entries


def _entry(name: str, facts: Any, base: int) -> Entry:
    if not isinstance(facts, Mapping):
        raise FormatError(f"it does not describe {name[:80]}")
    kind, shape, offsets = facts.get("dtype"), facts.get("shape"), facts.get("data_offsets")
    if isinstance(kind, str) and kind.startswith(_EIGHT_BIT):
        raise UnusableError(f"holds weights in eight bits or fewer ({kind}, such as {name[:80]}): {ROUNDED}")
    if kind not in KINDS:
        raise FormatError(f"{name[:80]} holds numbers of the unsupported kind {kind!r:.20}")
    if not _counts(shape) or not _counts(offsets) or len(offsets) != 2:
        raise FormatError(f"the shape or the place of {name[:80]} is invalid")
    begin, end = offsets
    width = 2 if KINDS[kind] == "bfloat16" else np.dtype(KINDS[kind]).itemsize
    if end - begin != math.prod(shape) * width:
        raise FormatError(f"{name[:80]} is not as large as its shape says")
    return Entry(KINDS[kind], tuple(shape), base + begin, end - begin)


def _counts(values: Any) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 1 << 48 for v in values) and len(values) <= 32


def _check_cover(entries: Mapping[str, Entry], base: int, size: int) -> None:
    """The tensors must fill the rest of the file, without gaps and without overlaps."""
    end = base
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].length)):
        if entry.start != end:
            raise FormatError(f"{name[:80]} {'overlaps another tensor' if entry.start < end else 'follows a gap'}")
        end += entry.length
    if end != size:
        raise FormatError("it is truncated" if end > size else "there is data after its tensors")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise FormatError("it lists something twice")
    return content
