"""The cameras of several views in one world."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.camera import resize_intrinsics
from native_runtime.errors import UsageError

Array = NDArray[np.float64]

_SAME_SHAPE = 0.02
"""By how much the ratio of a photo's sides may differ from that of the calibrated picture."""


@dataclass(frozen=True)
class ViewCamera:
    """A calibrated camera.

    Attributes:
        name: what the calibration calls it.
        size: (2,) width and height of its picture, px; None where the calibration does not say it.
        intrinsics: (3, 3) px; pixel (0, 0) is the centre of the top-left pixel.
        rotation: (3, 3) world vectors to camera axes (x right, y down, z forward).
        translation: (3,) m: a world point p lies at ``rotation @ p + translation`` in camera axes.
        distortion: (n,) OpenCV's coefficients k1 k2 p1 p2 [k3 ...]; of a fisheye lens k1 k2 k3 k4; empty for none.
        fisheye: whether the lens follows OpenCV's fisheye model (Kannala and Brandt 2006).
        metric: whether lengths are metres; else their unit is unknown, the same for all cameras of a file.
    """

    name: str
    size: tuple[int, int] | None
    intrinsics: Array
    rotation: Array
    translation: Array
    distortion: Array = field(default_factory=lambda: np.zeros(0))
    fisheye: bool = False
    metric: bool = True

    def scaled(self, factor: float) -> ViewCamera:
        """The camera of a world that is larger by a factor."""
        return replace(self, translation=factor * self.translation, metric=True)

    @property
    def place(self) -> Array:
        """(3,) m, where the camera stands in the world."""
        return np.asarray(-self.rotation.T @ self.translation)

    @property
    def to_world(self) -> Array:
        """(4, 4) camera axes to the world, m."""
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = self.rotation.T, self.place
        return matrix

    @property
    def distorts(self) -> bool:
        """Whether its picture is not a pinhole's."""
        return bool(np.any(self.distortion))

    def from_world(self, points: ArrayLike) -> Array:
        """World points (..., 3) m in camera axes."""
        return np.asarray(points, np.float64) @ self.rotation.T + self.translation

    def undistorted(self, points: ArrayLike) -> Array:
        """Pixels (n, 2) of its picture where a pinhole with the same intrinsics would see the same points."""
        given = np.asarray(points, np.float64).reshape(-1, 1, 2)
        if not self.distorts:
            return given.reshape(-1, 2)
        if self.fisheye:
            found = cv2.fisheye.undistortPoints(given, self.intrinsics, self.distortion, P=self.intrinsics)
        else:
            found = cv2.undistortPoints(given, self.intrinsics, self.distortion, P=self.intrinsics)
        return np.asarray(found, np.float64).reshape(-1, 2)

    def undistorted_picture(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Its picture (H, W, 3) as a pinhole with the same intrinsics would have taken it."""
        height, width = pixels.shape[:2]
        if self.fisheye:
            maps = cv2.fisheye.initUndistortRectifyMap(
                self.intrinsics, self.distortion, np.eye(3), self.intrinsics, (width, height), cv2.CV_32FC1
            )
        else:
            maps = cv2.initUndistortRectifyMap(
                self.intrinsics, self.distortion, np.eye(3), self.intrinsics, (width, height), cv2.CV_32FC1
            )
        return np.asarray(cv2.remap(pixels, maps[0], maps[1], cv2.INTER_LINEAR), np.uint8)

    def for_picture(self, size: tuple[int, int]) -> ViewCamera:
        """The same camera for its picture at another resolution.

        Args:
            size: (width, height) px of the photo.

        Raises:
            UsageError: the photo's sides are in another ratio, so that it is cut or turned.
        """
        known = self.size
        if known is None or tuple(known) == tuple(size):
            return replace(self, size=size)
        across, down = size[0] / known[0], size[1] / known[1]
        if abs(across / down - 1.0) > _SAME_SHAPE:
            raise UsageError(
                f"The camera {self.name!r} was calibrated for pictures of {known[0]} x {known[1]} pixels; a photo of "
                f"{size[0]} x {size[1]} pixels is another part of its view. Use photos as the camera takes them."
            )
        return replace(self, size=size, intrinsics=resize_intrinsics(self.intrinsics, across, down))
