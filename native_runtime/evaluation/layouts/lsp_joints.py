"""The 14 joints of the Leeds Sports Pose data sets, which other layouts begin with as well."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from native_runtime.evaluation.truth import nowhere

Array = NDArray[np.float64]

#: MHR-70's numbers of the first 12: right ankle, knee, hip, left hip, knee, ankle, right wrist, elbow, shoulder, left
#: shoulder, elbow, wrist. Neck and top of the head follow; neither is at a place of MHR-70.
LSP_TO_MHR = (14, 12, 10, 9, 11, 13, 41, 8, 6, 5, 7, 62)
NECK, HEAD_TOP = 12, 13


def mhr_keypoints(joints: Array, known: NDArray[np.bool_]) -> Array:
    """(70, C): joints (J, C), J at least 12, that are known (J,) as keypoints of MHR-70; NaN elsewhere."""
    points = nowhere(joints.shape[1])
    count = len(LSP_TO_MHR)
    points[list(LSP_TO_MHR)] = np.where(known[:count, None], joints[:count], np.nan)
    return points


def head_size(joints: Array, known: NDArray[np.bool_]) -> float | None:
    """px between neck and top of the head: the unit of PCKh where no box of the head is annotated."""
    if not (known[NECK] and known[HEAD_TOP]):
        return None
    return float(np.linalg.norm(joints[NECK, :2] - joints[HEAD_TOP, :2])) or None
