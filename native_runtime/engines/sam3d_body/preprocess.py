"""From boxes to the networks' inputs: square crops, the rays through them, and where they lie.

Follows the reference (``data/transforms``, ``get_ray_condition``) to the bit where pixels depend on it: boxes are kept
in float32, as there, and OpenCV cuts the crops. Pixels are those of the original photo unless said otherwise; the
reference has the centre of the top-left pixel at (0, 0) for cutting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.image.reading import Photo

Array = NDArray[Any]

BODY_PADDING = 1.25
HAND_PADDING = 0.9
#: A box is widened to this ratio of width to height, then to a square.
_ASPECT = 0.75
_ROWS = ("boxes", "centre", "side", "affine")
#: Pixels of a crop to one cell of the features, along both axes.
PATCH = 16


@dataclass(frozen=True, eq=False)
class Crops:
    """N square parts of a photo. Indexing with a slice or an array gives a selection.

    Attributes:
        size: px of a crop's side.
        boxes: (N, 4) float32 x0 y0 x1 y1 px that they were made of.
        centre: (N, 2) float32 px.
        side: (N,) float32 px.
        affine: (N, 2, 3) float64: photo px -> crop px.
    """

    size: int
    boxes: Array
    centre: Array
    side: Array
    affine: Array

    @staticmethod
    def around(boxes: Array, size: int, padding: float) -> Crops:
        """Crops of ``size`` pixels a side around boxes (N, 4), enlarged by ``padding``."""
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        centre = (boxes[:, :2] + boxes[:, 2:]) * np.float32(0.5)
        width, height = ((boxes[:, 2:] - boxes[:, :2]) * np.float32(padding)).T
        aspect = np.float32(_ASPECT)
        side = np.where(width > height * aspect, width / aspect, height)
        affine = np.array([_affine(*place, size) for place in zip(centre, side)]).reshape(-1, 2, 3)
        return Crops(size, boxes, centre, side, affine)

    @staticmethod
    def join(parts: Sequence[Crops]) -> Crops:
        """All crops of several, in order."""
        return Crops(parts[0].size, *(np.concatenate([getattr(part, name) for part in parts]) for name in _ROWS))

    def at(self, size: int) -> Crops:
        """The same parts of the photo with ``size`` px a side."""
        if size == self.size:
            return self
        affine = np.array([_affine(*place, size) for place in zip(self.centre, self.side)]).reshape(-1, 2, 3)
        return Crops(size, self.boxes, self.centre, self.side, affine)

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, which: slice | Array) -> Crops:
        return Crops(self.size, *(getattr(self, name)[which] for name in _ROWS))

    def places(self, points: Array) -> Array:
        """Photo px (N, K, 2) as parts of the crop, 0..1 within it."""
        moved = np.einsum("nij,nkj->nki", self.affine[:, :, :2], np.asarray(points, np.float64))
        return np.asarray((moved + self.affine[:, None, :, 2]) / self.size)

    def cut(self, photo: Photo) -> NDArray[np.uint8]:
        """(N, size, size, 3) pixels of the photo; black beyond it."""
        return np.array([_warp(photo.pixels, _from_working(a, photo), self.size) for a in self.affine], np.uint8)

    def cut_masks(self, masks: Sequence[NDArray[np.bool_] | None]) -> NDArray[np.float32]:
        """(N, 1, size, size) 0 or 1: masks (H, W) of the original photo seen through the crops; None: nothing."""
        cut = np.zeros((len(self), 1, self.size, self.size), np.float32)
        for target, mask, affine in zip(cut, masks, self.affine, strict=True):
            if mask is not None:
                target[0] = _warp(mask.astype(np.uint8), affine, self.size)
        return cut

    def rays(self, intrinsics: Array, features: tuple[int, int]) -> NDArray[np.float32]:
        """(N, 2, h, w) x / z and y / z of the viewing rays, averaged over the cells of a feature map (h, w).

        The reference computes them for all pixels of the crop and reduces that picture with an antialiased bilinear
        filter. Since x depends on the column alone and y on the row, one reduction matrix an axis does the same. A
        map narrower than the crop is its middle part.
        """
        height, width = features
        out = np.empty((len(self), 2, height, width))
        for axis, cells in ((0, width), (1, height)):
            reduced = _reduction(cells) @ self._rays_along(axis, intrinsics, cells).T  # (cells, N)
            out[:, axis] = reduced.T[:, None, :] if axis == 0 else reduced.T[:, :, None]
        return out.astype(np.float32)

    def _rays_along(self, axis: int, intrinsics: Array, cells: int) -> Array:
        """(N, cells * PATCH): the rays' x (axis 0) or y (axis 1) over the middle pixels of the crop."""
        beyond = (self.size - cells * PATCH) // 2
        pixels = beyond + np.arange(cells * PATCH, dtype=np.float64)
        scale, shift = self.affine[:, axis, axis, None], self.affine[:, axis, 2, None]
        return ((pixels - shift) / scale - intrinsics[axis, 2]) / intrinsics[axis, axis]

    def decoder_inputs(self, intrinsics: Array) -> dict[str, NDArray[np.float32]]:
        """What a decoder needs to know about the crops' positions, by the names of its inputs."""
        return {
            "condition": self.condition(intrinsics),
            "bbox_center": self.centre.astype(np.float32),
            "bbox_scale": self.side.astype(np.float32),
            "affine": self.affine.astype(np.float32),
            "intrinsics": np.broadcast_to(np.asarray(intrinsics, np.float32), (len(self), 3, 3)),
        }

    def condition(self, intrinsics: Array) -> NDArray[np.float32]:
        """(N, 3): the crop's centre from the principal point, and its side, by the focal length."""
        place = np.column_stack([self.centre - intrinsics[:2, 2], self.side])
        return (place / intrinsics[0, 0]).astype(np.float32)


