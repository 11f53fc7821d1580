"""The lines by which an artist says how a photo's camera looked: where they are in the photo and on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np
from bpy_extras.view3d_utils import location_3d_to_region_2d, region_2d_to_vector_3d
from mathutils import Vector
from numpy.typing import ArrayLike, NDArray

from native_runtime.camera import CAMERA_TO_BLENDER_CAMERA, project, unproject
from native_runtime.lens.by_hand import CameraByLines, camera_by_lines, lines_of_camera

from ..scene.camera import camera_of
from ..scene.provenance import read_origin
from .lens import size_of, up_seen

Array = NDArray[np.float64]

#: The custom properties of a photo's camera: the lines that were applied last, px of the photo, two pairs of two lines
#: with two ends; and whether the first pair is vertical.
LINES, VERTICAL = "sam3db_lens_lines", "sam3db_lens_vertical"


def lines_of(rig: bpy.types.Object) -> tuple[list[float], bool]:
    """The lines (16 numbers) that were applied last to a character's photo, otherwise some that its camera would see
    as they are; and whether the first pair is vertical.

    Raises:
        Sam3dbError: the camera was deleted.
    """
    camera = camera_of(rig)
    known = camera.get(LINES)
    if known is not None and len(known) == 16:
        return [float(value) for value in known], bool(camera.get(VERTICAL, True))
    eye = np.array(camera.matrix_world.normalized(), dtype=np.float64)
    lines = lines_of_camera(read_origin(rig).arrays["intrinsics"], up_seen(eye), size_of(rig))
    return lines.ravel().tolist(), True


def keep_lines(rig: bpy.types.Object, lines: Sequence[float], vertical: bool) -> None:
    """Remembers the lines of a character's photo."""
    camera = camera_of(rig)
    camera[LINES], camera[VERTICAL] = [float(value) for value in lines], bool(vertical)


def camera_of_lines(rig: bpy.types.Object, lines: Sequence[float], vertical: bool) -> CameraByLines:
    """What lines (16 numbers, px) say about the camera of a character's photo.

    Raises:
        UsageError: no camera sees them so.
    """
    return camera_by_lines(list(lines), vertical, read_origin(rig).arrays["intrinsics"], size_of(rig))


def seen_through(rig: bpy.types.Object, focal_px: float | None) -> Array:
    """(3, 3) px: the photo's intrinsics with another focal length; None for its own."""
    matrix = np.array(read_origin(rig).arrays["intrinsics"], dtype=np.float64)
    if focal_px is not None:
        matrix[0, 0] = matrix[1, 1] = focal_px
    return matrix


def in_region(rig: bpy.types.Object, region: bpy.types.Region, view: Any, pixels: ArrayLike) -> Array:
    """(n, 2) px of a region: where the view shows pixels (2 n) of the photo; NaN where it does not."""
    eye = np.array(camera_of(rig).matrix_world.normalized(), dtype=np.float64)
    places = np.asarray(pixels, np.float64).reshape(-1, 2)
    points = unproject(places, np.ones(len(places)), read_origin(rig).arrays["intrinsics"])
    world = points @ (eye[:3, :3] @ CAMERA_TO_BLENDER_CAMERA).T + eye[:3, 3]
    shown: list[Any] = [location_3d_to_region_2d(region, view, Vector(point)) for point in world.tolist()]
    return np.array([[np.nan, np.nan] if place is None else [place.x, place.y] for place in shown], dtype=np.float64)


def pixel_at(rig: bpy.types.Object, region: bpy.types.Region, view: Any, place: ArrayLike) -> list[float] | None:
    """[x, y] px of the photo under a place (2,) of a region that looks through the photo's camera."""
    eye = np.array(camera_of(rig).matrix_world.normalized(), dtype=np.float64)
    ray = np.array(region_2d_to_vector_3d(region, view, np.asarray(place).tolist()), dtype=np.float64)
    pixel = project(ray @ eye[:3, :3] @ CAMERA_TO_BLENDER_CAMERA, read_origin(rig).arrays["intrinsics"])
    return pixel.tolist() if np.isfinite(pixel).all() else None
