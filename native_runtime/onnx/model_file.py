"""What an ONNX file says about the files that hold its weights, checked before ONNX Runtime follows it.

A network of gigabytes keeps its weights beside it ("external data"): each tensor names a file, an offset and a length.
Those names come from whoever made the network, so they must not lead out of its folder. Only the few fields that are
needed are read here, without the onnx package and without holding the file in memory. The numbers below are those of
the fields in onnx.proto.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

from native_runtime.errors import ModelError, Remedy

# Which fields of a message hold which messages in which a tensor may be.
_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor"},
    "sparse tensor": {1: "tensor", 2: "tensor"},
}
_METADATA = 14
_EXTERNAL_DATA = 13
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def weights_size(path: Path) -> int:
    """The bytes of the network `path`: its own and those of the files in which its tensors lie.

    Raises:
        ModelError: it is no ONNX file, or names a file that is missing, too short or outside of its folder.
    """
    needed: dict[str, int] = {}
    try:
        size = path.stat().st_size
        if size == 0:
            raise _damaged(path, "it is empty")
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for location, end in _external_data(data):
                needed[location] = max(needed.get(location, 0), end)
    except OSError as error:
        raise ModelError(f"The network {path} cannot be read ({error.strerror or error}).") from error
    except (ValueError, IndexError) as error:
        raise _damaged(path, "it is not an ONNX file, or incomplete") from error
    return size + sum(_check_location(path, location, end) for location, end in needed.items())


def metadata_of(path: Path) -> dict[str, str]:
    """The entries of an ONNX file's metadata, by key.

    Raises:
        ModelError: it is no ONNX file.
    """
    found = {}
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for number, start, stop in fields(data, 0, len(data)):
                if number == _METADATA:
                    entry = {key: data[first:last].decode() for key, first, last in fields(data, start, stop)}
                    found[entry.get(1, "")] = entry.get(2, "")
    except (OSError, ValueError, IndexError) as error:
        raise _damaged(path, "it is not an ONNX file, or incomplete") from error
    return found


def _check_location(path: Path, location: str, end: int) -> int:
    """The size of a file of weights, once it is sure that it lies in the network's folder and is long enough."""
    parts = PureWindowsPath(location)  # knows both kinds of slashes, and drives
    if not location or "\0" in location or parts.drive or parts.root or ".." in parts.parts:
        raise _damaged(path, f"it names {location!r} for its weights, which is not in its folder")
    folder, file = path.parent.resolve(), (path.parent / location).resolve()
    if not file.is_relative_to(folder):
        raise _damaged(path, f"its weights {location!r} are a link that leads out of its folder")
    if not file.is_file():
        raise _damaged(path, f"its weights {location!r} are missing")
    size = file.stat().st_size
    if size < end:
        raise _damaged(path, f"its weights {location!r} are incomplete ({size} of at least {end} bytes)")
    return size


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(f"The network {path} cannot be used: {why}.", Remedy.REMAKE_NETWORK)


def _external_data(data: mmap.mmap) -> Iterator[tuple[str, int]]:
    """The file of each tensor that lies outside, and where the tensor ends in it.

    Raises:
        ValueError, IndexError: this is no ONNX file.
    """
    seen = False
    waiting = [("model", 0, len(data))]  # a list, not recursion: a file may nest as deep as it likes
    while waiting:
        kind, start, stop = waiting.pop()
        if kind == "tensor":
            yield from _external_entries(data, start, stop)
            continue
        for number, begin, end in fields(data, start, stop):
            child = _CHILDREN[kind].get(number)
            if child is not None:
                seen = seen or child == "graph"
                waiting.append((child, begin, end))
    if not seen:
        raise ValueError("there is no graph")


def _external_entries(data: mmap.mmap, start: int, stop: int) -> Iterator[tuple[str, int]]:
    entries: dict[bytes, bytes] = {}
    for number, begin, end in fields(data, start, stop):
        if number == _EXTERNAL_DATA:
            pair = {key: data[first:last] for key, first, last in fields(data, begin, end)}
            entries[pair.get(1, b"")] = pair.get(2, b"")
    if entries:
        offset, length = (int(entries.get(key) or 0) for key in (b"offset", b"length"))
        if offset < 0 or length < 0:
            raise ValueError("a negative place")
        yield entries.get(b"location", b"").decode(), offset + length


def fields(data: mmap.mmap, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Number, begin and end of each field of bytes in a protobuf message; numbers among the fields are passed over."""
    return ((number, begin, end) for number, begin, end, value in _entries(data, start, stop) if value is None)


def numbers(data: mmap.mmap, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Number and value of each field of a message that is a whole number."""
    return ((number, value) for number, _, _, value in _entries(data, start, stop) if value is not None)


def _entries(data: mmap.mmap, start: int, stop: int) -> Iterator[tuple[int, int, int, int | None]]:
    """Number, begin, end and, of whole numbers, value of each field."""
    at = start
    while at < stop:
        tag, at = _varint(data, at, stop)
        kind = tag & 7
        if kind == _VARINT:
            begin = at
            value, at = _varint(data, at, stop)
            yield tag >> 3, begin, at, value
        elif kind == _FIXED64:
            at += 8
        elif kind == _FIXED32:
            at += 4
        elif kind == _BYTES:
            length, at = _varint(data, at, stop)
            if length > stop - at:
                raise ValueError("a field extends beyond its message")
            yield tag >> 3, at, at + length, None
            at += length
        else:
            raise ValueError("not protobuf")
    if at != stop:
        raise ValueError("a field extends beyond its message")


def _varint(data: mmap.mmap, at: int, stop: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= stop:
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("not a number")