def default_intrinsics(photo: Photo) -> Array:
    """(3, 3) px of the original photo by the reference's rule: the middle is (w / 2, h / 2).

    The focal length is that of EXIF, else the diagonal.
    """
    width, height = photo.original_size
    focal = photo.focal_px * max(width, height) / max(photo.size) if photo.focal_px else np.hypot(width, height)
    return np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])


def mirrored(photo: Photo) -> Photo:
    """The photo seen in a mirror."""
    return Photo(np.asarray(cv2.flip(photo.pixels, 1)), photo.path, photo.focal_px, [], photo.original_size)


def _affine(centre: Array, side: float, size: int) -> Array:
    """(2, 3): OpenCV's own solution of three float32 points, for its rounding is that of the reference."""
    middle = np.array([size * 0.5, size * 0.5])
    source = _corners(np.asarray(centre, np.float64), float(side))
    return np.asarray(cv2.getAffineTransform(source, _corners(middle, size)))


def _corners(centre: Array, side: float) -> NDArray[np.float32]:
    """(3, 2): the middle of a square, the middle of its upper edge, and the third corner of a right-angled triangle."""
    first, second = centre.astype(np.float32), (centre - [0.0, 0.5 * side]).astype(np.float32)
    x, y = first - second
    return np.stack([first, second, second + np.array([-y, x], np.float32)])


def _warp(picture: Array, affine: Array, size: int) -> Array:
    return np.asarray(cv2.warpAffine(picture, affine, (size, size), flags=cv2.INTER_LINEAR))


def _from_working(affine: Array, photo: Photo) -> Array:
    """An affine map from original px as one from working px."""
    if photo.size == photo.original_size:
        return affine
    scale = 1.0 / np.array(photo.scale)
    return np.column_stack([affine[:, :2] * scale, affine[:, 2] + affine[:, :2] @ (0.5 * scale - 0.5)])


def _reduction(cells: int) -> Array:
    """(cells, cells * PATCH) antialiased bilinear reduction: a triangle over two cells, cut at the border."""
    pixels = (np.arange(cells * PATCH) + 0.5) / PATCH
    weights = np.maximum(1.0 - np.abs(pixels - (np.arange(cells) + 0.5)[:, None]), 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
