"""Every conversion between pixels, the camera, MHR and Blender.

Axes and units (``docs/architecture.md``):

* MHR: centimetres, Y up, the character faces +Z, its left is +X.
* camera: metres, OpenCV axes: x right, y down, z forward. Pixel (0, 0) is the *centre* of the top-left pixel, so a
picture of
  w x h pixels reaches from -0.5 to w - 0.5 and its middle is ((w - 1) / 2, (h - 1) / 2).
* Blender: metres, Z up, the character faces -Y, its left is +X. A Blender camera looks along its own -Z with Y up.

Intrinsics are (3, 3) matrices [[f, 0, cx], [0, f, cy], [0, 0, 1]] in pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import UsageError

if TYPE_CHECKING:
    from .image.reading import Photo

Array = NDArray[np.float64]

# A right angle more and the rays of opposite sides are parallel; below a tenth of a degree a person is kilometres away.
_FIELD_OF_VIEW_LIMITS = (0.1, 175.0)

USUAL_DIAGONALS = 0.7
"""The focal length of a photo without any hint of it, in diagonals: between the main camera of a phone (26 mm of
43.27 mm, 0.6) and the lenses of cameras (40 mm, 0.92); see ``native_runtime.lens.prior``."""

# Turning by half a turn about x: Y up and Z towards the viewer become y down and z away from the viewer.
MHR_TO_CAMERA = np.diag([1.0, -1.0, -1.0])
# Y up, facing +Z becomes Z up, facing -Y.
MHR_TO_BLENDER = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
# A Blender camera's own axes (x right, y up, z backward) from OpenCV's: the same half turn.
CAMERA_TO_BLENDER_CAMERA = np.diag([1.0, -1.0, -1.0])
CM_PER_M = 100.0


# --- intrinsics ------------------------------------------------------------------------------------------------------


def intrinsics_for(
    size: tuple[int, int],
    focal_px: float | None = None,
    fov_deg: float | None = None,
    photo: Photo | None = None,
) -> Array:
    """The (3, 3) intrinsics of a photo of ``size`` (width, height) px.

    The focal length is, in this order: ``focal_px`` (pixels of a picture of ``size``); ``fov_deg``, the field of view
    along the longer side; the photo's EXIF; else `USUAL_DIAGONALS` of the picture's diagonal. The principal point is
    the middle of the picture. What the picture itself shows of its lens is in ``native_runtime.lens``.

    Args:
        photo: where EXIF is taken from. ``size`` may be its original or its working size; its focal length is scaled
            along.

    Raises:
        UsageError: both overrides are given, or one is impossible.
    """
    width, height = size
    if width < 1 or height < 1:
        raise UsageError(f"A picture of {width} x {height} pixels cannot have a camera.")
    check_lens(focal_px, fov_deg)
    if focal_px is not None:
        focal = float(focal_px)
        seen, (low, high) = fov_from_focal(focal, max(width, height)), _FIELD_OF_VIEW_LIMITS
        if not low <= seen <= high:
            raise UsageError(
                f"A focal length of {focal_px:g} pixels is not possible here: at {width} x {height} pixels it is a "
                f"field of view of {seen:.3g} degrees, which must lie between {low} and {high}."
            )
    elif fov_deg is not None:
        focal = focal_from_fov(fov_deg, max(width, height))
    elif photo is not None and photo.focal_px is not None:
        focal = photo.focal_px * max(width, height) / max(photo.size)
    else:
        focal = USUAL_DIAGONALS * math.hypot(width, height)
    return np.array([[focal, 0.0, (width - 1) / 2], [0.0, focal, (height - 1) / 2], [0.0, 0.0, 1.0]])


def check_lens(focal_px: float | None, fov_deg: float | None) -> None:
    """See whether a lens is possible, as far as that can be said without a photo.

    Raises:
        UsageError: both are given, or one is impossible.
    """
    if focal_px is not None and fov_deg is not None:
        raise UsageError("Give either a focal length or a field of view, not both.")
    if focal_px is not None and not (math.isfinite(focal_px) and focal_px > 0.0):
        raise UsageError(f"A focal length of {focal_px} pixels is not possible; it must be above zero.")
    if fov_deg is not None:
        focal_from_fov(fov_deg, 1.0)


@dataclass(frozen=True)
class Gravity:
    """Which way is up, as a photo's camera sees it.

    Attributes:
        up: (3,) unit vector against gravity, camera axes (x right, y down, z forward); (0, -1, 0) for a level camera.
        sigma: radians: how far it is off along each of the two ways across.
    """

    up: Array = field(default_factory=lambda: np.array([0.0, -1.0, 0.0]))
    sigma: float = math.radians(10.0)


def focal_from_fov(fov_deg: float, side: float) -> float:
    """Focal length in pixels that sees ``fov_deg`` degrees along a side of ``side`` pixels."""
    low, high = _FIELD_OF_VIEW_LIMITS
    if not low <= fov_deg <= high:
        raise UsageError(f"A field of view of {fov_deg} degrees is not possible; it must lie between {low} and {high}.")
    return 0.5 * side / math.tan(math.radians(fov_deg) / 2)


def fov_from_focal(focal_px: float, side: float) -> float:
    """Angle of view in degrees along a side of ``side`` pixels."""
    return 2.0 * math.degrees(math.atan2(0.5 * side, focal_px))


def resize_intrinsics(intrinsics: ArrayLike, scale_x: float, scale_y: float) -> Array:
    """The (3, 3) intrinsics of the same view after resizing the picture by the given factors (pixel centres kept in
    mind).
    """
    matrix = np.array(intrinsics, dtype=np.float64)
    scale = np.array([scale_x, scale_y])
    matrix[:2, 2] = (matrix[:2, 2] + 0.5) * scale - 0.5
    matrix[:2, :2] *= scale[:, None]
    return matrix


def crop_intrinsics(intrinsics: ArrayLike, left: float, top: float) -> Array:
    """The (3, 3) intrinsics of the part of a picture whose top-left pixel was at (left, top)."""
    matrix = np.array(intrinsics, dtype=np.float64)
    matrix[:2, 2] -= (left, top)
    return matrix


# --- projection ------------------------------------------------------------------------------------------------------


def project(points: ArrayLike, intrinsics: ArrayLike) -> Array:
    """Points (..., 3) in metres, camera axes, to pixels (..., 2); NaN for points not in front of the camera."""
    points = np.asarray(points, dtype=np.float64)
    image = points @ np.asarray(intrinsics, dtype=np.float64).T
    depth = image[..., 2:]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(depth > 0.0, image[..., :2] / depth, np.nan)


def unproject(pixels: ArrayLike, depth: ArrayLike, intrinsics: ArrayLike) -> Array:
    """Pixels (..., 2) at depths (...) in metres along z to points (..., 3) in camera axes."""
    pixels = np.asarray(pixels, dtype=np.float64)
    matrix = np.asarray(intrinsics, dtype=np.float64)
    homogeneous = np.concatenate([pixels, np.ones(pixels.shape[:-1] + (1,))], axis=-1)
    return homogeneous @ np.linalg.inv(matrix).T * np.asarray(depth, dtype=np.float64)[..., None]


# --- between the worlds ----------------------------------------------------------------------------------------------


def mhr_to_camera(points: ArrayLike, translation: ArrayLike = (0.0, 0.0, 0.0)) -> Array:
    """MHR points (..., 3) cm to camera axes, metres; ``translation`` (3,) metres is the estimate's
    ``camera_translation``.

    ``translation`` may have leading axes of its own when ``points`` are batched: (B, 3) for (B, N, 3).
    """
    shift = np.asarray(translation, dtype=np.float64)
    points = np.asarray(points, dtype=np.float64)
    if shift.ndim > 1:
        shift = shift[..., None, :]
    return points @ MHR_TO_CAMERA / CM_PER_M + shift


def camera_to_mhr(points: ArrayLike, translation: ArrayLike = (0.0, 0.0, 0.0)) -> Array:
    """Undo `mhr_to_camera`: (..., 3) metres, camera axes, to MHR centimetres."""
    shift = np.asarray(translation, dtype=np.float64)
    if shift.ndim > 1:
        shift = shift[..., None, :]
    return (np.asarray(points, dtype=np.float64) - shift) @ MHR_TO_CAMERA * CM_PER_M


def mhr_to_blender(points: ArrayLike) -> Array:
    """MHR points (..., 3) cm to Blender's world, metres: (x, -z, y) / 100."""
    return np.asarray(points, dtype=np.float64) @ MHR_TO_BLENDER.T / CM_PER_M


