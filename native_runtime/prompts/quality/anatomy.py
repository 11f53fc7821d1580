"""How the 70 keypoints (MHR-70) are connected: bones, mirror images, and what moves with what."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from native_runtime.files.templates import load_json
from native_runtime.prompts.prompt import keypoint_names, keypoint_titles

Array = NDArray[np.float64]

COUNT = 70
STATURE = 1.7
"""Metres: an adult. The unit of every distance in the photo is this length at the person's depth."""

SIDES = ("left", "right")
HIPS = (9, 10)

_RIGID, _PLIANT = 1.05, 1.3
"""By how much two keypoints may lie farther apart than the prediction has them. Bones keep their length, up to what the
body's shape leaves open; across the shoulder girdle, the spine and the neck the chord itself changes with the pose."""

_LIMBS: tuple[tuple[str, str, float], ...] = (
    ("shoulder", "elbow", _RIGID), ("elbow", "wrist", _RIGID), ("elbow", "olecranon", _RIGID),
    ("elbow", "cubital_fossa", _RIGID), ("shoulder", "acromion", _PLIANT),
    ("hip", "knee", _RIGID), ("knee", "ankle", _RIGID), ("ankle", "heel", _RIGID), ("ankle", "big_toe", _RIGID),
    ("ankle", "small_toe", _RIGID), ("eye", "ear", _RIGID),
)  # fmt: skip
_FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
_TRUNK: tuple[tuple[str, str, float], ...] = (
    ("neck", "left_shoulder", _PLIANT), ("neck", "right_shoulder", _PLIANT),
    ("neck", "left_hip", _PLIANT), ("neck", "right_hip", _PLIANT), ("left_hip", "right_hip", _RIGID),
    ("neck", "nose", _PLIANT), ("neck", "left_ear", _PLIANT), ("neck", "right_ear", _PLIANT),
    ("nose", "left_eye", _RIGID), ("nose", "right_eye", _RIGID), ("nose", "left_ear", _RIGID),
    ("nose", "right_ear", _RIGID), ("left_eye", "right_eye", _RIGID), ("left_ear", "right_ear", _RIGID),
)  # fmt: skip

_LESSER: dict[str, float] = {
    "eye": 0.3, "ear": 0.4, "acromion": 0.5, "olecranon": 0.5, "cubital_fossa": 0.5, "neck": 0.7,
    "heel": 0.8, "small_toe": 0.5,
}  # fmt: skip
_FINGER = 0.1
"""How much hangs on a keypoint beside a joint of a limb, which counts 1. A joint counts no more the farther up it
stands: a shoulder carries the arm, but the place of a wrist says where the whole arm is (docs/prompt_quality.md)."""


@cache
def mirrors() -> NDArray[np.int64]:
    """(70,) the keypoint on the other side; itself for those in the middle."""
    return np.array([entry["mirror"] for entry in load_json("mhr", "keypoints.json")["keypoints"]])


@cache
def groups() -> tuple[str, ...]:
    """(70,) body, feet, left_hand, right_hand or face."""
    return tuple(entry["group"] for entry in load_json("mhr", "keypoints.json")["keypoints"])


def spoken(keypoint: int) -> str:
    """A keypoint's name within a sentence: "left wrist", "right index finger tip"."""
    return keypoint_titles()[keypoint].lower()


@cache
def bones() -> tuple[tuple[int, int, float], ...]:
    """Pairs of keypoints that a bone or a stretch of the trunk joins, and by how much the distance may grow."""
    number = {name: index for index, name in enumerate(keypoint_names())}
    pairs = list(_TRUNK)
    for side in SIDES:
        pairs += [(f"{side}_{a}", f"{side}_{b}", stretch) for a, b, stretch in _LIMBS]
        for finger in _FINGERS:
            chain = [f"{side}_wrist", *(f"{side}_{finger}{end}" for end in ("_third_joint", "2", "3", "4"))]
            pairs += [(a, b, _RIGID) for a, b in pairwise(chain)]
    return tuple((number[a], number[b], stretch) for a, b, stretch in pairs)


def reaches(points: Array) -> Array:
    """How far any two keypoints can be apart, (70, 70) in the unit of ``points``: the shortest way along the bones.

    A chain that is bent in the prediction may be straight in truth, so the way is what bounds the distance, not the
    distance itself. Bones between points that are not finite are no way.

    Args:
        points: (70, 3) predicted places.
    """
    ways = np.full((COUNT, COUNT), np.inf)
    np.fill_diagonal(ways, 0.0)
    for a, b, stretch in bones():
        length = float(np.linalg.norm(points[a] - points[b])) * stretch
        if np.isfinite(length):
            ways[a, b] = ways[b, a] = length
    for middle in range(COUNT):  # Floyd and Warshall
        ways = np.minimum(ways, ways[:, middle, None] + ways[middle])
    return ways


@cache
def leverages() -> Array:
    """(70,) how much of the body hangs on each keypoint, at most 1."""
    limbs = {name for pair in _LIMBS for name in pair[:2]} | {"wrist", "nose"}
    values = []
    for name in keypoint_names():
        part = name.removeprefix("left_").removeprefix("right_")
        values.append(_LESSER.get(part, 1.0 if part in limbs else _FINGER))
    return np.array(values)
