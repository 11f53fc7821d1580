"""The photo plane: an empty before the photo's camera in whose local axes one unit is one pixel.

Pixel (x, y) of the original photo, (0, 0) being the centre of the top-left pixel, is the local point (x, -y, 0). What
hangs on the plane therefore lies on its pixel for everybody who looks through the camera, however camera and plane are
moved together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.camera import unproject

if TYPE_CHECKING:
    import bpy

Array = NDArray[np.float64]

#: The custom property that makes an empty a photo plane; it holds the plane's distance from the camera, m.
PLANE = "sam3db_plane"


def plane_of(camera: bpy.types.Object) -> bpy.types.Object | None:
    """The photo plane before a camera, if there is one."""
    return next((child for child in camera.children if child.get(PLANE) is not None), None)


def ensure_plane(name: str, camera: bpy.types.Object, intrinsics: ArrayLike, distance: float) -> bpy.types.Object:
    """The photo plane before a camera; made where there is none.

    Args:
        intrinsics: (3, 3) px of the original photo.
        distance: m from the camera, of a new plane: where the people stand, so that it lies well from other sides too.
    """
    import bpy

    plane = plane_of(camera)
    if plane is None:
        plane = bpy.data.objects.new(name, None)
        for collection in camera.users_collection:
            collection.objects.link(plane)
        plane.parent = camera
        plane[PLANE] = float(distance)
        plane.hide_select = True
        # Hidden, for a line would join each handle with it.
        plane.hide_viewport = True
        set_intrinsics(plane, intrinsics)
    return plane


def set_intrinsics(plane: bpy.types.Object, intrinsics: ArrayLike) -> None:
    """Fits the plane to a lens (3, 3) px; what hangs on it keeps its pixels."""
    distance = float(plane[PLANE])
    matrix = np.asarray(intrinsics, dtype=np.float64)
    x, y, _ = unproject((0.0, 0.0), distance, matrix)
    # a Blender camera looks along its own -z, with y up
    plane.location = (x, -y, -distance)
    plane.scale = (distance / matrix[0, 0], distance / matrix[1, 1], distance / matrix[0, 0])


def world_of(plane: bpy.types.Object, pixels: ArrayLike) -> Array:
    """World points (..., 3), m, of pixels (..., 2) on the plane."""
    x, y = np.moveaxis(np.asarray(pixels, dtype=np.float64), -1, 0)
    matrix = np.array(plane.matrix_world, dtype=np.float64)
    return np.stack([x, -y, np.zeros_like(x)], axis=-1) @ matrix[:3, :3].T + matrix[:3, 3]


def pixel_of(plane: bpy.types.Object, point: ArrayLike) -> Array:
    """The pixels (..., 2) at which world points (..., 3), m, are seen: those where rays from the camera meet the plane.

    Points beside the camera have none: NaN.
    """
    camera = plane.parent
    eye = np.array(camera.matrix_world.translation, dtype=np.float64)
    inward = np.linalg.inv(np.array(plane.matrix_world, dtype=np.float64))
    local = np.asarray(point, dtype=np.float64) @ inward[:3, :3].T + inward[:3, 3]
    start = inward[:3, :3] @ eye + inward[:3, 3]
    ahead = start[2] - local[..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        along = np.where(ahead > 0, start[2] / ahead, np.nan)
    x, y = np.moveaxis(start[:2] + along[..., None] * (local[..., :2] - start[:2]), -1, 0)
    return np.stack([x, -y], axis=-1)
