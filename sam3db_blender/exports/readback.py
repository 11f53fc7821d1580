"""The contents of a file that was just written: each format read with other code than the exporter's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.exports.contents import FileContents, FileMesh

from ..rig.arrays import take

Array = NDArray[np.float64]

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
    shapes = [element.props[1].split(b"\0")[0].decode() for element in _of_class(objects, b"Geometry", b"Shape")]
    return FileContents(tuple(limbs), tuple(meshes), max(keys, default=0), tuple(shapes))


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
        tuple(key.name for obj in made if obj.type == "MESH" for key in _shapes(obj)),
    )


def _keys(rig: bpy.types.Object) -> int:
    from .. import compat

    return max((len(curve.keyframe_points) for _, curve in compat.animation_curves(rig)), default=0)


def _shapes(mesh: bpy.types.Object) -> list[bpy.types.ShapeKey]:
    keys: Any = mesh.data.shape_keys  # type: ignore[union-attr]
    return [] if keys is None else [key for key in keys.key_blocks if key != keys.reference_key]


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
