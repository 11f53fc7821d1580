"""Children, whom no setting of MHR gives: the adult's posed body, its head enlarged and all of it made smaller.

A stand-in: it has a child's stature, head and limbs, not a child's tissue. Statures are the medians of the CDC's growth
charts (Kuczmarski et al., "2000 CDC Growth Charts for the United States", 2002); the heads in a stature are artists'
proportions (five at three years, seven at thirteen).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body, Pose

Array = NDArray[np.float64]

YEARS = (3.0, 13.0)
_AGES = (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)
_STATURES = (95, 102, 109, 115, 122, 128, 133, 138, 144, 149, 156)
_HEADS = (5.2, 5.45, 5.7, 5.95, 6.1, 6.25, 6.4, 6.55, 6.7, 6.85, 7.0)
_ADULT_HEADS = 7.6


def stature_cm(years: float) -> float:
    """The median stature of a child."""
    return float(np.interp(years, _AGES, _STATURES))


def head_scale(years: float) -> float:
    """By how much an adult's head must grow for a child's proportions, before all is made smaller."""
    return (_ADULT_HEADS - 1) / (float(np.interp(years, _AGES, _HEADS)) - 1)


def grown(body: Body, pose: Pose, vertices: NDArray, size: float, head: float) -> tuple[Array, Array]:
    """Joints (J, 3) and vertices (V, 3), cm, MHR axes, of a posed body whose head is ``head`` times as large and which
    is then scaled by ``size`` about the origin. 1 and 1 leave everybody as they are.
    """
    joints, surface = np.asarray(pose.translations, np.float64), np.asarray(vertices, np.float64)
    if size == 1.0 and head == 1.0:
        return joints, surface
    index = body.joint_index("c_head")
    below = body.skeleton.descends_from[index]
    pivot = joints[index]
    weight = (body.skin_weights * below[body.skin_indices]).sum(axis=1)[:, None]
    surface = surface + weight * (head - 1) * (surface - pivot)
    joints = joints + below[:, None] * (head - 1) * (joints - pivot)
    return joints * size, surface * size


def points(body: Body, joints: Array, vertices: Array) -> tuple[Array, Array]:
    """Keypoints (70, 3) and landmarks (L, 3) of joints (J, 3) and vertices (V, 3), in their units and axes."""
    everything = np.concatenate([vertices, joints])
    return body.keypoint_rows.combine(everything), body.landmark_rows.combine(everything)