def blender_to_mhr(points: ArrayLike) -> Array:
    """Undo `mhr_to_blender`."""
    return np.asarray(points, dtype=np.float64) @ MHR_TO_BLENDER * CM_PER_M


def camera_to_blender(points: ArrayLike) -> Array:
    """Points (..., 3) in metres, camera axes, to Blender's axes with the camera at the origin: (x, z, -y).

    A level camera there looks along +Y; `blender_camera_matrix` places it.
    """
    return np.asarray(points, dtype=np.float64) @ (MHR_TO_BLENDER @ MHR_TO_CAMERA).T


def mhr_rotation_to_blender(rotation: ArrayLike) -> Array:
    """A rotation (..., 3, 3) between MHR vectors to the same rotation between Blender vectors."""
    return MHR_TO_BLENDER @ np.asarray(rotation, dtype=np.float64) @ MHR_TO_BLENDER.T


def blender_camera_matrix(translation: ArrayLike) -> Array:
    """The (4, 4) world matrix of a Blender camera that sees a character standing where `mhr_to_blender` puts it.

    Args:
        translation: (3,) metres, the estimate's ``camera_translation``: where MHR's origin lies in camera axes.

    A camera point is ``p_camera = p_mhr / 100 * (1, -1, -1) + translation``; so in Blender's world, with the character
    at its own origin, the camera stands at the image of ``camera_to_mhr(0)`` and is turned as MHR's axes are to the
    camera's.
    """
    matrix = np.eye(4)
    matrix[:3, :3] = MHR_TO_BLENDER @ MHR_TO_CAMERA @ CAMERA_TO_BLENDER_CAMERA
    matrix[:3, 3] = mhr_to_blender(camera_to_mhr(np.zeros(3), translation))
    return matrix


