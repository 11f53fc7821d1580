"""Arrays of numbers in MATLAB's files of level 5 (before 7.3), read with NumPy alone.

Format: MathWorks, "MAT-File Format" (level 5): a header of 128 bytes, then elements of a tag (type, bytes) and data
padded to 8 bytes; an array is an element of flags, dimensions, name and numbers, and is often compressed.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import FileError

from .unreadable import unreadable

_MATRIX, _COMPRESSED = 14, 15
#: Types of numbers; the numbers of an array may be stored in a smaller type than its own.
_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
#: Classes of arrays of numbers: double to uint64.
_NUMBERS = range(6, 16)
_HEADER = 128
#: Bytes: more than any array that is read with this, and less than what fills a memory.
_MOST = 1 << 30


def read_array(path: Path, name: str) -> NDArray[Any]:
    """An array of a file.

    Raises:
        FileError: it cannot be read, or there is no such array of numbers.
    """
    try:
        data = path.read_bytes()
        if data[124:126] in (b"\x00\x02", b"\x02\x00") and data[126:128] in (b"IM", b"MI"):
            raise ValueError("it is of version 7.3, and only level 5 is read")
        order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
        if order is None:
            raise ValueError("it does not begin as such a file of level 5")
        for found, array in _arrays(data[_HEADER:], order):
            if found == name:
                return array
    except OSError as error:
        raise FileError(f"{path.name} cannot be read ({error.strerror or 'the system refuses it'}).") from error
    except (ValueError, KeyError, TypeError, struct.error, zlib.error) as error:
        raise unreadable(path.name, "a file of MATLAB", error) from error
    raise FileError(f"{path.name} holds no array of numbers '{name}'.")


def _arrays(data: bytes, order: str) -> Iterator[tuple[str, NDArray[Any]]]:
    """The arrays of numbers in a row of elements, by name."""
    for kind, content in _elements(data, order):
        if kind == _COMPRESSED:
            unpacker = zlib.decompressobj()
            unpacked = unpacker.decompress(content, _MOST)
            if unpacker.unconsumed_tail:
                raise ValueError(f"an array of more than {_MOST} bytes")
            yield from _arrays(unpacked, order)
        elif kind == _MATRIX:
            parts = list(_elements(content, order))
            if len(parts) < 4 or struct.unpack(order + "I", parts[0][1][:4])[0] & 0xFF not in _NUMBERS:
                continue  # texts, structures and cells
            shape = np.frombuffer(parts[1][1], order + "i4").tolist()
            numbers = np.frombuffer(parts[3][1], order + _TYPES[parts[3][0]])
            yield parts[2][1].decode("latin1"), numbers.reshape(shape, order="F")


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Type and content of each element; those of four bytes or fewer have both in their tag."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(order + "II", data, at)
        start = at + 8
        if kind >> 16:
            kind, size, start = kind & 0xFFFF, kind >> 16, at + 4
        if start + size > len(data):
            raise ValueError("it is cut off")
        yield kind, data[start : start + size]
        at = max(start + size, at + 8)
        if kind != _COMPRESSED:
            at += -at % 8
