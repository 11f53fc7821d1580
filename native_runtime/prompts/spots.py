"""Where handles are seen in a viewport, which one the mouse is on, and which ones are shown where several crowd: one a
joint, until the view is near enough for more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .prompt import keypoint_names

Array = NDArray[np.float64]

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


@dataclass(frozen=True)
class Spots:
    """Where a character's handles are seen: px of the region, (0, 0) at its bottom left.

    Attributes:
        keypoints: (N,) numbers in MHR-70 of those that are before the viewer.
        centres: (N, 2).
        radii: (N,).
    """

    keypoints: tuple[int, ...] = ()
    centres: Array = field(default_factory=lambda: np.zeros((0, 2)))
    radii: Array = field(default_factory=lambda: np.zeros(0))

    def at(self, point: ArrayLike, reach: float) -> int | None:
        """The keypoint whose spot is at a point (2,), None where none is.

        Where they crowd it is the one that is nearest in units of its own radius: bodies before fingers.

        Args:
            reach: small spots are caught as if their radius were this.
        """
        if not self.keypoints:
            return None
        away = np.hypot(*(self.centres - np.asarray(point, dtype=np.float64)).T) / np.maximum(self.radii, reach)
        nearest = int(away.argmin())
        return self.keypoints[nearest] if away[nearest] <= 1.0 else None


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
