"""The pictures of a pair: the photo, and of each estimate the body over it and from the side, framed alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project, resize_intrinsics
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import PhotoError, Sam3dbError
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.models.sam3d_body_layout import HIPS
from native_runtime.models.store import load_body
from native_runtime.render import studio
from native_runtime.render.colour import Pixels, decode_srgb, encode_srgb, over
from native_runtime.render.framing import crop_around, cropped, studio_view
from native_runtime.render.pictures import OwnRenderer
from native_runtime.render.raster import Surface, View

Array = NDArray[np.float64]

#: Px of a picture's height.
_HEIGHT = 480
_GAP = 6
_QUALITY = 84
#: Radians: from the person's side as the camera stands, and a little from above.
_SIDE, _RISE = np.radians(-75.0), np.radians(6.0)
#: From the camera's axes (x right, y down, z forward) to those of the studio (x right, y forward, z up): the side view
#: is level with the camera, so that neither engine's idea of the floor shows.
_UPRIGHT = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


@dataclass(frozen=True)
class PairPictures:
    """JPEG files: the photo, and for the left and the right estimate the overlay with the side view beside it."""

    photo: bytes
    left: bytes
    right: bytes


class Painter:
    """Draws pairs; reads each body once.

    Args:
        models: the folder of models; None for the usual one.
    """

    def __init__(self, models: Path | None = None) -> None:
        self._models = models
        self._bodies: dict[str, Body] = {}

    def draw(self, photo: Photo, left: Estimate, right: Estimate) -> PairPictures:
        """The pictures of a pair. Both bodies have one colour, one part of the photo is shown around both, and from the
        side both are seen from one distance.

        Raises:
            PhotoError: the photo is not the one that an estimate is of.
            ModelError: a body is missing, or is another than the estimate's.
        """
        both = [left, right]
        surfaces = [self._surface(estimate) for estimate in both]
        views = [_view(photo, estimate) for estimate in both]
        pixels = [project(view.local(one.vertices), view.intrinsics) for view, one in zip(views, surfaces)]
        crop = crop_around(np.concatenate(pixels), *photo.size)
        part = photo.pixels[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
        hips = [_UPRIGHT @ estimate.keypoints_3d[HIPS].mean(axis=0) for estimate in both]
        around = np.concatenate([one.vertices - middle for one, middle in zip(surfaces, hips)])
        small = _resized(part, cropped(views[0], crop, _HEIGHT))
        side = studio_view(around, _SIDE, _RISE, len(small))
        drawn = []
        for view, surface, middle in zip(views, surfaces, hips):
            here, beside = cropped(view, crop, _HEIGHT), replace(side, position=side.position + middle)
            before, alone = OwnRenderer(surface)([here, beside], False)
            overlay = over(before, decode_srgb(small))
            studio_picture = over(alone, studio.backdrop(surface, beside, shadow=False))
            gap = np.ones((len(small), _GAP, 3), np.float32)
            drawn.append(_jpeg(encode_srgb(np.concatenate([overlay, gap, studio_picture], axis=1))))
        return PairPictures(_jpeg(small), drawn[0], drawn[1])

    def _surface(self, estimate: Estimate) -> Surface:
        name = estimate.body_name
        if name not in self._bodies:
            self._bodies[name] = load_body(name, self._models)
        triangles, vertices = self._bodies[name].triangles, np.asarray(estimate.vertices, np.float64)
        if triangles.max() >= len(vertices):
            raise Sam3dbError(f"The body '{name}' is not the one that an estimate of '{estimate.photo}' was made with.")
        return Surface.plain(vertices @ _UPRIGHT.T, triangles, studio.TINTS[0])


def _view(photo: Photo, estimate: Estimate) -> View:
    """The photo's camera, as an estimate has it."""
    if tuple(estimate.image_size.tolist()) != photo.original_size:
        size, told = (" x ".join(map(str, numbers)) for numbers in (photo.original_size, estimate.image_size))
        raise PhotoError(f"{photo.path.name} is {size} px, and its estimate is of {told}.")
    return View(resize_intrinsics(estimate.intrinsics, *photo.scale), _UPRIGHT, np.zeros(3), *photo.size)


def _resized(part: Pixels, view: View) -> Pixels:
    """A part of the photo as large as a view."""
    shrink = cv2.INTER_AREA if view.height < len(part) else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, (view.width, view.height), interpolation=shrink), np.uint8)


def _jpeg(pixels: Pixels) -> bytes:
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1])
    return bytes(data.tobytes())
