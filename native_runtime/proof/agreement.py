"""Whether two answers about one picture agree: where the joints are in it, and where the limbs point.

Nobody's answer is taken for the truth where the truth is known; networks that were mixed up or damaged on their way
disagree with everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LARGEST_DISTANCE = 0.05
"""A keypoint may lie this part of the box's longer side away, and two of them up to twice as far."""
LARGEST_ANGLE = 30.0
"""Degrees by which a limb may point elsewhere, and two of them up to twice as many. Small networks miss a wrist now and
then: those of InstantHMR are 40 to 50 mm off on average by their publishers' figures, a fortieth of a person."""

_JOINTS = {
    "nose": 0,
    "left shoulder": 5,
    "right shoulder": 6,
    "left elbow": 7,
    "right elbow": 8,
    "left hip": 9,
    "right hip": 10,
    "left knee": 11,
    "right knee": 12,
    "left ankle": 13,
    "right ankle": 14,
    "right wrist": 41,
    "left wrist": 62,
}
"""The keypoints (MHR-70) that are compared: every engine means the same by them, to a few centimetres."""
_LIMBS = {
    f"{side} {name}": (_JOINTS[f"{side} {start}"], _JOINTS[f"{side} {end}"])
    for side in ("left", "right")
    for name, start, end in (
        ("upper arm", "shoulder", "elbow"),
        ("forearm", "elbow", "wrist"),
        ("thigh", "hip", "knee"),
        ("lower leg", "knee", "ankle"),
    )
} | {"line of the shoulders": (6, 5)}


@dataclass(frozen=True)
class Difference:
    """How far two answers differ.

    Attributes:
        distance: the largest of a keypoint but for two, or half of the largest, as a part of the box's longer side;
            infinite where one is not in the picture's space at all.
        joint, joint_distance: the farthest keypoint.
        mean: mean distance of all.
        angle: the largest of a limb but for two, or half of the largest, in degrees.
        limb, limb_angle: the widest limb.
    """

    distance: float
    joint: str
    joint_distance: float
    mean: float
    angle: float
    limb: str
    limb_angle: float


def difference(
    keypoints_2d: Array, keypoints_3d: Array, other_2d: Array, other_3d: Array, box: Sequence[float] | Array
) -> Difference:
    """Compare two answers.

    Args:
        keypoints_2d, other_2d: (70, 2) px.
        keypoints_3d, other_3d: (70, 3) m, camera axes; only directions count.
        box: (4,) x0 y0 x1 y1 px.
    """
    joints = list(_JOINTS.values())
    x0, y0, x1, y1 = (float(side) for side in box)
    away = np.linalg.norm(keypoints_2d[joints] - other_2d[joints], axis=1) / max(x1 - x0, y1 - y0)
    away = np.where(np.isfinite(away), away, np.inf)
    starts, ends = np.array(list(_LIMBS.values())).T
    angles = _angles(keypoints_3d[ends] - keypoints_3d[starts], other_3d[ends] - other_3d[starts])
    farthest, widest = int(np.argmax(away)), int(np.argmax(angles))
    return Difference(
        _but_two(away),
        list(_JOINTS)[farthest],
        float(away[farthest]),
        float(away.mean()),
        _but_two(angles),
        list(_LIMBS)[widest],
        float(angles[widest]),
    )


def _but_two(values: Array) -> float:
    """The largest but for two, or half of the largest."""
    third, _, first = np.sort(values)[-3:]
    return float(max(third, first / 2))


def _angles(a: Array, b: Array) -> Array:
    """Degrees between vectors (N, 3); 180 where one has no direction."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = np.sum(a * b, axis=1) / lengths
    return np.degrees(np.arccos(np.clip(np.where(np.isfinite(cosines), cosines, -1.0), -1.0, 1.0)))
