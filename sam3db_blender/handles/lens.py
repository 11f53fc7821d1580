"""The lens of a photo: one for its camera, its photo planes and everybody in it."""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.errors import Sam3dbError
from native_runtime.image.reading import read_photo
from native_runtime.lens.estimate import estimate_lens

from ..scene.camera import apply_settings, camera_of, camera_settings, frame_scene
from ..scene.lookup import require_own
from ..scene.provenance import PROPERTY, read_origin
from ..scene.source import photo_of
from .people import people_before
from .plane import fit_to_lens

Array = NDArray[np.float64]


def focal_of(rig: bpy.types.Object) -> float:
    """The focal length of a character's photo, px."""
    return float(rig[PROPERTY]["intrinsics"][0])


def longer_side(rig: bpy.types.Object) -> float:
    """The longer side of a character's photo, px."""
    return float(max(rig[PROPERTY]["image_size"]))


def field_of_view(rig: bpy.types.Object) -> float:
    """The field of view along the longer side of a character's photo, radians."""
    return float(2 * np.arctan2(longer_side(rig) / 2, focal_of(rig)))


def focal_from_mm(focal_mm: float, sensor_mm: float, side: float) -> float:
    """A lens's focal length in px: that of a sensor of ``sensor_mm`` along the photo's longer side of ``side`` px."""
    return focal_mm / sensor_mm * side


def focal_by_rule(rig: bpy.types.Object) -> float:
    """The focal length, px, of a photo without settings: EXIF's, otherwise what the picture and usual lenses say.

    EXIF is read from the photo's own file; the copy in the .blend has none.

    Raises:
        Sam3dbError: there is no photo any more.
    """
    width, height = (int(n) for n in read_origin(rig).arrays["image_size"])
    photo = read_photo(photo_of(rig, (width, height)).path)
    return estimate_lens(photo).focal_px * max(width, height) / max(photo.original_size)


def set_focal(scene: bpy.types.Scene, rig: bpy.types.Object, focal_px: float) -> list[bpy.types.Object]:
    """Gives the photo of a character another focal length; its principal point stays.

    The people keep their poses until they are inferred again.

    Returns:
        The rigs of all people of the photo, whose poses are to be inferred again.

    Raises:
        Sam3dbError: the camera was deleted, is linked, or the focal length is impossible.
    """
    camera = camera_of(rig)
    people = people_before(camera, scene) or [rig]
    for other in people:
        require_own(other)
    data = camera.data
    if not isinstance(data, bpy.types.Camera) or camera.library or data.library:
        raise Sam3dbError(f"The camera '{camera.name}' is linked from another file, which defines its lens.")
    arrays = read_origin(rig).arrays
    intrinsics = _with_focal(arrays["intrinsics"], focal_px)
    settings = camera_settings(intrinsics, arrays["image_size"])
    apply_settings(data, settings)
    fit_to_lens(camera, intrinsics)
    if scene.camera == camera:
        frame_scene(scene, camera, settings)
    for other in people:
        other[PROPERTY]["intrinsics"] = intrinsics.ravel().tolist()
    return people


def _with_focal(intrinsics: ArrayLike, focal_px: float) -> Array:
    """Intrinsics (3, 3) with square pixels and another focal length."""
    matrix = np.array(intrinsics, dtype=np.float64)
    matrix[0, 0] = matrix[1, 1] = focal_px
    return matrix
