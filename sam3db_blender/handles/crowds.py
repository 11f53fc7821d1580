"""Which spots are shown where several lie on one another: one a joint, until the view is near enough for more."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import numpy as np

from native_runtime.prompts.prompt import keypoint_names

from .spots import Spots

#: The keypoints that crowd, the most important of each first; without their side.
_FAMILIES = (
    ("shoulder", "acromion"),
    ("elbow", "olecranon", "cubital_fossa"),
    ("ankle", "big_toe", "heel", "small_toe"),
    (
        "wrist",
        *(f"{finger}4" for finger in ("middle_finger", "thumb", "forefinger", "pinky_finger", "ring_finger")),
        *(
            f"{finger}{joint}"
            for joint in ("_third_joint", "3", "2")
            for finger in ("forefinger", "pinky_finger", "thumb", "middle_finger", "ring_finger")
        ),
    ),
)
_HEAD = ("nose", "left_ear", "right_ear", "left_eye", "right_eye")


def thin_out(spots: Spots, apart: float, always: Collection[int] = ()) -> Spots:
    """The spots that are shown: of those that crowd, the first of each joint, and what is at least ``apart`` from it.

    Args:
        apart: px of the region between two spots of the same joint.
        always: keypoints that are shown however near they lie, such as pinned ones.
    """
    rows = {keypoint: row for row, keypoint in enumerate(spots.keypoints)}
    shown = set(spots.keypoints) - {keypoint for family in _families() for keypoint in family}
    for family in _families():
        present = [keypoint for keypoint in family if keypoint in rows]
        taken = [keypoint for number, keypoint in enumerate(present) if number == 0 or keypoint in always]
        for keypoint in present:
            gaps = spots.centres[[rows[other] for other in taken]] - spots.centres[rows[keypoint]]
            if keypoint not in taken and np.hypot(*gaps.T).min() >= apart:
                taken.append(keypoint)
        shown.update(taken)
    kept = [rows[keypoint] for keypoint in spots.keypoints if keypoint in shown]
    return Spots(tuple(spots.keypoints[row] for row in kept), spots.centres[kept], spots.radii[kept])


@cache
def _families() -> tuple[tuple[int, ...], ...]:
    """The numbers in MHR-70 of the keypoints that crowd, the most important of each first."""
    index = {name: number for number, name in enumerate(keypoint_names())}
    sides = ("left", "right")
    families = [[f"{side}_{part}" for part in family] for side in sides for family in _FAMILIES]
    return tuple(tuple(index[name] for name in family) for family in (*families, _HEAD))
