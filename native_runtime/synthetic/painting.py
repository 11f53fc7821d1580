"""Which triangle each pixel shows, fast: triangles are painted from the farthest to the nearest.

That is wrong for the few that reach through each other, and takes a fifth of the time of ``native_runtime.render``'s
rasteriser. What is painted are the triangles' numbers, from which follow colours, masks and depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.render.raster import NEAR, Surface

from .views import View

Array = NDArray[np.float64]

FINER = 2
"""Pixels are painted so many times finer."""
_FRACTION, _LIMIT = 4, 4000
"""OpenCV's fixed point: bits of a fraction; places farther out are brought in, px."""


@dataclass(frozen=True)
class Painted:
    """Some surfaces as a view sees them, on a canvas ``FINER`` times as fine as the picture.

    Attributes:
        view: the camera, of the picture itself.
        surfaces: what is painted, in the world.
        canvas: (FINER H, FINER W) number of the triangle that is seen, counted through all surfaces; -1: none.
    """

    view: View
    surfaces: tuple[Surface, ...]
    canvas: NDArray[np.int32]

    @cached_property
    def covered(self) -> NDArray[np.int64]:
        """(N,) flat indices of the canvas where something is seen."""
        return np.flatnonzero(self.canvas.ravel() >= 0)

    @cached_property
    def shown(self) -> NDArray[np.int32]:
        """(N,) the triangle that each of these shows."""
        return self.canvas.ravel()[self.covered]

    @cached_property
    def owners(self) -> NDArray[np.int32]:
        """(FINER H, FINER W) number of the surface that is seen; -1: none."""
        owner = np.repeat(np.arange(len(self.surfaces), dtype=np.int32), [len(s.triangles) for s in self.surfaces])
        return np.append(owner, np.int32(-1))[self.canvas]

    def share(self, surface: int) -> NDArray[np.float32]:
        """(H, W) which part of each pixel shows a surface, 0..1."""
        return _coarser((self.owners == surface).astype(np.float32))

    @cached_property
    def weights(self) -> NDArray[np.float32]:
        """(N, 3) weights of the triangle's corners at each covered place, linear on the screen."""
        numbers, inverse = np.unique(self.shown, return_inverse=True)
        corners = _screen(self.view, self._local)[self._triangles[numbers]]
        first, second = corners[:, [1, 2, 0]], corners[:, [2, 0, 1]]
        step = second - first
        rows = np.stack([-step[..., 1], step[..., 0], step[..., 1] * first[..., 0] - step[..., 0] * first[..., 1]], -1)
        area = rows[:, :, 2].sum(axis=1)
        rows = (rows / area[:, None, None]).astype(np.float32)
        y, x = np.divmod(self.covered, self.canvas.shape[1])
        place = np.stack([x, y, np.ones_like(x)], axis=-1).astype(np.float32)
        weights = np.clip(np.einsum("nkc,nc->nk", rows[inverse], place), 0.0, 1.0)
        return np.asarray(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-6), np.float32)

    def interpolated(self, values: Array) -> NDArray[np.float32]:
        """(N, C) at each covered place, of values (V, C) at the vertices of all surfaces."""
        corners = self._triangles[self.shown]
        values = values.astype(np.float32)
        return np.asarray(sum(self.weights[:, k, None] * values[corners[:, k]] for k in range(3)), np.float32)

    @cached_property
    def depth(self) -> NDArray[np.float32]:
        """(H, W) m along z at the middle of each pixel's first part, infinite where nothing is seen."""
        near = self.interpolated(1.0 / np.maximum(self._local[:, 2:], NEAR))[:, 0]
        fine = np.full(self.canvas.size, np.inf, np.float32)
        fine[self.covered] = 1.0 / near
        # The nearest of a pixel's parts would cut what is behind off at every outline; any one of them is as true.
        return fine.reshape(self.canvas.shape)[::FINER, ::FINER]

    def over(self, colours: NDArray[np.float32], background: NDArray[np.float32]) -> NDArray[np.float32]:
        """The picture (H, W, 3): colours (N, 3) of the covered places before a background (H, W, 3), both encoded."""
        height, width = self.canvas.shape
        fine = cv2.resize(background, (width, height), interpolation=cv2.INTER_LINEAR).reshape(-1, 3)
        fine[self.covered] = colours
        return _coarser(fine.reshape(height, width, 3))

    @cached_property
    def _local(self) -> Array:
        return self.view.from_world(np.concatenate([surface.vertices for surface in self.surfaces]))

    @cached_property
    def _triangles(self) -> NDArray[np.int32]:
        return _joined(self.surfaces)


def paint(surfaces: Sequence[Surface], view: View) -> Painted:
    """Paint surfaces (world, m) as a view sees them."""
    local = view.from_world(np.concatenate([surface.vertices for surface in surfaces]))
    corners = _joined(surfaces)
    screen = _screen(view, local)
    a, b, c = screen[corners].transpose(1, 0, 2)
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    both = np.concatenate([surface.two_sided for surface in surfaces])
    seen = np.flatnonzero(((area < 0) | both) & (local[corners, 2].min(axis=1) > NEAR))
    order = seen[np.argsort(-local[corners[seen], 2].mean(axis=1), kind="stable")]
    places = np.round(np.clip(screen[corners[order]], -_LIMIT, _LIMIT) * 2**_FRACTION).astype(np.int32)
    width, height = view.size
    canvas = np.full((height * FINER, width * FINER), -1, np.int32)
    for number, place in zip(order.tolist(), places):
        cv2.fillConvexPoly(canvas, place, number, shift=_FRACTION)
    return Painted(view, tuple(surfaces), canvas)


def _joined(surfaces: Sequence[Surface]) -> NDArray[np.int32]:
    """(T, 3) the triangles of all surfaces, whose vertices are counted through."""
    starts = np.cumsum([0, *(len(surface.vertices) for surface in surfaces)])
    return np.concatenate([surface.triangles + start for surface, start in zip(surfaces, starts)]).astype(np.int32)


def _screen(view: View, local: Array) -> Array:
    """(V, 2) places on the canvas of points in the view's axes."""
    return (project(np.where(local[:, 2:] > NEAR, local, [0.0, 0.0, NEAR]), view.intrinsics) + 0.5) * FINER - 0.5


def _coarser(fine: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = fine.shape[:2]
    return np.asarray(cv2.resize(fine, (width // FINER, height // FINER), interpolation=cv2.INTER_AREA), np.float32)