@dataclass(frozen=True)
class BlenderCamera:
    """What to set on a Blender camera and its scene so that it projects as given intrinsics do.

    Attributes:
        lens: millimetres.
        sensor_width, sensor_height: millimetres.
        sensor_fit: ``HORIZONTAL`` or ``VERTICAL``: along which side ``lens`` is meant.
        shift_x, shift_y: in units of that side.
        resolution: (width, height) of the render, pixels.
        pixel_aspect_x, pixel_aspect_y: at least 1 each, as Blender wants them.
    """

    lens: float
    sensor_width: float
    sensor_height: float
    sensor_fit: Literal["HORIZONTAL", "VERTICAL"]
    shift_x: float
    shift_y: float
    resolution: tuple[int, int]
    pixel_aspect_x: float = 1.0
    pixel_aspect_y: float = 1.0


def blender_camera(intrinsics: ArrayLike, size: tuple[int, int], sensor: float = 36.0) -> BlenderCamera:
    """Intrinsics (3, 3) of a picture of ``size`` (width, height) px as settings of a Blender camera.

    Blender fits the sensor to one side of the picture, measures ``lens`` against it and both shifts in units of it;
    with the longer side's pixels ``side``: ``lens = f * sensor / side``, ``shift_x = (middle_x - cx) / side``,
    ``shift_y = (cy - middle_y) / side``. The middle is ((w - 1) / 2, (h - 1) / 2), since our pixel (0, 0) is a pixel's
    centre. Pixels that are not square (fx != fy) become Blender's pixel aspect; the shifts stay in units of the fitted
    side, whose pixels are then stretched by the aspect too.

    Args:
        sensor: millimetres of the fitted side; 36 is what artists know lenses by. Longer lenses than Blender allows
            are reached by shrinking it: only the ratio counts.
    """
    matrix = np.asarray(intrinsics, dtype=np.float64)
    width, height = size
    fx, fy, cx, cy = matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]
    if not (fx > 0.0 and fy > 0.0):
        raise UsageError("The camera's focal length must be above zero.")
    aspect_x, aspect_y = (1.0, fx / fy) if fx >= fy else (fy / fx, 1.0)
    horizontal = width * aspect_x >= height * aspect_y
    # In units of a square pixel's side: the fitted side, and the focal length (fx * aspect_x == fy * aspect_y).
    side = width * aspect_x if horizontal else height * aspect_y
    focal = fx * aspect_x
    lens = focal * sensor / side
    return BlenderCamera(
        lens=lens,
        sensor_width=sensor,
        sensor_height=sensor,
        sensor_fit="HORIZONTAL" if horizontal else "VERTICAL",
        shift_x=((width - 1) / 2 - cx) * aspect_x / side,
        shift_y=(cy - (height - 1) / 2) * aspect_y / side,
        resolution=(width, height),
        pixel_aspect_x=aspect_x,
        pixel_aspect_y=aspect_y,
    )
