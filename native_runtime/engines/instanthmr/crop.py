"""A person's box as the network wants it: a square picture, and where and how large it is in the photo.

Facts (crop, conditioning, assumed camera): the publisher's `instanthmr/inference.py` and
`instanthmr_distill_train/README.md` (github.com/mohamdev/InstantHMR). There (0, 0) is the *corner* of the first pixel:
a place has half a pixel more than in ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MARGIN = 1.2
"""Side of the square, as part of the box's longer side."""

FALLBACK_DIAGONALS = 1.05
"""Focal length, in diagonals of the photo, for networks that ask for it where nobody knows it."""

_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
"""ImageNet's, of RGB in 0..1."""

_HALF = 0.5


@dataclass(frozen=True)
class Crop:
    """A square of a photo.

    Attributes:
        picture: (3, n, n) float32, normalised RGB.
        left, top, width, height: what it shows, in px of the picture that it was taken from, from its top-left corner.
    """

    picture: NDArray[np.float32]
    left: float
    top: float
    width: float
    height: float

    def to_photo(self, points: NDArray) -> Array:
        """(..., 2) px (pixel centres) of points (..., 2) that run from -1 to 1 over the square."""
        share = (np.asarray(points, np.float64) + 1.0) / 2.0
        return share * (self.width, self.height) + (self.left - _HALF, self.top - _HALF)


def cut_out(pixels: NDArray[np.uint8], box: Array, size: int) -> Crop:
    """The square around a box, bilinear, black where it reaches beyond the picture.

    Args:
        pixels: (H, W, 3) RGB.
        box: (4,) x0 y0 x1 y1 px.
        size: of the square, px.
    """
    height, width = pixels.shape[:2]
    corner = np.asarray(box, np.float64) + _HALF
    middle, side = (corner[:2] + corner[2:]) / 2.0, MARGIN * float((corner[2:] - corner[:2]).max())
    # whole pixels around the square: so the network was trained
    left, top = (math.floor(value) for value in middle - side / 2.0)
    right, bottom = (math.ceil(value) for value in middle + side / 2.0)
    inside = np.s_[max(top, 0) : max(min(bottom, height), 0), max(left, 0) : max(min(right, width), 0)]
    square = seen = pixels[inside]
    if seen.shape[:2] != (bottom - top, right - left):
        square = np.zeros((bottom - top, right - left, 3), np.uint8)
        y, x = max(top, 0) - top, max(left, 0) - left
        square[y : y + seen.shape[0], x : x + seen.shape[1]] = seen
    small = cv2.resize(square, (size, size), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    picture = np.ascontiguousarray(((small / np.float32(255.0) - _MEAN) / _DEVIATION).transpose(2, 0, 1))
    return Crop(picture, left, top, right - left, bottom - top)


def condition(box: Array, image_size: tuple[int, int], focal: float | None) -> NDArray[np.float32]:
    """(3,) where a box is in its photo, and how large.

    Args:
        box: (4,) x0 y0 x1 y1 px of the photo.
        image_size: (width, height) px.
        focal: px, for networks that want angles; None for those that want shares of the photo.
    """
    width, height = image_size
    corner = np.asarray(box, np.float64) + _HALF
    (x, y), side = (corner[:2] + corner[2:]) / 2.0, float((corner[2:] - corner[:2]).max())
    if focal is None:
        numbers = (2.0 * x / width - 1.0, 2.0 * y / height - 1.0, side / max(width, height))
    else:
        numbers = (math.atan((x - width / 2.0) / focal), math.atan((y - height / 2.0) / focal), side / focal)
    return np.array(numbers, np.float32)


def assumed_lens(image_size: tuple[int, int], focal: float | None) -> Array:
    """(3, 3) px: the camera for which the network places people; arguments as of `condition`."""
    width, height = image_size
    length = math.hypot(width, height) if focal is None else focal
    return np.array([[length, 0.0, (width - 1) / 2.0], [0.0, length, (height - 1) / 2.0], [0.0, 0.0, 1.0]])
