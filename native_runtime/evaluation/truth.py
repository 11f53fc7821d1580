"""What is known of the people of a picture."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: MHR-70's numbers of the 17 keypoints of COCO, in COCO's order.
COCO_KEYPOINTS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 62, 41, 9, 10, 11, 12, 13, 14)
#: Shoulders, elbows, wrists, hips, knees, ankles: the joints that errors in space are measured at.
BODY_JOINTS = COCO_KEYPOINTS[5:]


@dataclass(frozen=True, eq=False)
class TruePerson:
    """One person.

    Attributes:
        box: (4,) x0 y0 x1 y1 px.
        keypoints_2d: (70, 2) px; NaN where a keypoint is not annotated.
        keypoints_3d: (70, 3) m, camera axes, from any origin; NaN where it is not known; None where nothing is.
        category: of what kind the picture is, for figures of each kind; "" for none.
    """

    box: Array
    keypoints_2d: Array
    keypoints_3d: Array | None = None
    category: str = ""


@dataclass(frozen=True, eq=False)
class TruePicture:
    """One picture.

    Attributes:
        name: its file name, which finds its estimates.
        people: those of whom something is known.
        ignored: (N, 4) boxes of others: estimates there are neither right nor wrong.
    """

    name: str
    people: list[TruePerson]
    ignored: Array = field(default_factory=lambda: np.zeros((0, 4)))


def nothing_known() -> Array:
    """(70, 2) of a person without annotated keypoints."""
    return np.full((70, 2), np.nan)
