"""Masks from what is drawn: outlines on the photo, and objects as the photo's camera sees them."""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.camera import project
from native_runtime.errors import Sam3dbError
from native_runtime.image.outlines import chains

from .. import compat
from ..rig.arrays import take
from ..scene.camera import camera_of
from ..scene.provenance import read_origin

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def seen_at(rig: bpy.types.Object, points: ArrayLike) -> Array:
    """The pixels (..., 2) of a character's photo at which world points (..., 3), m, are seen; NaN behind the camera."""
    inward = np.linalg.inv(np.array(camera_of(rig).matrix_world.normalized(), dtype=np.float64))
    # a Blender camera looks along its own -z, with y up
    local = (np.asarray(points, dtype=np.float64) @ inward[:3, :3].T + inward[:3, 3]) * (1.0, -1.0, -1.0)
    local[local[..., 2] <= 0.0] = np.nan
    return project(local, read_origin(rig).arrays["intrinsics"])


def outlines_of(obj: bpy.types.Object, rig: bpy.types.Object) -> list[Array]:
    """The outlines that an object draws on a character's photo, each (N, 2) px, as the photo's camera sees them.

    A Grease Pencil object gives its strokes, a curve its splines; a mesh its faces, or, where it has none, its chains
    of edges.

    Raises:
        Sam3dbError: it is of another kind, draws nothing, or is not before the camera.
    """
    if obj.type in ("GPENCIL", "GREASEPENCIL"):
        local = compat.strokes_of(obj)
    elif obj.type in ("CURVE", "MESH"):
        local = _outlines_of_mesh(obj)
    else:
        raise Sam3dbError(f"'{obj.name}' has no outline: select a curve, a mesh or a Grease Pencil object.")
    matrix = np.array(obj.matrix_world, dtype=np.float64)
    outlines = [seen_at(rig, points @ matrix[:3, :3].T + matrix[:3, 3]) for points in local if len(points) > 2]
    if not outlines:
        raise Sam3dbError(f"'{obj.name}' does not enclose any area.")
    if not all(np.isfinite(points).all() for points in outlines):
        raise Sam3dbError(f"'{obj.name}' reaches behind the photo's camera: draw it in front of the camera.")
    return outlines


def _outlines_of_mesh(obj: bpy.types.Object) -> list[Array]:
    evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    try:
        vertices = take(mesh.vertices, "co", 3).astype(np.float64)
        if len(mesh.polygons):
            return [vertices[list(polygon.vertices)] for polygon in mesh.polygons]
        edges = [(edge.vertices[0], edge.vertices[1]) for edge in mesh.edges]
        return [vertices[chain] for chain in chains(edges)]
    finally:
        evaluated.to_mesh_clear()
