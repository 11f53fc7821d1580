"""Straight line segments in a photo, apart from those on people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.silhouettes import SURE

if TYPE_CHECKING:
    from native_runtime.detection.landmarks import PersonLandmarks
    from native_runtime.image.reading import Photo

Array = NDArray[np.float64]

_LOOKED_AT = 800
"""Px of the longer side at which lines are looked for: finer ones are texture."""
_SHORTEST = 0.03
"""Of the diagonal: shorter segments are texture, too."""
_MOST = 120
"""Segments: the longest ones."""
_END_PX = 0.7
"""Px, how far the ends of a segment are off across it, at the size at which lines are looked for."""
_STRAIGHT = math.radians(0.35)
"""Radians, how far lines of real things, seen through real lenses, are from straight and from square."""


@dataclass(frozen=True)
class Segments:
    """Line segments of a picture.

    Attributes:
        middles: (n, 2) px from the middle of the picture.
        directions: (n, 2) unit vectors; either way round.
        lengths: (n,) px.
        sigmas: (n,) radians: how far a direction is off.
    """

    middles: Array
    directions: Array
    lengths: Array
    sigmas: Array

    def __len__(self) -> int:
        return len(self.lengths)

    @classmethod
    def of_ends(cls, ends: Array, size: tuple[int, int]) -> Segments:
        """The longest of segments by their two ends.

        Args:
            ends: (n, 4) x0 y0 x1 y1 px; pixel (0, 0) is the centre of the top-left one.
            size: (width, height) px of the picture.
        """
        ends = np.asarray(ends, np.float64).reshape(-1, 4)
        vectors = ends[:, 2:] - ends[:, :2]
        lengths = np.linalg.norm(vectors, axis=1)
        kept = np.argsort(-lengths, kind="stable")[:_MOST]
        kept = kept[lengths[kept] >= _SHORTEST * math.hypot(*size)]
        vectors, lengths = vectors[kept], lengths[kept]
        middles = (ends[kept, :2] + ends[kept, 2:]) / 2 - (np.array(size) - 1.0) / 2
        across = math.sqrt(2.0) * _END_PX * max(max(size) / _LOOKED_AT, 1.0)
        return cls(middles, vectors / lengths[:, None], lengths, np.hypot(across / lengths, _STRAIGHT))


def find_segments(photo: Photo, people: Sequence[PersonLandmarks] = ()) -> Segments:
    """The longest segments in a photo (LSD: Grompone von Gioi et al., IPOL 2012), in original pixels.

    Args:
        people: found in the photo: what lies on them is left out.
    """
    grey = cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY)
    factor = min(1.0, _LOOKED_AT / max(photo.size))
    if factor < 1.0:
        small = max(1, round(photo.size[0] * factor)), max(1, round(photo.size[1] * factor))
        grey = cv2.resize(grey, small, interpolation=cv2.INTER_AREA)
    scale = np.array([grey.shape[1] / photo.size[0], grey.shape[0] / photo.size[1]])
    lines = cv2.createLineSegmentDetector().detect(grey)[0]
    if lines is None:
        return Segments.of_ends(np.zeros((0, 4)), photo.original_size)
    ends = (lines.reshape(-1, 2, 2).astype(np.float64) + 0.5) / scale - 0.5
    on_somebody = np.zeros(len(ends), bool)
    for person in people:
        on_somebody |= _on(person, ends.mean(axis=1))
    return Segments.of_ends(photo.to_original(ends[~on_somebody]).reshape(-1, 4), photo.original_size)


def _on(person: PersonLandmarks, points: Array) -> NDArray[np.bool_]:
    """Which of points (n, 2) in working pixels lie on a person, by the networks' mask."""
    places = np.rint(points @ person.mask_from_photo[:, :2].T + person.mask_from_photo[:, 2]).astype(np.int64)
    height, width = person.mask.shape
    inside = (places >= 0).all(axis=1) & (places < [width, height]).all(axis=1)
    found = np.zeros(len(points), bool)
    found[inside] = person.mask[places[inside, 1], places[inside, 0]] >= SURE
    return found
