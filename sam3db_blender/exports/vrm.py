"""VRM 1.0: a glTF binary that says which of its nodes are which bones of a human, without Blender.

After the specification, github.com/vrm-c/vrm-specification, specification/VRMC_vrm-1.0. The licence is the one that the
specification names, and its permissions are left out, so that the narrowest ones hold (only the author may wear the
avatar, no commercial use, no redistribution) until the author widens them in a VRM tool.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Collection
from pathlib import Path
from typing import Any

from native_runtime.errors import Sam3dbError

EXTENSION = "VRMC_vrm"
LICENCE_URL = "https://vrm.dev/licenses/1.0/"
NOBODY = "unknown"

_HEADER = struct.Struct("<4sII")
_CHUNK = struct.Struct("<I4s")
_MAGIC, _VERSION = b"glTF", 2
_JSON, _ALIGNMENT = b"JSON", 4


def add_vrm(path: Path, name: str, author: str, human_bones: Collection[str]) -> None:
    """Makes a VRM avatar of a glTF binary whose nodes carry the names of VRM's human bones.

    Args:
        name: of the avatar.
        author: who made it; the specification wants somebody named.
        human_bones: the names that count; nodes of other names are left alone.

    Raises:
        Sam3dbError: the file is no glTF binary.
    """
    content, rest = _split(path.read_bytes())
    nodes = {node.get("name"): i for i, node in enumerate(content.get("nodes", []))}
    content.setdefault("extensionsUsed", []).append(EXTENSION)
    content.setdefault("extensions", {})[EXTENSION] = {
        "specVersion": "1.0",
        "meta": {"name": name, "authors": [author or NOBODY], "licenseUrl": LICENCE_URL},
        "humanoid": {"humanBones": {bone: {"node": nodes[bone]} for bone in human_bones if bone in nodes}},
    }
    path.write_bytes(_joined(content, rest))


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """A glTF binary's JSON, and all chunks after it as they are."""
    try:
        magic, version, _ = _HEADER.unpack_from(data)
        length, kind = _CHUNK.unpack_from(data, _HEADER.size)
        start = _HEADER.size + _CHUNK.size
        if (magic, version, kind) != (_MAGIC, _VERSION, _JSON):
            raise ValueError("its header is another one")
        return json.loads(data[start : start + length]), data[start + length :]
    except (struct.error, ValueError) as error:
        raise Sam3dbError(f"The glTF exporter wrote no glTF binary that can be made a VRM avatar: {error}.") from error


def _joined(content: dict[str, Any], rest: bytes) -> bytes:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % _ALIGNMENT)
    size = _HEADER.size + _CHUNK.size + len(text) + len(rest)
    return _HEADER.pack(_MAGIC, _VERSION, size) + _CHUNK.pack(len(text), _JSON) + text + rest
