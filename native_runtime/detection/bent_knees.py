"""Knees bent further than the map of ``lifting`` has them, which makes them too straight.

It gives the direction of a thigh and of a shank each as the middle of what is possible, and two such middles make a
smaller angle than the bones do on average: a leg that may be bent this way or that way comes out straight. So both are
turned, each by half of what is missing, and what lies below moves along.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.landmarks import BODY_POINTS, SIDES
from native_runtime.detection.lifting import POINTS, SEGMENTS, Lifted
from native_runtime.mhr.rotations import rotation_vector_to_matrix

Array = NDArray[Any]

# By how much a knee is bent further, in radians, if it is in sight and if it is not, and the visibilities from which
# and up to which it is. About twice what is missing: the fit follows directions in part, as pixels and lengths of bones
# hold against them. Chosen on one half of the tuning pictures of the harder set (docs/figures.md).
_IN_SIGHT, _HIDDEN = math.radians(8.0), math.radians(16.0)
_VISIBLE, _UNSEEN = 0.8, 0.6
# M: an adult's thigh and shank, for the places of knees and feet.
_THIGH, _SHANK = 0.42, 0.40
# Straight legs bend about the line of the hips, which counts as much as a knee that is bent by so many radians.
_STRAIGHT = 0.15


def bent(lifted: Lifted, visibility: Array) -> Lifted:
    """The same with knees bent further.

    Args:
        visibility: (33,) 0..1, the landmark network's.
    """
    vectors, places = lifted.vectors.copy(), lifted.places.copy()
    to_the_left = -lifted.vectors[SEGMENTS.index(("left_hip", "right_hip"))]
    for side in SIDES:
        upper = SEGMENTS.index((f"{side}_hip", f"{side}_knee"))
        lower = SEGMENTS.index((f"{side}_knee", f"{side}_ankle"))
        thigh, shank = lifted.vectors[upper], lifted.vectors[lower]
        axis = np.cross(thigh, shank) + _STRAIGHT * to_the_left
        axis = axis / max(float(np.linalg.norm(axis)), 1e-6)
        half = _missing(float(visibility[BODY_POINTS.index(f"{side}_knee")])) / 2
        vectors[upper] = rotation_vector_to_matrix(-half * axis) @ thigh
        vectors[lower] = rotation_vector_to_matrix(half * axis) @ shank
        moved = _THIGH * (vectors[upper] - thigh)
        places[POINTS.index(f"{side}_knee")] += moved
        below = [POINTS.index(f"{side}_{name}") for name in ("ankle", "heel", "foot_index")]
        places[below] += moved + _SHANK * (vectors[lower] - shank)
    return replace(lifted, vectors=vectors, places=places)


def _missing(visibility: float) -> float:
    """Radians by which a knee of that visibility is bent further."""
    hidden = float(np.clip((_VISIBLE - visibility) / (_VISIBLE - _UNSEEN), 0.0, 1.0))
    return _IN_SIGHT + (_HIDDEN - _IN_SIGHT) * hidden
