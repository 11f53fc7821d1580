"""What people who stand say about a camera: how they point gives the vertical, and their heights the horizon.

People of like stature on one floor are cut by the horizon at the same part of their height, that of the camera above
the floor (Hoiem, Efros and Hebert, IJCV 2008, section 3.2, where it is done for whole boxes).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.landmarks import BODY_POINTS

from .cameras import Cameras

if TYPE_CHECKING:
    from native_runtime.detection.landmarks import PersonLandmarks
    from native_runtime.image.reading import Photo

Array = NDArray[np.float64]

_EARS, _ANKLES = (("left_ear", "right_ear"), ("left_ankle", "right_ankle"))
_LEGS = tuple(tuple(f"{side}_{part}" for part in ("hip", "knee", "ankle")) for side in ("left", "right"))
_VISIBLE = 0.6
_STRAIGHT = math.radians(25.0)
"""How far the knee, and the trunk from the legs, of somebody who stands may be bent."""
_EAR, _ANKLE = 0.925, 0.05
"""Heights in statures."""
_STATURE, _STATURE_SPREAD = 1.68, 0.065
"""Metres, and its spread in parts, adults (NCD Risk Factor Collaboration, eLife 2016: means of 1.5 to 1.83 m)."""
_CAMERA, _CAMERA_SPREAD = 1.4, 0.4
"""Metres above the floor at which people hold cameras."""
_LEAN = math.radians(4.0)
"""How far those who stand lean, and points are off, across the view."""
_READING = 0.03
"""Statures by which points are off along the body."""
_ELSEWHERE, _HEIGHTS = 0.15, 3.0
"""How many stand on another level, or are children; their heights are anywhere within this many statures."""
_STEPS = np.linspace(0.15, 3.0, 39)
"""Metres above the floor that the camera may have."""


@dataclass(frozen=True)
class StandingEvidence:
    """The likelihood of cameras by people who stand.

    Attributes:
        ears, ankles: (n, 2) px from the middle of the picture: the middles between both.
    """

    ears: Array
    ankles: Array

    def __len__(self) -> int:
        return len(self.ears)

    @classmethod
    def of(cls, people: Sequence[PersonLandmarks], photo: Photo) -> StandingEvidence:
        """Those of the people found in a photo who are seen to stand."""
        middle = (np.array(photo.original_size) - 1.0) / 2
        pairs = [
            [photo.to_original(_middle(person.points_2d, names)) - middle for names in (_EARS, _ANKLES)]
            for person in people
            if _stands(person)
        ]
        found = np.array(pairs, np.float64).reshape(-1, 2, 2)
        return cls(found[:, 0], found[:, 1])

    def log_likelihood(self, cameras: Cameras, tolerance: float = 0.0) -> Array:
        """(n,) up to a constant; ``tolerance`` as for lines."""
        total = np.zeros(len(cameras))
        if not len(self):
            return total
        heights = []
        for ears, ankles in zip(self.ears, self.ankles):
            lean, height = _seen_by(cameras, ears, ankles)
            sigma = math.hypot(_LEAN, tolerance)
            usual = (1.0 - _ELSEWHERE) * np.exp(-0.5 * (lean / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
            total += np.log(usual + _ELSEWHERE / math.pi)
            heights.append(height)
        return total + _one_floor(np.array(heights), tolerance)


def _seen_by(cameras: Cameras, ears: Array, ankles: Array) -> tuple[Array, Array]:
    """How far (n,) a person leans across the view, radians, and how high the camera is above their floor, in statures.

    Ears and ankles are ``_EAR - _ANKLE`` statures apart along the vertical, which fixes how far away the ankles are.
    """
    focal, up = cameras.focal, cameras.up
    foot = np.stack([ankles[0] / focal, ankles[1] / focal, np.ones_like(focal)], axis=-1)
    apart = ears - ankles
    vertical = focal[:, None] * up[:, :2] - up[:, 2:] * ankles  # where the vertical points at the ankles
    length = np.maximum(np.linalg.norm(vertical, axis=1), 1e-9)
    lean = np.arctan2(vertical[:, 0] * apart[1] - vertical[:, 1] * apart[0], vertical @ apart)
    # (z foot + h up) projects to ankles + h vertical / (z + h up_z): solve for z where that is |apart| along it
    tall = _EAR - _ANKLE
    depth = np.maximum(tall * (length / np.linalg.norm(apart) - up[:, 2]), 0.1)
    return lean, _ANKLE - depth * np.einsum("ni,ni->n", foot, up)


def _one_floor(heights: Array, tolerance: float) -> Array:
    """Logarithm of the likelihood (n,) of the camera's heights (people, n) in statures above each person's floor,
    over all heights in metres that it may have above a floor that they share.
    """
    prior = -0.5 * ((_STEPS - _CAMERA) / _CAMERA_SPREAD) ** 2
    prior -= np.log(np.exp(prior).sum())
    total = np.repeat(prior[:, None], heights.shape[1], axis=1)
    for height in heights:
        expected = _STEPS[:, None] / _STATURE
        sigma = np.hypot(expected * _STATURE_SPREAD, math.hypot(_READING, 3.0 * tolerance))
        density = np.exp(-0.5 * ((height - expected) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
        total += np.log((1.0 - _ELSEWHERE) * density + _ELSEWHERE / _HEIGHTS)
    top = total.max(axis=0)
    return np.asarray(top + np.log(np.exp(total - top).sum(axis=0)))


def _stands(person: PersonLandmarks) -> bool:
    """Whether somebody is seen from ears to ankles with the trunk above straight legs."""
    names = {*_EARS, *_ANKLES, *_LEGS[0], *_LEGS[1]}
    shown = [BODY_POINTS.index(name) for name in names if not name.endswith("ear")]
    ears = [BODY_POINTS.index(name) for name in _EARS]
    if person.visibility[shown].min() < _VISIBLE or person.visibility[ears].max() < _VISIBLE:
        return False
    points = person.points_3d
    shoulders = _middle(points, ("left_shoulder", "right_shoulder"))
    hips, ankles = _middle(points, ("left_hip", "right_hip")), _middle(points, _ANKLES)
    bent = [_angle(*(points[BODY_POINTS.index(name)] for name in leg)) for leg in _LEGS]
    return max(*bent, _angle(shoulders, hips, ankles)) < _STRAIGHT


def _angle(a: Array, b: Array, c: Array) -> float:
    """By how much, radians, the way from a over b to c turns at b."""
    before, after = b - a, c - b
    cos = float(before @ after) / max(float(np.linalg.norm(before) * np.linalg.norm(after)), 1e-9)
    return math.acos(min(max(cos, -1.0), 1.0))


def _middle(points: Array, names: tuple[str, str]) -> Array:
    return np.asarray(points[[BODY_POINTS.index(name) for name in names]].mean(axis=0), np.float64)
