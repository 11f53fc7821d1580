"""Pictures on a surface."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from .colour import Floats, Pixels, decode_srgb

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Paint:
    """Which pictures lie on which triangles.

    Attributes:
        uvs: (T, 3, 2) texture coordinates of each triangle's corners; v is 1 at a picture's upper edge.
        picture: (T,) number of the picture that lies on a triangle; -1: none.
        pictures: each (H, W, 3) sRGB.
    """

    uvs: NDArray[np.float32]
    picture: NDArray[np.int64]
    pictures: tuple[Pixels, ...]

    @cached_property
    def _copies(self) -> list[list[Pixels]]:
        """Each picture and its copies of half the size, again and again."""
        copies = []
        for picture in self.pictures:
            sizes = [picture]
            while min(sizes[-1].shape[:2]) > 1:
                height, width = sizes[-1].shape[:2]
                half = (max(1, width // 2), max(1, height // 2))
                sizes.append(np.asarray(cv2.resize(sizes[-1], half, interpolation=cv2.INTER_AREA), np.uint8))
            copies.append(sizes)
        return copies

    def lay(self, colours: Floats, triangle: NDArray[np.int64], weights: Floats, areas: Array) -> None:
        """Puts the pictures' colours where a picture lies.

        Args:
            colours: (N, 3) linear, changed in place.
            triangle: (N,) of each place.
            weights: (N, 3) of the triangle's corners, linear on the surface.
            areas: (T,) px² that each triangle has on the screen.
        """
        for number, copies in enumerate(self._copies):
            mine = np.flatnonzero(self.picture[triangle] == number)
            if not len(mine):
                continue
            height, width = self.pictures[number].shape[:2]
            places = np.einsum("nk,nkc->nc", weights[mine], self.uvs[triangle[mine]])
            u, v = self.uvs[:, 1] - self.uvs[:, 0], self.uvs[:, 2] - self.uvs[:, 0]
            texels = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2 * height * width
            level = 0.5 * np.log2(np.maximum(texels, 1e-6) / np.maximum(areas, 1e-6))
            chosen = np.clip(np.round(level[triangle[mine]]), 0, len(copies) - 1).astype(np.int64)
            for which in np.unique(chosen):
                here = chosen == which
                colours[mine[here]] = _linear_at(copies[which], places[here])


def _linear_at(picture: Pixels, places: Floats) -> Floats:
    """Linear colours (N, 3) of a picture at texture coordinates (N, 2), which repeat beyond it."""
    height, width = picture.shape[:2]
    x = np.mod(places[:, 0], 1.0) * width - 0.5
    y = np.mod(1.0 - places[:, 1], 1.0) * height - 0.5
    side = 1 << 14  # OpenCV's pictures have fewer rows than 32768
    count = -(-len(x) // side)
    grid_x, grid_y = (np.pad(v.astype(np.float32), (0, count * side - len(x))).reshape(count, side) for v in (x, y))
    found = cv2.remap(picture, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return decode_srgb(np.asarray(found.reshape(-1, 3)[: len(x)], np.uint8))
