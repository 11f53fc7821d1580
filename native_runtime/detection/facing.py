"""Which way somebody faces, where the two networks contradict each other.

A silhouette is the same from before and from behind. Now and then one of the networks takes the back for the front: all
of its points lie where the other one has those of the other side. Then the face decides: whoever faces the camera shows
one, and a face detector sees it if it is large enough.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.landmarks import COCO_IN_BODY, COCO_POINTS, FaceReading, SecondOpinion
from native_runtime.detection.pose import MIRRORED, PoseReading

Array = NDArray[Any]

# The torso: shoulders and hips, of COCO's points and of BlazePose's.
_TORSO = [COCO_POINTS.index(f"{side}_{joint}") for joint in ("shoulder", "hip") for side in ("left", "right")]
_TORSO_IN_BODY = [COCO_IN_BODY[index] for index in _TORSO]
_OTHER_SIDE = [1, 0, 3, 2]
_FACE = slice(0, 11)

# MoveNet must be this sure of shoulders and hips, and nearer to BlazePose's of the other side by this factor.
_SURE, _NEARER = 0.4, 0.5
# Side by side the torso's points must be this wide, in lengths of the trunk: somebody seen from the side faces neither
# way.
_WIDE = 0.25
# No face is one that is turned away where BlazePose's points of it are this wide or tall (px); a face of this
# probability is convincing, and a lesser one decides nothing. Of 40 rendered people seen from before 30 show a
# convincing one, of 17 from behind 2.
_LARGE_FACE = 15.0
_FACE_SCORE = 0.7
# What is left of the visibility of a face that is turned away.
_TURNED_AWAY = 0.1


def contradict(reading: PoseReading, second: SecondOpinion) -> bool:
    """Whether MoveNet clearly sees a torso whose left and right are BlazePose's right and left."""
    if np.min(second.scores[_TORSO]) < _SURE:
        return False
    own, its = reading.points[_TORSO_IN_BODY], second.points[_TORSO]
    trunk = max(float(np.linalg.norm(own[:2].mean(axis=0) - own[2:].mean(axis=0))), 1.0)
    width = float(np.linalg.norm(own[0::2] - own[1::2], axis=1).max())
    direct, crossed = (float(np.linalg.norm(points - its, axis=1).mean()) for points in (own, own[_OTHER_SIDE]))
    return width > _WIDE * trunk and crossed < _NEARER * direct


def faces_camera(points: Array) -> bool:
    """Whether a body with these points ((33, 2) px) is seen from before: whichever way up it is, its left shoulder is
    clockwise of its head."""
    left, right, left_hip, right_hip = points[_TORSO_IN_BODY]
    up, aside = left + right - left_hip - right_hip, left - right
    return bool(up[0] * aside[1] - up[1] * aside[0] > 0)


def settled(reading: PoseReading, face: FaceReading | None) -> PoseReading:
    """A reading that MoveNet contradicts, turned about where the face speaks against it.

    Args:
        face: what the face detector sees there; None for no face.
    """
    if face is None:
        undecided = float(np.ptp(reading.points[_FACE], axis=0).max()) < _LARGE_FACE
    else:
        undecided = face.score < _FACE_SCORE
    return reading if undecided or faces_camera(reading.points) == (face is not None) else turned_about(reading)


def continued(reading: PoseReading, before: Array) -> PoseReading:
    """A reading of a video's picture that MoveNet contradicts, turned as the person was before ((33, 2) px)."""
    return reading if faces_camera(reading.points) == faces_camera(before) else turned_about(reading)


def turned_about(reading: PoseReading) -> PoseReading:
    """The same picture of a body that faces the other way: left and right are exchanged, near and far as well."""
    visibility = reading.visibility[MIRRORED].copy()
    if faces_camera(reading.points):
        visibility[_FACE] *= _TURNED_AWAY
    return replace(
        reading,
        fractions=reading.fractions[MIRRORED],
        world=reading.world[MIRRORED] * (1.0, 1.0, -1.0),
        visibility=visibility,
        presence=reading.presence[MIRRORED],
        glimpses=None,  # the network took the front for the back, and all that follows from its features would too
    )
