"""A picture of an estimate without Blender: the photo, the body over it, and the body from the side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import resize_intrinsics
from native_runtime.engines.estimate import Estimate
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.render.pictures import OwnRenderer, PhotoView, Stage
from native_runtime.render.raster import Surface, View
from native_runtime.render.studio import TINTS

from .posture import up_of

HEIGHT = 360
"""Px of a panel."""


def panels(estimate: Estimate, body: Body, photo: Photo) -> NDArray[np.uint8]:
    """(H, W, 3) sRGB. The body is plain clay.

    Args:
        body: the estimate's.
        photo: upright, as the estimate has it.
    """
    axes = _level(up_of(estimate))
    vertices = np.asarray(estimate.vertices, np.float64) @ axes.T
    surface = Surface.plain(vertices, body.triangles, TINTS[0])
    intrinsics = resize_intrinsics(estimate.intrinsics, *photo.scale)
    view = View(intrinsics, axes, np.zeros(3), *photo.size)
    return Stage(surface, OwnRenderer(surface), 0.0).panels(PhotoView(photo.pixels, view), HEIGHT)


def _level(up: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) from camera axes to a world whose z is up and whose y points away from the camera."""
    away = np.array([0.0, 0.0, 1.0]) - up[2] * up
    if np.linalg.norm(away) < 1e-3:  # straight down or up: the picture's top is away
        away = np.array([0.0, -1.0, 0.0]) + up[1] * up
    away = away / np.linalg.norm(away)
    return np.stack([np.cross(away, up), away, up])
