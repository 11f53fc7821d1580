"""The contents of a file that was just written: glTF and BVH, read with other code than the exporter's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .glb import binary_of, split_glb

Array = NDArray[np.float64]

_TYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
#: glTF's y up, facing +z, as Blender's z up, facing -y.
_FROM_GLTF = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True)
class FileMesh:
    """A mesh at rest: the places of all corners of its faces (C, 3), in the axes and the unit that the copy was built
    in; how many faces there are; the maximum number of bones that move one vertex.
    """

    corners: Array
    faces: int
    influences: int


@dataclass(frozen=True)
class FileContents:
    """What matters of a file: names of bones, meshes, how many keys the most keyed channel has, and the names of the
    shapes of all meshes.
    """

    bones: tuple[str, ...]
    meshes: tuple[FileMesh, ...] = ()
    frames: int = 0
    shapes: tuple[str, ...] = ()


# --- glTF ------------------------------------------------------------------------------------------------------------


def read_glb(path: Path) -> FileContents:
    """A glTF binary's contents. What is broken raises one exception or another."""
    content, rest = split_glb(path.read_bytes())
    binary, nodes = binary_of(rest), content.get("nodes", [])
    joints = {joint for skin in content.get("skins", []) for joint in skin["joints"]}
    meshes = [_glb_mesh(content, binary, content["meshes"][node["mesh"]]) for node in nodes if "mesh" in node]
    inputs = [sampler["input"] for animation in content.get("animations", []) for sampler in animation["samplers"]]
    return FileContents(
        tuple(str(nodes[joint]["name"]) for joint in sorted(joints)),
        tuple(meshes),
        max((content["accessors"][i]["count"] for i in inputs), default=0),
        tuple(name for mesh in content.get("meshes", []) for name in mesh.get("extras", {}).get("targetNames", [])),
    )


def _glb_mesh(content: dict[str, Any], binary: bytes, mesh: dict[str, Any]) -> FileMesh:
    corners, influences = [np.zeros((0, 3))], 0
    for primitive in mesh["primitives"]:
        attributes = primitive["attributes"]
        points = _accessor(content, binary, attributes["POSITION"]).astype(np.float64)
        corners.append(points[_accessor(content, binary, primitive["indices"]).ravel()])
        weights = [attributes[f"WEIGHTS_{k}"] for k in range(4) if f"WEIGHTS_{k}" in attributes]
        moving = sum(((_accessor(content, binary, i) > 0).sum(axis=1) for i in weights), np.zeros(1, int))
        influences = max(influences, int(moving.max()))
    places = np.concatenate(corners) @ _FROM_GLTF.T
    return FileMesh(places, len(places) // 3, influences)


def _accessor(content: dict[str, Any], binary: bytes, index: int) -> NDArray[Any]:
    accessor = content["accessors"][index]
    view = content["bufferViews"][accessor["bufferView"]]
    width = _WIDTHS[accessor["type"]]
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    kind = np.dtype(_TYPES[accessor["componentType"]])
    return np.frombuffer(binary, kind, accessor["count"] * width, start).reshape(-1, width)


# --- BVH -------------------------------------------------------------------------------------------------------------


def read_bvh(path: Path) -> FileContents:
    """A BVH file's contents.

    Raises:
        ValueError: a part of it is missing.
    """
    hierarchy, _, motion = path.read_text(encoding="utf-8").partition("MOTION")
    lines = [line.split() for line in hierarchy.splitlines() if line.strip()]
    channels = sum(int(words[1]) for words in lines if words[0] == "CHANNELS")
    head, *rows = [line for line in motion.splitlines() if line.strip()]
    frames = int(head.split()[-1])
    if len(rows) != 1 + frames or any(len(row.split()) != channels for row in rows[1:]):
        raise ValueError(f"{frames} frames are announced and {len(rows) - 1} are there")
    return FileContents(tuple(" ".join(words[1:]) for words in lines if words[0] in ("ROOT", "JOINT")), frames=frames)
