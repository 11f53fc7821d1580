"""Binary FBX files: texts shortened in their records; without Blender.

The layout is not published by Autodesk; after the Blender Foundation's description, "FBX binary file format
specification" (code.blender.org, 2013), and for versions from 7500 on, whose offsets are longer, after Blender's
parser, ``io_scene_fbx/parse_fbx.py``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from native_runtime.errors import Sam3dbError

_MAGIC = b"Kaydara FBX Binary\x20\x20\x00\x1a\x00"
_VERSION = struct.Struct("<I")
_START = len(_MAGIC) + _VERSION.size
#: From this version on offsets have 64 bits.
_LONG = 7500
_FOOTER_ID, _FOOTER_END = 16 + 4, 4 + 120 + 16
_ALIGNMENT = 16
_TEXT_LENGTH = struct.Struct("<I")
#: Length of a property's value by its type; arrays state theirs last of three numbers.
_FIXED = {b"Y": 2, b"B": 1, b"C": 1, b"Z": 1, b"I": 4, b"F": 4, b"D": 8, b"L": 8}
_ARRAY, _ARRAYS = struct.Struct("<3I"), frozenset(b"fdlibc")


def without_text(path: Path, text: str) -> None:
    """Removes a text from all texts of a binary FBX file.

    Raises:
        Sam3dbError: the file is no binary FBX, or a part of it is missing.
    """
    data = path.read_bytes()
    sought = text.encode("utf-8")
    if sought not in data:
        return
    try:
        if not data.startswith(_MAGIC):
            raise ValueError("its header is wrong")
        (version,) = _VERSION.unpack_from(data, len(_MAGIC))
        rewriter = _Rewriter(data, sought, struct.Struct("<3Q" if version >= _LONG else "<3I"))
        records, end = rewriter.records(_START, len(data), _START)
        if not 0 < len(data) - end - _FOOTER_ID - _FOOTER_END <= _ALIGNMENT:
            raise ValueError("its footer is wrong")
    except (struct.error, ValueError, IndexError) as error:
        raise Sam3dbError(f"The FBX exporter wrote no binary FBX: {error}.") from error
    content = data[:_START] + records + data[end : end + _FOOTER_ID]
    padding = _ALIGNMENT - len(content) % _ALIGNMENT  # a whole one where it is aligned already
    path.write_bytes(content + bytes(padding) + data[-_FOOTER_END:])


@dataclass(frozen=True)
class _Rewriter:
    """Writes the records of a file again without a text.

    Attributes:
        head: of a record: its end, the number of its properties, and their length in bytes.
    """

    data: bytes
    sought: bytes
    head: struct.Struct

    def records(self, start: int, end: int, place: int) -> tuple[bytes, int]:
        """The records from ``start`` to an empty one or to ``end``, to be written at ``place``, and where they end."""
        written = bytearray()
        while start < end:
            stop, count, length = self.head.unpack_from(self.data, start)
            if stop == 0:
                empty = self.head.size + 1
                return bytes(written) + bytes(empty), start + empty
            if not start < stop <= end:
                raise ValueError("a record ends where none can")
            written += self._record(start, stop, count, length, place + len(written))
            start = stop
        return bytes(written), start

    def _record(self, start: int, stop: int, count: int, length: int, place: int) -> bytes:
        name_at = start + self.head.size
        properties_at = name_at + 1 + self.data[name_at]
        name = self.data[name_at:properties_at]
        properties = self.data[properties_at : properties_at + length]
        if self.sought in properties:
            properties = self._properties(properties, count)
        inside = place + self.head.size + len(name) + len(properties)
        nested, _ = self.records(properties_at + length, stop, inside)
        return self.head.pack(inside + len(nested), count, len(properties)) + name + properties + nested

    def _properties(self, data: bytes, count: int) -> bytes:
        written, at = bytearray(), 0
        for _ in range(count):
            kind, value = data[at : at + 1], at + 1
            if kind in (b"S", b"R"):
                (length,) = _TEXT_LENGTH.unpack_from(data, value)
                at = value + _TEXT_LENGTH.size + length
                content = data[at - length : at]
                if kind == b"S":
                    content = content.replace(self.sought, b"")
                written += kind + _TEXT_LENGTH.pack(len(content)) + content
                continue
            if kind and kind[0] in _ARRAYS:
                at = value + _ARRAY.size + _ARRAY.unpack_from(data, value)[2]
            elif kind in _FIXED:
                at = value + _FIXED[kind]
            else:
                raise ValueError(f"a property of the unknown type {kind!r}")
            written += data[value - 1 : at]
        return bytes(written)
