"""Which boxes are of the same person."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from . import metrics
from .found import FoundPerson

Array = NDArray[np.float64]


def partners(people: Sequence[Array], others: Sequence[Array], least: float) -> dict[int, int]:
    """By number of a person, that of the other box that is of them: the pairs that overlap most first, each at most
    once.

    Args:
        people, others: boxes (4,) x0 y0 x1 y1 px.
        least: intersection over union below which two boxes are of two people.
    """
    if not people or not others:
        return {}
    overlaps = metrics.overlap(np.stack(list(people)), np.stack(list(others)))
    found: dict[int, int] = {}
    for flat in np.argsort(-overlaps, axis=None, kind="stable").tolist():
        person, other = divmod(flat, len(others))
        if overlaps[person, other] < least:
            break
        if person not in found and other not in found.values():
            found[person] = other
    return found


def seen_box(estimate: FoundPerson, numbers: Sequence[int] | None = None) -> Array:
    """(4,) the box of the estimate's keypoints within the picture; the one that was found where none is inside.

    Args:
        numbers: of the keypoints that count; None for all.
    """
    size = estimate.image_size.astype(np.float64)
    points = estimate.keypoints_2d if numbers is None else estimate.keypoints_2d[list(numbers)]
    inside = np.isfinite(points).all(axis=1) & (points >= 0).all(axis=1) & (points < size).all(axis=1)
    if np.count_nonzero(inside) < 2:
        return np.asarray(estimate.bbox, np.float64)
    return np.concatenate([points[inside].min(axis=0), points[inside].max(axis=0)])
