"""From where the people are seen, and which part of the photo is shown: numbers alone, without Blender."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from native_runtime.camera import crop_intrinsics, resize_intrinsics

from .raster import Array, View

#: How much is shown around the people, as a part of their height or width.
_MARGIN = 0.12
#: Pictures are at most this much wider than high, and at least this wide.
_WIDEST, _NARROWEST = 1.5, 0.56
#: Wide pictures become less high instead of wider than this part of the wanted height.
_WIDEST_PANEL = 1.1
#: Half the angle that a studio view takes in, along its longer side.
_HALF_ANGLE = np.radians(12.0)
_NARROWEST_OF_SHEET = 0.4


@dataclass(frozen=True)
class Crop:
    """A part of a picture, in whole pixels."""

    left: int
    top: int
    width: int
    height: int


def crop_around(pixels: Array, width: int, height: int) -> Crop:
    """The part of a photo of ``width`` x ``height`` that shows the people: a margin around them, no extreme shape.

    Args:
        pixels: (N, 2) where the people's vertices are seen; NaN for those that are not.
    """
    seen = pixels[np.isfinite(pixels).all(axis=1)]
    if len(seen) == 0:
        return Crop(0, 0, width, height)
    low = np.clip(seen.min(axis=0), 0, (width, height))
    high = np.clip(seen.max(axis=0), 0, (width, height))
    if not (high - low > 1).all():  # nobody in the frame
        return Crop(0, 0, width, height)
    size = (high - low) * (1 + 2 * _MARGIN)
    size[0] = max(size[0], _NARROWEST * size[1])
    size[1] = max(size[1], size[0] / _WIDEST)
    size = np.minimum(np.ceil(size), (width, height))
    corner = np.clip(np.round((low + high - size) / 2), 0, (width, height) - size)
    return Crop(int(corner[0]), int(corner[1]), int(size[0]), int(size[1]))


def cropped(view: View, crop: Crop, height: int) -> View:
    """A part of a view, resized to ``height`` px, or less where it is wide."""
    height = min(height, round(_WIDEST_PANEL * height * crop.height / crop.width))
    width = max(1, round(height * crop.width / crop.height))
    part = crop_intrinsics(view.intrinsics, crop.left, crop.top)
    return View(
        resize_intrinsics(part, width / crop.width, height / crop.height), view.axes, view.position, width, height
    )


def studio_view(points: Array, turn: float, rise: float, height: int) -> View:
    """A view that takes in all points with a margin.

    Args:
        points: (N, 3) m, world.
        turn: about the vertical in radians; 0 looks along +y, positive ones look further to the left (-x).
        rise: how far from above, radians.
        height: px; the width follows from what is seen.
    """
    axes = _axes(turn, rise)
    local = points @ axes
    middle = (local.min(axis=0) + local.max(axis=0)) / 2
    return _fitted([local - middle], [axes], axes @ middle, height, _NARROWEST)[0]


def turntable_views(points: Array, turn: float, rise: float, height: int, count: int) -> list[View]:
    """Views from all around, from one distance and through one lens, so that the people keep their size.

    Args:
        turn: of the first view, as in ``studio_view``.
        height: px; all are of one width.
    """
    (x, y), _ = cv2.minEnclosingCircle(points[:, :2].astype(np.float32))
    low, high = points[:, 2].min(), points[:, 2].max()
    centre = np.array([x, y, (low + high) / 2])
    all_axes = [_axes(turn - 2 * np.pi * number / count, rise) for number in range(count)]
    return _fitted([(points - centre) @ axes for axes in all_axes], all_axes, centre, height, _NARROWEST_OF_SHEET)


def _axes(turn: float, rise: float) -> Array:
    forward = np.array([-np.sin(turn) * np.cos(rise), np.cos(turn) * np.cos(rise), -np.sin(rise)])
    right = np.array([np.cos(turn), np.sin(turn), 0.0])
    return np.stack([right, np.cross(forward, right), forward], axis=1)


def _fitted(
    locals_: Sequence[Array], all_axes: Sequence[Array], centre: Array, height: int, narrowest: float
) -> list[View]:
    """Views about a centre whose common frame and distance take in what each is to show.

    Args:
        locals_: per view (N, 3) m: the points in its axes, as seen from the centre.
    """
    spread = np.max([np.abs(local[:, :2]).max(axis=0) for local in locals_], axis=0)
    width = round(height * float(np.clip(1.2 * spread[0] / max(spread[1], 1e-9), narrowest, _WIDEST)))
    frame = np.array([width, height]) / max(width, height) * np.tan(_HALF_ANGLE)
    # far enough for each point to lie within the frame, with the same margin as over the photo
    distance = max(
        float((np.abs(local[:, :2]) * (1 + 1.5 * _MARGIN) / frame - local[:, 2:]).max()) for local in locals_
    )
    focal = max(width, height) / 2 / np.tan(_HALF_ANGLE)
    intrinsics = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    return [View(intrinsics, axes, centre - distance * axes[:, 2], width, height) for axes in all_axes]
