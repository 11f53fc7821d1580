"""What a file holds that was just written: each format read by other means than the exporter that wrote it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.exports.glb import binary_of, split_glb

from ..rig.arrays import take

Array = NDArray[np.float64]

_TYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
#: glTF's y up, facing +z, as Blender's z up, facing -y.
_FROM_GLTF = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True)
class FileMesh:
    """A mesh at rest: the places of all corners of its faces (C, 3), in the axes and the unit that the copy was built
    in; how many faces there are; the most bones that move one vertex.
    """

    corners: Array
    faces: int
    influences: int


@dataclass(frozen=True)
class FileContents:
    """What matters of a file: names of bones, meshes, and how many keys the most keyed channel has."""

    bones: tuple[str, ...]
    meshes: tuple[FileMesh, ...] = ()
    frames: int = 0


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


# --- FBX -------------------------------------------------------------------------------------------------------------


def read_fbx(path: Path) -> FileContents:
    """A binary FBX file's contents, by the parser that Blender's importer has."""
    from io_scene_fbx import parse_fbx  # type: ignore[import-not-found]

    root, _ = parse_fbx.parse(str(path))
    sections = {element.id: element for element in root.elems if element is not None}
    objects = [element for element in sections[b"Objects"].elems if element is not None]
    above = {row.props[1]: row.props[2] for row in sections[b"Connections"].elems if row.props[0] == b"OO"}
    influences: dict[int, Counter[int]] = {}
    for element in _of_class(objects, b"Deformer", b"Cluster"):
        weights = np.asarray(_child(element, b"Weights", ()))
        moved = np.asarray(_child(element, b"Indexes", ()))[weights > 0]
        influences.setdefault(above[above[element.props[0]]], Counter()).update(moved.tolist())
    meshes = [_fbx_mesh(mesh, influences.get(mesh.props[0])) for mesh in _of_class(objects, b"Geometry", b"Mesh")]
    limbs = [element.props[1].split(b"\0")[0].decode() for element in _of_class(objects, b"Model", b"LimbNode")]
    keys = [len(_child(element, b"KeyTime", ())) for element in objects if element.id == b"AnimationCurve"]
    return FileContents(tuple(limbs), tuple(meshes), max(keys, default=0))


def _fbx_mesh(element: Any, influences: Counter[int] | None) -> FileMesh:
    points = np.asarray(_child(element, b"Vertices", ()), dtype=np.float64).reshape(-1, 3)
    corners = np.asarray(_child(element, b"PolygonVertexIndex", ()), dtype=np.int64)
    ends = corners < 0  # the last corner of each polygon
    return FileMesh(
        points[np.where(ends, ~corners, corners)], int(ends.sum()), max(influences.values()) if influences else 0
    )


def _of_class(elements: list[Any], kind: bytes, name: bytes) -> Iterator[Any]:
    return (element for element in elements if element.id == kind and element.props[2] == name)


def _child(element: Any, kind: bytes, otherwise: Any) -> Any:
    return next((child.props[0] for child in element.elems if child is not None and child.id == kind), otherwise)


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


# --- USD -------------------------------------------------------------------------------------------------------------


def read_usd(path: Path) -> FileContents:
    """A USD file's contents, by Blender's importer, which puts them into the current scene.

    Raises:
        ValueError: the importer cannot read it.
    """
    before = set(bpy.data.objects)
    done: Any = bpy.ops.wm.usd_import(filepath=str(path), set_frame_range=False, import_materials=False)
    if "FINISHED" not in done:
        raise ValueError("it cannot be read")
    made = [obj for obj in bpy.data.objects if obj not in before]
    rigs = [obj for obj in made if obj.type == "ARMATURE"]
    return FileContents(
        tuple(bone.name for rig in rigs for bone in rig.data.bones),
        tuple(scene_mesh(obj) for obj in made if obj.type == "MESH"),
        max((_keys(rig) for rig in rigs), default=0),
    )


def _keys(rig: bpy.types.Object) -> int:
    from .. import compat

    return max((len(curve.keyframe_points) for _, curve in compat.animation_curves(rig)), default=0)


def scene_mesh(obj: bpy.types.Object, triangles: bool = False) -> FileMesh:
    """The same of a mesh in Blender, in its own axes.

    Args:
        triangles: as a format without larger polygons has it.
    """
    data: Any = obj.data
    if triangles:
        data.calc_loop_triangles()
    faces = data.loop_triangles if triangles else data.polygons
    corners = np.empty(3 * len(faces) if triangles else len(data.loops), np.int32)
    if triangles:
        faces.foreach_get("vertices", corners)
    else:
        data.loops.foreach_get("vertex_index", corners)
    points = take(data.vertices, "co", 3).astype(np.float64)
    moving = (sum(group.weight > 0 for group in vertex.groups) for vertex in data.vertices)
    return FileMesh(points[corners], len(faces), max(moving, default=0))
