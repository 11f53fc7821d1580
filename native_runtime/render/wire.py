"""The visible edges of a mesh as lines."""

from __future__ import annotations

import cv2
import numpy as np

from .raster import Floats, Surface, View, seen_by

_SUPERSAMPLING = 2
_LINE_PX = 0.8
#: Polygons lower than the first number of px get no lines, where these would merge into a blot; from the second on they
#: get full ones.
_FADE_PX = (1.2, 4.0)


def wire(surface: Surface, view: View) -> Floats:
    """How much of each pixel the edges of the surface cover: (H, W), 0..1."""
    fine = view.supersampled(_SUPERSAMPLING)
    hits, local = seen_by(fine, surface)
    canvas = np.zeros(fine.width * fine.height, np.float32)
    if len(hits.pixel):
        shown, triangle = np.unique(hits.triangle, return_inverse=True)
        heights = _heights(fine.screen(local)[surface.triangles[shown]])
        # a weight falls from 1 at its corner to 0 on the opposite side, so weight times height is the distance to it
        distance = hits.weights * heights[triangle]
        distance[~surface.edges[hits.triangle]] = np.inf
        half = _LINE_PX * _SUPERSAMPLING / 2
        low, high = (px * _SUPERSAMPLING for px in _FADE_PX)
        strength = np.clip((heights.min(axis=1) - low) / (high - low), 0, 1)
        canvas[hits.pixel] = np.clip(half + 0.5 - distance.min(axis=1), 0, 1) * strength[triangle]
    size = (view.width, view.height)
    return np.asarray(cv2.resize(canvas.reshape(fine.height, fine.width), size, interpolation=cv2.INTER_AREA))


def _heights(corners: np.ndarray) -> Floats:
    """The three heights (T, 3) of triangles (T, 3, 2) over the side opposite to each corner."""
    sides = np.linalg.norm(corners[:, [2, 0, 1]] - corners[:, [1, 2, 0]], axis=2)
    a, b, c = corners.transpose(1, 0, 2)
    u, v = b - a, c - a
    area = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
    return np.asarray(area[:, None] / np.maximum(sides, 1e-9), np.float32)
