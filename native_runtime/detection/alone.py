"""A photo in which one person of a crowd stands alone: what is nearer to the others is painted over.

The landmark network was made for one person in its window. Of two it reads the more prominent, or the head of one and
the arms of the other. Where MultiPose has told people apart, each pixel beside them goes to whose skeleton is nearest,
relative to their size (a Voronoi diagram of the skeletons).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.crops import Crop, Picture
from native_runtime.detection.detector import filled
from native_runtime.detection.landmarks import COCO_POINTS
from native_runtime.detection.multipose import HEAD, Sighting

Array = NDArray[Any]

# The side at which the landmark network's window is painted; it reads 256 px.
_PIXELS = 256
# How far from the skeleton, and from the middle of the head, a person reaches, in lengths of the trunk.
_REACH, _HEAD_REACH = 0.25, 0.35
_TRUNK = [COCO_POINTS.index(name) for name in ("left_shoulder", "right_shoulder", "right_hip", "left_hip")]
_BONES = [
    (COCO_POINTS.index(a), COCO_POINTS.index(b))
    for side in ("left", "right")
    for a, b in (
        ("nose", f"{side}_eye"), (f"{side}_eye", f"{side}_ear"), ("nose", f"{side}_shoulder"),
        (f"{side}_shoulder", f"{side}_elbow"), (f"{side}_elbow", f"{side}_wrist"), (f"{side}_shoulder", f"{side}_hip"),
        (f"{side}_hip", f"{side}_knee"), (f"{side}_knee", f"{side}_ankle"),
        ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"),
    )
]  # fmt: skip
# Distances are measured from lines and points that are drawn in 1/16 px (cv2's `shift`).
_SHIFT = 4


def neighbours(sighting: Sighting, others: Sequence[Sighting], crop: Crop) -> list[Sighting]:
    """Which of the `others` are seen in the window."""
    return [
        other
        for other in others
        if other is not sighting and _is_within(crop.to_fractions(other.points[other.seen]), 0.1).any()
    ]


def alone(picture: Picture, sighting: Sighting, others: Sequence[Sighting], crop: Crop) -> Picture:
    """The photo around the window as a picture of its own (in the photo's coordinates), with the others painted over.

    Outside the window, and a margin of half its side, nothing is shown.
    """
    wide = Crop(crop.x, crop.y, 2.0 * crop.size)
    pixels = picture.sample(wide, 2 * _PIXELS)
    to_window = wide.pixels_from_photo(2 * _PIXELS)
    own = _distances(sighting, to_window, 2 * _PIXELS)
    nearest = np.min([_distances(other, to_window, 2 * _PIXELS) for other in others], axis=0)
    holes = ((nearest < own) & (nearest < _REACH)).astype(np.float32)
    return Picture.of_window(filled(pixels, holes), wide, (picture.width, picture.height))


def _is_within(fractions: Array, margin: float) -> Array:
    return np.asarray(((fractions > -margin) & (fractions < 1 + margin)).all(axis=-1))


def _distances(sighting: Sighting, to_window: Array, pixels: int) -> Array:
    """(pixels, pixels) distance of each pixel from what is seen of a person's skeleton, in lengths of their trunk."""
    points = sighting.points @ to_window[:, :2].T + to_window[:, 2]
    size = sighting.size * float(np.sqrt(abs(np.linalg.det(to_window[:, :2]))))
    canvas = np.full((pixels, pixels), 255, np.uint8)
    fixed = np.round(np.clip(points, -4 * pixels, 5 * pixels) * 2**_SHIFT).astype(np.int32)
    seen = sighting.seen
    for a, b in _BONES:
        if seen[a] and seen[b]:
            cv2.line(canvas, fixed[a].tolist(), fixed[b].tolist(), 0, 1, cv2.LINE_8, _SHIFT)
    if seen[_TRUNK].all():
        cv2.fillConvexPoly(canvas, fixed[_TRUNK], 0, cv2.LINE_8, _SHIFT)
    if seen[HEAD].any():
        radius = (_HEAD_REACH - _REACH) * size
        middle = points[HEAD][seen[HEAD]].mean(axis=0)
        cv2.circle(
            canvas, np.round(np.clip(middle, -4 * pixels, 5 * pixels)).astype(int).tolist(), round(radius), 0, -1
        )
    for point in fixed[seen]:
        cv2.circle(canvas, point.tolist(), 1 << _SHIFT, 0, -1, cv2.LINE_8, _SHIFT)
    return np.asarray(cv2.distanceTransform(canvas, cv2.DIST_L2, 5) / max(size, 1.0))
