"""VRM 1.0: a glTF binary that says which of its nodes are which bones of a human, without Blender.

After the specification, github.com/vrm-c/vrm-specification, specification/VRMC_vrm-1.0. The licence is the one that the
specification names, and its permissions are left out, so that the narrowest ones hold (only the author may wear the
avatar, no commercial use, no redistribution) until the author widens them in a VRM tool.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from .glb import joined_glb, split_glb

EXTENSION = "VRMC_vrm"
LICENCE_URL = "https://vrm.dev/licenses/1.0/"
NOBODY = "unknown"


def add_vrm(path: Path, name: str, author: str, human_bones: Collection[str]) -> None:
    """Makes a VRM avatar of a glTF binary whose nodes carry the names of VRM's human bones.

    Args:
        name: of the avatar.
        author: who made it; the specification wants somebody named.
        human_bones: the names that count; nodes of other names are left alone.

    Raises:
        Sam3dbError: the file is no glTF binary.
    """
    content, rest = split_glb(path.read_bytes())
    joints = {joint for skin in content.get("skins", []) for joint in skin["joints"]}
    nodes = {node.get("name"): i for i, node in enumerate(content.get("nodes", [])) if i in joints}
    content.setdefault("extensionsUsed", []).append(EXTENSION)
    content.setdefault("extensions", {})[EXTENSION] = {
        "specVersion": "1.0",
        "meta": {"name": name, "authors": [author or NOBODY], "licenseUrl": LICENCE_URL},
        "humanoid": {"humanBones": {bone: {"node": nodes[bone]} for bone in human_bones if bone in nodes}},
    }
    path.write_bytes(joined_glb(content, rest))
