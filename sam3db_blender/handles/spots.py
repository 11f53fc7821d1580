"""Handles without their empties: where they appear in a viewport."""

from __future__ import annotations

from collections.abc import Mapping

import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.prompts.spots import Spots

from .handles import place
from .plane import world_of

Array = NDArray[np.float64]


def spots_of(handles: Mapping[int, bpy.types.Object], view: ArrayLike, size: tuple[int, int], smallest: float) -> Spots:
    """Where handles are seen, whether or not their empties are shown.

    Args:
        handles: of one character by keypoint.
        view: (4, 4) from world to clip space, ``RegionView3D.perspective_matrix``.
        size: width, height of the region, px.
        smallest: no radius is less.
    """
    by_plane: dict[bpy.types.Object, list[int]] = {}
    for index, handle in handles.items():
        if handle.parent is not None and handle.parent.parent is not None:
            by_plane.setdefault(handle.parent, []).append(index)
    keypoints: list[int] = []
    centres, radii = [np.zeros((0, 2))], [np.zeros(0)]
    for plane, members in by_plane.items():
        pixels = np.array([place(handles[index]) for index in members])
        halves = np.array([handles[index].empty_display_size / 2 for index in members])
        middle = _seen(world_of(plane, pixels), view, size)
        rim = _seen(world_of(plane, pixels + halves[:, None] * (0.0, 1.0)), view, size)
        before = np.isfinite(middle).all(axis=1) & np.isfinite(rim).all(axis=1)
        keypoints += [index for index, there in zip(members, before) if there]
        centres.append(middle[before])
        radii.append(np.maximum(np.hypot(*(rim - middle)[before].T), smallest))
    return Spots(tuple(keypoints), np.concatenate(centres), np.concatenate(radii))


def _seen(points: Array, view: ArrayLike, size: tuple[int, int]) -> Array:
    """Region px (N, 2) of world points (N, 3); NaN behind the viewer."""
    clip = np.column_stack([points, np.ones(len(points))]) @ np.asarray(view, dtype=np.float64).T
    clip[clip[:, 3] <= 0.0] = np.nan
    return (clip[:, :2] / clip[:, 3:] + 1.0) / 2.0 * np.array(size)
