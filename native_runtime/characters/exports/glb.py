"""The container of glTF binaries: JSON, and the chunks after it; without Blender.

After the specification, glTF 2.0, section 4.4 (binary glTF layout).
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from native_runtime.errors import Sam3dbError

_HEADER = struct.Struct("<4sII")
_CHUNK = struct.Struct("<I4s")
_MAGIC, _VERSION = b"glTF", 2
_JSON, _ALIGNMENT = b"JSON", 4


def split_glb(data: bytes) -> tuple[dict[str, Any], bytes]:
    """A glTF binary's JSON, and all chunks after it as they are.

    Raises:
        Sam3dbError: it is none, or a part of it is missing.
    """
    try:
        magic, version, size = _HEADER.unpack_from(data)
        length, kind = _CHUNK.unpack_from(data, _HEADER.size)
        start = _HEADER.size + _CHUNK.size
        if (magic, version, kind) != (_MAGIC, _VERSION, _JSON):
            raise ValueError("its header is wrong")
        if size != len(data):
            raise ValueError(f"{size} bytes are announced and {len(data)} are there")
        return json.loads(data[start : start + length]), data[start + length :]
    except (struct.error, ValueError) as error:
        raise Sam3dbError(f"The glTF exporter wrote no glTF binary: {error}.") from error


def joined_glb(content: dict[str, Any], rest: bytes) -> bytes:
    """A glTF binary of its JSON and of the chunks after it."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % _ALIGNMENT)
    size = _HEADER.size + _CHUNK.size + len(text) + len(rest)
    return _HEADER.pack(_MAGIC, _VERSION, size) + _CHUNK.pack(len(text), _JSON) + text + rest


def binary_of(rest: bytes) -> bytes:
    """The bytes of the binary chunk, which is the first one after the JSON."""
    return rest[_CHUNK.size :][: _CHUNK.unpack_from(rest)[0]] if rest else b""


def without_at_rest(path: Path, prefix: str) -> None:
    """Sets the weights, as they are without animation, of the morph targets whose names begin so to 0.

    The exporter writes what they are at the first frame; a mesh that is not animated stands at rest and has none.

    Raises:
        Sam3dbError: the file is no glTF binary.
    """
    content, rest = split_glb(path.read_bytes())
    changed = False
    for mesh in content.get("meshes", []):
        names, weights = mesh.get("extras", {}).get("targetNames", []), mesh.get("weights", [])
        for number, name in enumerate(names[: len(weights)]):
            if str(name).startswith(prefix) and weights[number]:
                weights[number] = 0.0
                changed = True
    if changed:
        path.write_bytes(joined_glb(content, rest))
