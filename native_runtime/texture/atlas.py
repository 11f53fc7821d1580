"""Which part of a body's surface each texel of its texture shows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError
from native_runtime.render.raster import Surface, rasterise

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

#: Texture coordinates that cover less of the square than this are none.
_LEAST_AREA = 1e-3


@dataclass(frozen=True, eq=False)
class Atlas:
    """A body's texture of ``size`` x ``size`` texels; row 0 is its upper edge, where v is 1.

    Attributes:
        size: texels along each side.
        places: (T, 3, 2) x and y of each triangle's corners, texels; (0, 0) is the centre of the upper left texel.
        texel: (N,) flat index of each texel whose centre lies on the body's map, in rising order.
        triangle: (N,) of ``Body.triangles``.
        weights: (N, 3) of the triangle's corners.
    """

    size: int
    places: Floats
    texel: NDArray[np.int64]
    triangle: NDArray[np.int32]
    weights: Floats

    def across(self, triangles: NDArray[np.int32], values: NDArray) -> Floats:
        """Values (V, C) of vertices at each texel (N, C).

        Args:
            triangles: (T, 3), the body's.
        """
        return interpolated(triangles[self.triangle], self.weights, values)

    def picture(self, values: NDArray, background: float = 0.0) -> Floats:
        """Values (N, C) of the texels as a picture (size, size, C)."""
        drawn = np.full((self.size**2, values.shape[1]), background, np.float32)
        drawn[self.texel] = values
        return drawn.reshape(self.size, self.size, -1)


def interpolated(corners: NDArray, weights: Floats, values: NDArray) -> Floats:
    """Values (V, C) of vertices at places given by corners (N, 3) and their weights (N, 3): (N, C)."""
    single = np.asarray(values, np.float32)
    result = weights[:, 0, None] * single[corners[:, 0]]
    result += weights[:, 1, None] * single[corners[:, 1]]
    result += weights[:, 2, None] * single[corners[:, 2]]
    return np.asarray(result, np.float32)


@lru_cache(maxsize=2)
def atlas_of(body: Body, size: int) -> Atlas:
    """The texture of a body. Where its map covers a texel twice, one of the two triangles has it.

    Raises:
        ModelError: the body has no texture coordinates.
    """
    places = texel_places(body, size)
    u, v = places[:, 1] - places[:, 0], places[:, 2] - places[:, 0]
    if not np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]).sum() / 2 >= _LEAST_AREA * size**2:
        raise ModelError(
            f"The body '{body.name}' has no texture coordinates. Take the body 'default', or import MHR's own bodies "
            "from the release's .fbx files, which have them."
        )
    count = len(places)
    corners = np.arange(3 * count, dtype=np.int32).reshape(count, 3)
    flat = Surface(np.zeros((0, 3)), corners, np.zeros((0, 3)), np.zeros((count, 3), bool), np.ones(count, bool))
    hits = rasterise(
        places.reshape(-1, 2).astype(np.float64), np.ones(3 * count), np.ones(3 * count, bool), flat, size, size
    )
    weights = np.clip(hits.weights, 0, 1)
    weights /= weights.sum(axis=1, keepdims=True)
    return Atlas(size, places, hits.pixel, hits.triangle.astype(np.int32), weights)


def texel_places(body: Body, size: int) -> Floats:
    """(T, 3, 2) where the corners of ``body.triangles`` lie in a texture, texels."""
    uvs = body.uvs[body.triangle_loops].astype(np.float64)
    return np.stack([uvs[..., 0] * size - 0.5, (1 - uvs[..., 1]) * size - 0.5], axis=-1).astype(np.float32)


def padded(picture: Floats, covered: NDArray[np.bool_], reach: float) -> Floats:
    """A picture (S, S, C) whose covered texels are continued outwards by ``reach`` texels, and beyond by their mean, so
    that neither filtering nor smaller copies show a border.
    """
    distance, labels = cv2.distanceTransformWithLabels(
        (~covered).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    at = np.zeros(int(labels.max()) + 1, np.int64)
    inside = np.flatnonzero(covered)
    at[labels.ravel()[inside]] = inside
    flat = picture.reshape(-1, picture.shape[2])
    result = flat.copy()
    near = np.flatnonzero(~covered.ravel() & (distance.ravel() <= reach))
    result[near] = flat[at[labels.ravel()[near]]]
    result[~covered.ravel() & (distance.ravel() > reach)] = flat[inside].mean(axis=0)
    return np.asarray(result.reshape(picture.shape), np.float32)
