"""A Blender camera that sees what the photo's camera saw, pixel for pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from native_runtime.errors import Sam3dbError

from .placement import CAMERA_OBJECT_ROTATION, Placement

if TYPE_CHECKING:
    import bpy

#: Sensor size along the longer side of the photo, mm: focal lengths read as those of a full-frame camera.
SENSOR_SIZE = 36.0


@dataclass(frozen=True)
class CameraSettings:
    """The numbers of a Blender camera for one photo.

    Attributes:
        lens: focal length in mm for ``sensor`` mm along the fitted side.
        fit: which side of the frame the sensor size belongs to.
        shift_x, shift_y: Blender's lens shift, in units of the fitted side.
        width, height: render size in pixels.
        pixel_aspect: height of a pixel over its width (fx / fy).
    """

    lens: float
    fit: Literal["HORIZONTAL", "VERTICAL"]
    shift_x: float
    shift_y: float
    width: int
    height: int
    pixel_aspect: float


def camera_settings(intrinsics: ArrayLike, image_size: ArrayLike) -> CameraSettings:
    """Blender's numbers for a pinhole camera.

    In Blender's camera (``BKE_camera_params_compute_viewplane``) the view plane is measured in pixel widths; its
    extent along the fitted side is that side's pixels (times the pixel aspect when vertical), the lens shift is a
    part of that extent, and y points up. The pinhole's pixel (0, 0) is the *centre* of the top-left pixel, half a
    pixel from the frame's corner.

    Args:
        intrinsics: (3, 3) px, without skew.
        image_size: (2,) width, height in px.
    """
    matrix = np.asarray(intrinsics, dtype=np.float64)
    width, height = (int(n) for n in np.asarray(image_size))
    fx, fy, cx, cy = (float(n) for n in (matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]))
    if not (np.isfinite(matrix).all() and fx > 0 and fy > 0 and width > 0 and height > 0):
        raise Sam3dbError(
            "The camera's intrinsics are unusable: focal lengths and image size must be positive numbers."
        )
    if abs(matrix[0, 1]) > 1e-6 * fx:
        raise Sam3dbError("The camera's intrinsics have skew, which Blender's cameras cannot show.")
    aspect = fx / fy
    horizontal = width >= height * aspect
    extent = width if horizontal else height * aspect
    return CameraSettings(
        lens=SENSOR_SIZE * fx / extent,
        fit="HORIZONTAL" if horizontal else "VERTICAL",
        shift_x=-(cx + 0.5 - width / 2) / extent,
        shift_y=(cy + 0.5 - height / 2) * aspect / extent,
        width=width,
        height=height,
        pixel_aspect=aspect,
    )


def build_camera(
    name: str, settings: CameraSettings, placement: Placement, collection: bpy.types.Collection
) -> bpy.types.Object:
    """A camera object at the place from which the photo was taken."""
    import bpy
    from mathutils import Matrix

    data = bpy.data.cameras.new(name)
    data.type = "PERSP"
    data.sensor_fit = settings.fit
    data.sensor_width = data.sensor_height = SENSOR_SIZE
    data.lens = settings.lens
    data.shift_x, data.shift_y = settings.shift_x, settings.shift_y
    data.clip_start, data.clip_end = 0.01, 1000.0
    data.passepartout_alpha = 0.85
    camera = bpy.data.objects.new(name, data)
    collection.objects.link(camera)
    matrix = np.eye(4)
    matrix[:3, :3] = CAMERA_OBJECT_ROTATION
    matrix[:3, 3] = placement.camera_location
    camera.matrix_world = Matrix(matrix.tolist())
    return camera


def frame_scene(scene: bpy.types.Scene, camera: bpy.types.Object, settings: CameraSettings) -> None:
    """Makes the camera the scene's and its pixels those of the photo."""
    scene.camera = camera
    render = scene.render
    render.resolution_x, render.resolution_y = settings.width, settings.height
    render.resolution_percentage = 100
    # both have a lower bound of 1, and only their ratio matters
    render.pixel_aspect_x = max(1.0, 1.0 / settings.pixel_aspect)
    render.pixel_aspect_y = max(1.0, settings.pixel_aspect)


def add_background(camera: bpy.types.Object, image: bpy.types.Image) -> None:
    """Shows the photo behind everything seen through the camera."""
    camera.data.show_background_images = True
    background = camera.data.background_images.new()
    background.image = image
    background.frame_method = "FIT"
    background.display_depth = "BACK"
    background.alpha = 1.0
