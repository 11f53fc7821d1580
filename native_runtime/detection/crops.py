"""Square, turned windows into a photo: their geometry, and sampling them without aliasing.

Pixel coordinates everywhere: (0, 0) is the centre of the top-left pixel, x right, y down. MediaPipe's networks speak of
fractions 0..1 of the window from edge to edge; fraction t along a window of n pixels is pixel t * n - 0.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from threading import Lock
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Crop:
    """A square window: its centre and side in photo pixels, and how far it is turned.

    `angle` (radians) turns the window's right towards the photo's down (clockwise as seen): its x axis is
    (cos, sin) in the photo and its y axis (-sin, cos).
    """

    x: float
    y: float
    size: float
    angle: float = 0.0

    @property
    def axes(self) -> Array:
        """(2, 2): the columns are the window's x and y axes in the photo."""
        c, s = math.cos(self.angle), math.sin(self.angle)
        return np.array([[c, -s], [s, c]])

    def from_fractions(self, fractions: Array) -> Array:
        """(..., 2) fractions of the window (0..1, edge to edge) -> (..., 2) photo pixels."""
        return (np.asarray(fractions) - 0.5) * self.size @ self.axes.T + (self.x, self.y)

    def to_fractions(self, points: Array) -> Array:
        """(..., 2) photo pixels -> (..., 2) fractions of the window (0..1, edge to edge)."""
        return (np.asarray(points) - (self.x, self.y)) @ self.axes / self.size + 0.5

    def photo_from_pixels(self, pixels: int) -> Array:
        """(2, 3) affine map: pixel of the window sampled at `pixels` x `pixels` -> photo pixel."""
        linear = self.axes * (self.size / pixels)
        return np.column_stack([linear, np.array([self.x, self.y]) - linear @ np.full(2, (pixels - 1) / 2)])

    def pixels_from_photo(self, pixels: int) -> Array:
        """(2, 3) affine map: photo pixel -> pixel of the window sampled at `pixels` x `pixels`."""
        return np.asarray(cv2.invertAffineTransform(self.photo_from_pixels(pixels)))

    def corners(self) -> Array:
        """(4, 2) photo pixels: the window's corners in turn, from its top left."""
        return self.from_fractions(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]))

    def shifted(self, across: float, down: float) -> Crop:
        """The window moved along its own axes by fractions of its side."""
        x, y = self.axes @ np.array([across, down]) * self.size + (self.x, self.y)
        return Crop(float(x), float(y), self.size, self.angle)

    def scaled(self, factor: float) -> Crop:
        return Crop(self.x, self.y, self.size * factor, self.angle)

    def turned(self, angle: float) -> Crop:
        """The window turned further by `angle` about its centre."""
        return Crop(self.x, self.y, self.size, self.angle + angle)


def upright_angle(foot: Array, head: Array) -> float:
    """The angle of the window in which `head` stands straight above `foot` ((2,) photo pixels each), in (-pi, pi]."""
    dx, dy = float(head[0] - foot[0]), float(head[1] - foot[1])
    return math.atan2(dx, -dy)


class Picture:
    """A photo, ready to be sampled at any scale, also by several threads: halved copies are made when first needed."""

    def __init__(self, rgb: NDArray[np.uint8], size: tuple[int, int] | None = None) -> None:
        """`rgb`: (H, W, 3) uint8. `size` (w, h): that of the photo which `rgb` is a resized copy of.

        Coordinates are always the photo's.
        """
        self._levels = [np.ascontiguousarray(rgb)]
        self.width, self.height = size or (rgb.shape[1], rgb.shape[0])
        self._scale = np.array([rgb.shape[1] / self.width, rgb.shape[0] / self.height])
        self._corner = np.zeros(2)
        self._halving = Lock()

    @classmethod
    def of_window(cls, rgb: NDArray[np.uint8], window: Crop, size: tuple[int, int]) -> Picture:
        """What an upright `window` of a photo of `size` (w, h) shows, `rgb` (H, H, 3), as a picture of that photo: the
        rest of it counts as lying beyond the border.
        """
        picture = cls(rgb, size)
        picture._scale = np.full(2, rgb.shape[0] / window.size)
        picture._corner = np.array([window.x, window.y]) + 0.5 - window.size / 2
        return picture

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """(H, W, 3): the picture as it was given."""
        return self._levels[0]

    def contains(self, points: Array) -> Array:
        """(K,) bool: which of the (K, 2) px points lie within the photo."""
        return np.asarray(np.all((points > -0.5) & (points < (self.width - 0.5, self.height - 0.5)), axis=-1))

    def _level(self, index: int) -> NDArray[np.uint8]:
        with self._halving:
            while len(self._levels) <= index:
                self._levels.append(_halved(self._levels[-1]))
            return self._levels[index]

    def sample(self, crop: Crop, pixels: int, border: int = cv2.BORDER_REPLICATE) -> NDArray[np.uint8]:
        """The window at `pixels` x `pixels`: (pixels, pixels, 3) uint8. `border` says what lies outside the photo."""
        return self.warped(crop.photo_from_pixels(pixels), (pixels, pixels), border)

    def warped(
        self, photo_from_window: Array, size: tuple[int, int], border: int = cv2.BORDER_REPLICATE
    ) -> NDArray[np.uint8]:
        """A turned rectangle of the photo, sampled at `size` (w, h): (h, w, 3) uint8.

        Bilinear, from the copy of the photo whose pixels are just finer than the window's.

        Args:
            photo_from_window: (2, 3) similarity: pixel of the window -> photo pixel.
            border: what lies outside the photo.
        """
        height, width = self._levels[0].shape[:2]
        step = math.sqrt(abs(float(np.linalg.det(photo_from_window[:, :2]))))
        level = math.floor(math.log2(max(step * float(self._scale.mean()), 1e-6)) + 0.5)
        level = max(0, min(level, int(math.log2(min(width, height)))))
        # Pixel x of the photo is pixel (x + 0.5 - corner) * scale - 0.5 of the level.
        scale = self._scale * 0.5**level
        level_from_window = photo_from_window * scale[:, None]
        level_from_window[:, 2] += (0.5 - self._corner) * scale - 0.5
        return np.asarray(
            cv2.warpAffine(
                self._level(level),
                level_from_window,
                size,
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=border,
            )
        )


def _halved(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # An odd last row or column is repeated, so that every level's pixels cover exactly 2 x 2 of the one before.
    height, width = (n + n % 2 for n in pixels.shape[:2])
    padded = cv2.copyMakeBorder(pixels, 0, height - pixels.shape[0], 0, width - pixels.shape[1], cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(padded, (width // 2, height // 2), interpolation=cv2.INTER_AREA))
