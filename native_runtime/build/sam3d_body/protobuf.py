"""The protocol buffer wire format, as far as graphs need it (https://protobuf.dev/programming-guides/encoding/)."""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}


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


def parts(message: bytes) -> Iterator[tuple[int, int | bytes, bytes]]:
    """The fields of a message: number, value (a number, or bytes), and all of its bytes.

    Raises:
        ValueError: it is no message.
    """
    at = 0
    while at < len(message):
        start = at
        tag, at = _read_varint(message, at)
        field, kind = tag >> 3, tag & 7
        value: int | bytes
        if kind == _VARINT:
            value, at = _read_varint(message, at)
        elif kind == _BYTES:
            length, at = _read_varint(message, at)
            value, at = message[at : at + length], at + length
        elif kind in _FIXED:
            value, at = message[at : at + _FIXED[kind]], at + _FIXED[kind]
        else:
            raise ValueError("not protobuf")
        if at > len(message):
            raise ValueError("a field extends beyond its message")
        yield field, value, message[start:at]


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("not a number")
