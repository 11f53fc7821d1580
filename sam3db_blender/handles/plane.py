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
#: From plane to plane, as a share of the first one's distance.
_APART = 0.01


def planes_of(camera: bpy.types.Object) -> list[bpy.types.Object]:
    """The photo planes before a camera, the nearest first."""
    return sorted((child for child in camera.children if child.get(PLANE) is not None), key=lambda plane: plane[PLANE])


def ensure_planes(
    name: str, camera: bpy.types.Object, intrinsics: ArrayLike, distance: float, count: int
) -> list[bpy.types.Object]:
    """The photo planes before a camera, the nearest first; made where there are none, drawn nearer where they stand
    too far off.

    There are several, a little apart, because a click that meets several things selects the nearest.

    Args:
        intrinsics: (3, 3) px of the original photo.
        distance: m from the camera to the first plane, at most. It should stand before the people.
        count: how many planes there shall be.
    """
    import bpy

    planes = planes_of(camera)
    for number in range(len(planes), count):
        plane = bpy.data.objects.new(f"{name} {number + 1}" if number else name, None)
        for collection in camera.users_collection:
            collection.objects.link(plane)
        plane.parent = camera
        plane.hide_select = True
        # Hidden, for a line would join each handle with it.
        plane.hide_viewport = True
        plane[PLANE] = float("inf")
        planes.append(plane)
    for number, plane in enumerate(planes):
        own = distance * (1.0 + _APART * number)
        if own < plane[PLANE]:
            plane[PLANE] = float(own)
            set_intrinsics(plane, intrinsics)
    return planes


def fit_to_lens(camera: bpy.types.Object, intrinsics: ArrayLike) -> None:
    """Fits the planes before a camera to another lens (3, 3) px; what hangs on them keeps its pixels."""
    for plane in planes_of(camera):
        set_intrinsics(plane, intrinsics)


def set_intrinsics(plane: bpy.types.Object, intrinsics: ArrayLike) -> None:
    """Fits one plane to a lens (3, 3) px."""
    distance = float(plane[PLANE])
    matrix = np.asarray(intrinsics, dtype=np.float64)
    x, y, _ = unproject((0.0, 0.0), distance, matrix)
    # a Blender camera looks along its own -z, with y up
    plane.location = (x, -y, -distance)
    plane.scale = (distance / matrix[0, 0], distance / matrix[1, 1], distance / matrix[0, 0])


def matrix_of(plane: bpy.types.Object) -> Array:
    """(4, 4) a plane's world matrix, which Blender itself does not keep right of what it need not draw."""
    matrix = plane.parent.matrix_world @ plane.matrix_parent_inverse @ plane.matrix_basis
    return np.array(matrix, dtype=np.float64)


def world_of(plane: bpy.types.Object, pixels: ArrayLike) -> Array:
    """World points (..., 3), m, of pixels (..., 2) on the plane."""
    x, y = np.moveaxis(np.asarray(pixels, dtype=np.float64), -1, 0)
    matrix = matrix_of(plane)
    return np.stack([x, -y, np.zeros_like(x)], axis=-1) @ matrix[:3, :3].T + matrix[:3, 3]


def met_by(plane: bpy.types.Object, start: ArrayLike, direction: ArrayLike) -> Array | None:
    """The pixel (2,) at which a ray from a world point (3,), m, meets the plane; None where it never does."""
    inward = np.linalg.inv(matrix_of(plane))
    begin = inward[:3, :3] @ np.asarray(start, dtype=np.float64) + inward[:3, 3]
    way = inward[:3, :3] @ np.asarray(direction, dtype=np.float64)
    along = -begin[2] / way[2] if way[2] else -1.0
    if along <= 0.0:
        return None
    x, y = (begin + along * way)[:2]
    return np.array([x, -y])
