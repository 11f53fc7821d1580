"""The protocol buffer wire format, as far as writing needs it (https://protobuf.dev/programming-guides/encoding/)."""

from __future__ import annotations

_VARINT, _BYTES = 0, 2


def number(field: int, value: int) -> bytes:
    """A field that holds a number, 0 or more."""
    return _varint(field << 3 | _VARINT) + _varint(value)


def content(field: int, data: bytes) -> bytes:
    """A field that holds a message, a text (UTF-8) or bytes."""
    return _varint(field << 3 | _BYTES) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    """Seven bits a byte, lowest first; the eighth says that more follow."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
