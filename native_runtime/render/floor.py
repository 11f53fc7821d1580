"""The shadow on the floor, which says where the feet are."""

from __future__ import annotations

import cv2
import numpy as np

from .raster import Floats, Surface, View

_CELLS = 200


def floor_shadow(surface: Surface, view: View, level: float = 0.0, softness: float = 0.05) -> Floats:
    """How much the surface darkens the floor around the places where it comes near: (H, W), 0 none .. 1 full.

    Args:
        level: the floor's z in m.
        softness: radius of the blur in m right under the surface.
    """
    low, high = surface.vertices.min(axis=0)[:2] - 0.6, surface.vertices.max(axis=0)[:2] + 0.6
    cell = float((high - low).max()) / _CELLS
    shape = np.ceil((high - low) / cell).astype(int) + 1
    density = np.zeros((shape[1], shape[0]), np.float32)
    # near parts cast a small dark shadow, higher parts a wide faint one
    for reach, strength, blur in ((0.05, 0.75, 1.0), (0.30, 0.55, 3.0), (1.2, 0.30, 7.0)):
        layer = np.zeros_like(density)
        cells = ((surface.vertices[:, :2] - low) / cell).astype(int)
        near = np.exp(-np.clip(surface.vertices[:, 2] - level, 0, None) / reach)
        np.maximum.at(layer, (cells[:, 1], cells[:, 0]), near.astype(np.float32))
        radius = softness * blur / cell
        layer = cv2.dilate(layer, np.ones((max(1, round(radius)),) * 2, np.uint8))
        layer = cv2.GaussianBlur(layer, (0, 0), max(radius, 0.5))
        density = 1 - (1 - density) * (1 - strength * layer)
    columns, rows = np.meshgrid(np.arange(view.width), np.arange(view.height))
    pixels = np.stack([columns, rows, np.ones_like(rows)], axis=-1).reshape(-1, 3)
    rays = pixels @ np.linalg.inv(view.intrinsics).T @ view.axes.T
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(rays[:, 2] < -1e-6, (level - view.position[2]) / rays[:, 2], np.nan)
    hit = (view.position[:2] + rays[:, :2] * distance[:, None] - low) / cell
    hit = np.nan_to_num(hit, nan=-1e6).astype(np.float32).reshape(view.height, view.width, 2)
    return cv2.remap(density, hit[..., 0], hit[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
