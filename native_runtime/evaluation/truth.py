"""What is known of the people of a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from native_runtime.models.sam3d_body_layout import HIPS

Array = NDArray[np.float64]

#: MHR-70's numbers of the 17 keypoints of COCO, in COCO's order.
COCO_KEYPOINTS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 62, 41, 9, 10, 11, 12, 13, 14)
#: Shoulders, elbows, wrists, hips, knees, ankles: the joints that errors in space are measured at.
BODY_JOINTS = COCO_KEYPOINTS[5:]


@dataclass(frozen=True)
class Joints:
    """Which joints errors in space are measured at.

    Attributes:
        numbers: of MHR-70.
        root: of MHR-70; errors that are not aligned are seen from the middle of these.
    """

    numbers: tuple[int, ...]
    root: tuple[int, ...]


BODY = Joints(BODY_JOINTS, tuple(range(HIPS.start, HIPS.stop)))


@dataclass(frozen=True, eq=False)
class TruePerson:
    """One person.

    Attributes:
        box: (4,) x0 y0 x1 y1 px.
        keypoints_2d: (70, 2) px; NaN where a keypoint is not annotated.
        keypoints_3d: (70, 3) m, camera axes, from any origin; NaN where it is not known; None where nothing is.
        categories: of what kinds the person or the picture is, for figures of each kind.
        head: px, how large the head is (PCKh); None where nobody says.
        vertices: given a body's name, its vertices (V, 3) m, camera axes, from any origin, or None where the person is
            not known on this body; None where nobody says.
    """

    box: Array
    keypoints_2d: Array
    keypoints_3d: Array | None = None
    categories: tuple[str, ...] = ()
    head: float | None = None
    vertices: Callable[[str], Array | None] | None = None


@dataclass(frozen=True, eq=False)
class TruePicture:
    """One picture.

    Attributes:
        name: its file name, which finds its estimates; after the folders, with "/", where pictures of several
            sequences have the same one. Without an ending, pictures of any.
        people: those of whom something is known.
        ignored: (N, 4) boxes of others: estimates there are neither right nor wrong.
        group: the sequence that it is of: pictures of one are alike. "" for a picture that stands alone.
    """

    name: str
    people: list[TruePerson]
    ignored: Array = field(default_factory=lambda: np.zeros((0, 4)))
    group: str = ""


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of a data set.

    Attributes:
        pictures: all of them.
        joints: where errors in space are measured.
        everybody: whether all people of the pictures are annotated (or ignored), so that others are false.
    """

    pictures: list[TruePicture]
    joints: Joints = BODY
    everybody: bool = True


def nowhere(dimensions: int) -> Array:
    """(70, 2) or (70, 3) of a person of whom no keypoint is known."""
    return np.full((70, dimensions), np.nan)
