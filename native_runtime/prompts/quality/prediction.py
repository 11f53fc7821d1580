"""An engine's prediction for one person, as the checks and the ranking need it, whichever engine it was."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.fitting.evidence import Silhouette

from .anatomy import COUNT, STATURE, reaches

Array = NDArray[Any]


def person_size(keypoints_3d: Array, intrinsics: Array) -> float:
    """Px: an adult's height at a person's depth, whatever the pose; NaN where nothing of them is before the camera.

    Args:
        keypoints_3d: (70, 3) m, camera axes, the camera's translation included.
        intrinsics: (3, 3) px.
    """
    depths = np.asarray(keypoints_3d, np.float64)[:, 2]
    before = depths[np.isfinite(depths) & (depths > 0)]
    return float(intrinsics[1, 1]) * STATURE / float(np.median(before)) if len(before) else float("nan")


@dataclass(frozen=True, eq=False)
class Opinion:
    """Where another network than the engine's own sees the keypoints.

    Attributes:
        places: (70, 2) px of the photo; a row of NaN where it says nothing.
        spreads: (70,) person sizes: how far off each place is ordinarily.
    """

    places: Array
    spreads: Array

    def __post_init__(self) -> None:
        shapes = np.shape(self.places), np.shape(self.spreads)
        if shapes != ((COUNT, 2), (COUNT,)):
            raise ValueError(f"an opinion has shapes {shapes}, expected {((COUNT, 2), (COUNT,))}")


@dataclass(frozen=True, eq=False)
class Prediction:
    """One person as predicted.

    Attributes:
        keypoints_2d: (70, 2) px of the photo; a row of NaN where a keypoint is not before the camera.
        keypoints_3d: (70, 3) m, camera axes (x right, y down, z forward), the camera's translation included.
        intrinsics: (3, 3) px.
        uncertainty: (70,) px: how far off each keypoint may well be; see ``ranking.combined_uncertainty``. None where
            the engine says nothing: then every keypoint counts as sure.
        bbox: (4,) x0 y0 x1 y1 px of the person as found, or None.
        silhouette: where the person covers the photo, or None.
        second: the opinion of another network, or None.
    """

    keypoints_2d: Array
    keypoints_3d: Array
    intrinsics: Array
    uncertainty: Array | None = None
    bbox: Array | None = None
    silhouette: Silhouette | None = None
    second: Opinion | None = None

    def __post_init__(self) -> None:
        for name, shape in (("keypoints_2d", (COUNT, 2)), ("keypoints_3d", (COUNT, 3)), ("intrinsics", (3, 3))):
            if np.shape(getattr(self, name)) != shape:
                raise ValueError(f"{name} has shape {np.shape(getattr(self, name))}, expected {shape}")
        if self.uncertainty is not None and np.shape(self.uncertainty) != (COUNT,):
            raise ValueError(f"uncertainty has shape {np.shape(self.uncertainty)}, expected {(COUNT,)}")

    @cached_property
    def size(self) -> float:
        """Px: the unit of all tolerances; see ``person_size``."""
        return person_size(self.keypoints_3d, self.intrinsics)

    @cached_property
    def doubt(self) -> Array:
        """(70,) how far off each keypoint may be, in person sizes; 0 where nothing is known of it."""
        if self.uncertainty is None:
            return np.zeros(COUNT)
        return np.nan_to_num(np.asarray(self.uncertainty, np.float64), nan=0.0, posinf=1e9) / self.size

    @cached_property
    def reaches(self) -> Array:
        """(70, 70) m: how far any two keypoints can be apart along this person's bones."""
        return reaches(np.asarray(self.keypoints_3d, np.float64))

    def rays(self, pixels: Array) -> Array:
        """Unit directions (..., 3) in camera axes, through pixels (..., 2)."""
        homogeneous = np.concatenate([pixels, np.ones(np.shape(pixels)[:-1] + (1,))], axis=-1)
        directions = homogeneous @ np.linalg.inv(self.intrinsics).T
        return directions / np.linalg.norm(directions, axis=-1, keepdims=True)

    def outside_by(self, pixel: Array) -> float:
        """How far, in person sizes, a pixel (2,) lies from the nearest place that this person covers; 0 within.

        Judged by the silhouette, else by the box, else by the box around the keypoints.
        """
        if self.silhouette is not None:
            distance = _distance_to_mask(self.silhouette, pixel)
            if distance is not None:
                return distance / self.size
        if self.bbox is not None:
            low, high = np.asarray(self.bbox[:2], np.float64), np.asarray(self.bbox[2:], np.float64)
        else:
            low, high = np.nanmin(self.keypoints_2d, axis=0), np.nanmax(self.keypoints_2d, axis=0)
        return float(np.linalg.norm(np.maximum(np.maximum(low - pixel, pixel - high), 0.0))) / self.size


_COVERED = 0.5
"""Of the mask's 0..1: from here on a pixel is the person's."""


def _distance_to_mask(silhouette: Silhouette, pixel: Array) -> float | None:
    """Photo px from a pixel (2,) to the nearest covered cell of the mask; None where the mask is empty."""
    linear, shift = silhouette.from_photo[:, :2], silhouette.from_photo[:, 2]
    rows, columns = np.nonzero(silhouette.mask >= _COVERED)
    if not len(rows):
        return None
    back = np.linalg.inv(linear)
    away = (np.stack([columns, rows], axis=-1) - (linear @ pixel + shift)) @ back.T
    # half a cell: the mask says nothing finer than its own grid
    return max(float(np.sqrt((away**2).sum(axis=1).min())) - 0.5 * float(np.sqrt(abs(np.linalg.det(back)))), 0.0)
