"""Binary FBX files (7.0 to 7.7) as a tree of nodes, read with only the standard library and numpy.

The layout (there is no official description; this is the one that Blender's developers worked out and published in
"FBX binary file format specification", code.blender.org, 2013): a 27 byte header ending in the version, then nodes.

    node     := end offset, property count, property bytes (three u32, u64 from version 7500 on),
                name length u8, name, properties, child nodes, and after children one empty node header
    property := type letter, value;  Y i16, C bool, I i32, F f32, D f64, L i64, S/R u32 length and bytes,
                f d l i b arrays: u32 count, u32 encoding (1 = zlib), u32 byte length, bytes

Arrays stay packed until they are asked for, so that a file costs no more than what is used of it. Nothing in a file
is trusted: every offset, count and size is checked before it is used, and unpacking stops at the promised size.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError

MAGIC = b"Kaydara FBX Binary  \x00\x1a\x00"

_MAX_DEPTH = 32
_MAX_NODES = 1_000_000
_MAX_ARRAY_BYTES = 64 << 20  # ten times the largest array of MHR at its finest

_SCALARS = {"Y": "<h", "C": "<?", "B": "<?", "I": "<i", "F": "<f", "D": "<d", "L": "<q"}
_ARRAYS = {"f": "<f4", "d": "<f8", "l": "<i8", "i": "<i4", "b": "|i1", "c": "|i1"}


class FbxError(ValueError):
    """Something in the file is not as it must be; the caller adds which file."""


@dataclass(frozen=True)
class PackedArray:
    """An array property, not unpacked yet."""

    dtype: np.dtype[Any]
    count: int
    encoding: int
    data: memoryview

    def unpack(self) -> NDArray[Any]:
        """The values (count,)."""
        size = self.count * self.dtype.itemsize
        if size > _MAX_ARRAY_BYTES:
            raise FbxError(f"an array claims {size >> 20} MB")
        if self.encoding == 0:
            raw: bytes | memoryview = self.data
        elif self.encoding == 1:
            raw = _inflate(self.data, size)
        else:
            raise FbxError(f"an array has the unknown encoding {self.encoding}")
        if len(raw) != size:
            raise FbxError(f"an array of {self.count} values holds {len(raw)} bytes instead of {size}")
        return np.frombuffer(raw, self.dtype).astype(self.dtype.newbyteorder("="))


Property = int | float | bool | bytes | PackedArray


@dataclass
class FbxNode:
    """A node: a name, values, and nodes below it."""

    name: str
    properties: tuple[Property, ...]
    children: list[FbxNode] = field(default_factory=list)

    def all(self, name: str) -> Iterator[FbxNode]:
        """The children of that name, in order."""
        return (child for child in self.children if child.name == name)

    def first(self, name: str) -> FbxNode | None:
        """The first child of that name, or None."""
        return next(self.all(name), None)

    def array(self, name: str, kind: str) -> NDArray[Any]:
        """The array held by the child ``name``.

        Args:
            kind: "f" for float64, "i" for int64, whatever the width in the file.
        """
        child = self.first(name)
        value = child.properties[0] if child is not None and child.properties else None
        if not isinstance(value, PackedArray):
            raise FbxError(f"{self.name} has no array {name}")
        array = value.unpack()
        if array.dtype.kind != kind:
            raise FbxError(f"{self.name}/{name} holds the wrong type of numbers")
        if kind == "f" and not np.all(np.isfinite(array)):
            raise FbxError(f"{self.name}/{name} holds values that are not finite")
        return array.astype(np.float64 if kind == "f" else np.int64)

    def text(self, name: str, default: str = "") -> str:
        """The text held by the child ``name``."""
        child = self.first(name)
        value = child.properties[0] if child is not None and child.properties else None
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else default


def read_nodes(data: bytes) -> FbxNode:
    """The tree of a whole file under one nameless root.

    Raises:
        FbxError: the file is cut short, damaged, or no binary FBX file.
        ModelError: the file is an FBX file of a kind that is not supported.
    """
    if data[: len(MAGIC)] != MAGIC:
        if b"FBX" in data[:200] and data[:1] == b";":
            raise ModelError("The FBX file is in the text form. Use the binary file as released.")
        raise FbxError("it does not start like a binary FBX file")
    if len(data) < len(MAGIC) + 4:
        raise FbxError("its header is truncated")
    (version,) = struct.unpack_from("<I", data, len(MAGIC))
    if not 7000 <= version < 8000:
        raise ModelError(f"FBX version {version} is not supported; versions 7.0 to 7.7 are.")
    return _Parser(data, version >= 7500).tree()


class _Parser:
    """Walks the nodes once. Offsets only ever grow, so no file can send it in circles."""

    def __init__(self, data: bytes, wide: bool) -> None:
        self._data = data
        self._view = memoryview(data)
        self._header = struct.Struct("<QQQB" if wide else "<IIIB")
        self._nodes = 0

    def tree(self) -> FbxNode:
        root = FbxNode("", ())
        position = len(MAGIC) + 4
        while True:
            node, position = self._node(position, len(self._data), 0)
            if node is None:
                return root
            root.children.append(node)

    def _node(self, position: int, limit: int, depth: int) -> tuple[FbxNode | None, int]:
        """The node that begins at ``position`` (None for the empty one that ends a list), and where it ends."""
        body = position + self._header.size
        if body > limit:
            raise FbxError("it is truncated")
        end, count, length, name_length = self._header.unpack_from(self._data, position)
        if end == 0:
            return None, body
        self._nodes += 1
        if self._nodes > _MAX_NODES or depth > _MAX_DEPTH:
            raise FbxError("it has far too many nodes")
        start = body + name_length
        if not start + length <= end <= limit:
            raise FbxError("a node extends beyond the end of the file or of its parent")
        name = self._data[body:start].decode("utf-8", "replace")
        node = FbxNode(name, self._properties(start, start + length, count))
        position = start + length
        while position < end:
            child, position = self._node(position, end, depth + 1)
            if child is None:
                break
            node.children.append(child)
        if position != end:
            raise FbxError(f"the node {name!r} does not end where it says")
        return node, end

    def _properties(self, position: int, end: int, count: int) -> tuple[Property, ...]:
        if count > end - position:
            raise FbxError(f"a node claims {count} properties")
        properties = []
        for _ in range(count):
            value, position = self._property(position, end)
            properties.append(value)
        if position != end:
            raise FbxError("the properties of a node do not match their length")
        return tuple(properties)

    def _property(self, position: int, end: int) -> tuple[Property, int]:
        kind = chr(self._take("<B", position, end))
        position += 1
        if kind in _SCALARS:
            return self._take(_SCALARS[kind], position, end), position + struct.calcsize(_SCALARS[kind])
        if kind in "SR":
            length = self._take("<I", position, end)
            start, stop = position + 4, position + 4 + length
            if stop > end:
                raise FbxError("a text extends beyond its node")
            return self._data[start:stop], stop
        if kind in _ARRAYS:
            count, encoding, length = (self._take("<I", position + 4 * i, end) for i in range(3))
            start, stop = position + 12, position + 12 + length
            if stop > end:
                raise FbxError("an array extends beyond its node")
            return PackedArray(np.dtype(_ARRAYS[kind]), count, encoding, self._view[start:stop]), stop
        raise FbxError(f"a property is of the unknown type {kind!r}")

    def _take(self, form: str, position: int, end: int) -> Any:
        if position + struct.calcsize(form) > end:
            raise FbxError("a property extends beyond its node")
        return struct.unpack_from(form, self._data, position)[0]


def _inflate(data: memoryview, size: int) -> bytes:
    """Unpack, but never more than one byte beyond what was promised."""
    stream = zlib.decompressobj()
    try:
        raw = stream.decompress(data, size + 1)
    except zlib.error as error:
        raise FbxError(f"an array cannot be unpacked ({error})") from None
    if not stream.eof:
        raise FbxError("an array is cut short or longer than it says")
    return raw
