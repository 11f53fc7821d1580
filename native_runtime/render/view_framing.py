"""How a 3D view has to show its camera so that a part of the picture fills it, without Blender."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.camera import BlenderCamera

Array = NDArray[np.float64]

#: The limits of Blender's ``view_camera_zoom`` and ``view_camera_offset``.
_ZOOM = (-30.0, 600.0)
_OFFSET = (-1.0, 1.0)
#: The share of the free space that what is framed takes, along the side on which it is tightest.
_SHARE = 0.86


@dataclass(frozen=True)
class CameraView:
    """How a 3D view shows the frame of its camera: ``RegionView3D.view_camera_zoom`` and ``view_camera_offset``."""

    zoom: float
    offset: tuple[float, float]


def frame_box(
    box: ArrayLike, intrinsics: ArrayLike, settings: BlenderCamera, region: tuple[int, int], free: ArrayLike
) -> CameraView:
    """The view through a photo's camera in which a box of the photo fills the free part of a region.

    By ``BKE_camera_params_from_view3d`` and ``BKE_camera_params_compute_viewplane`` of Blender's source, something at
    the tangent ``t`` from the camera's axis is seen at ``f (t u - s v - 2 o w)`` px from the region's middle, with the
    zoom's factor ``f = (sqrt(2) + zoom / 50)^2 / 4``, ``u = v lens / sensor``, the camera's shift ``s``, the region's
    fitted side ``v``, the view's offset ``o``, and the region's own side ``w``.

    Args:
        box: x0 y0 x1 y1 px of the photo, y down.
        intrinsics: (3, 3) px of the photo.
        settings: of the camera.
        region: width, height px.
        free: x0 y0 x1 y1 px of the region, y up: what nothing lies over.
    """
    side, sensor = region[0], settings.sensor_width
    if settings.sensor_fit == "VERTICAL":
        side, sensor = region[1], settings.sensor_height
    unit = side * settings.lens / sensor
    low, high = _tangents(box, intrinsics)
    edges = np.asarray(free, dtype=np.float64).reshape(2, 2)
    factor = _SHARE * float(((edges[1] - edges[0]) / np.maximum((high - low) * unit, 1.0)).min())
    zoom = float(np.clip(50.0 * (2.0 * np.sqrt(factor) - np.sqrt(2.0)), *_ZOOM))
    factor = (np.sqrt(2.0) + zoom / 50.0) ** 2 / 4.0
    size = np.array(region, dtype=np.float64)
    shift = np.array([settings.shift_x, settings.shift_y]) * side
    wanted = edges.mean(axis=0) - size / 2.0
    x, y = np.clip(((low + high) / 2.0 * unit - shift - wanted / factor) / (2.0 * size), *_OFFSET).tolist()
    return CameraView(zoom, (x, y))


def _tangents(box: ArrayLike, intrinsics: ArrayLike) -> tuple[Array, Array]:
    """The lower left and the upper right corner (2,) of a box as tangents from the camera's axis, y up."""
    x0, y0, x1, y1 = np.asarray(box, dtype=np.float64).tolist()
    matrix = np.asarray(intrinsics, dtype=np.float64)
    focal, middle = np.array([matrix[0, 0], -matrix[1, 1]]), matrix[:2, 2]
    return (np.array([x0, y1]) - middle) / focal, (np.array([x1, y0]) - middle) / focal
