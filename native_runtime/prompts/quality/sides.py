"""Is a place the joint's own, or that of the other side's joint? By the ratio of the two likelihoods.

A prediction has each joint somewhere, with an error. Its density over the photo is Student's about the predicted place
(Kotz and Nadarajah, "Multivariate t distributions and their applications", 2004), as wide as the engine doubts the
joint, but for a share that may lie anywhere on the person: predictions fail in part. A place is as likely that of the
other side's joint as that density about it is larger than the one about the joint itself. Where both are far away,
neither is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .anatomy import mirrors
from .prediction import Prediction

Array = NDArray[Any]

FREEDOM, ANYWHERE, AREA = 3.0, 0.3, 0.3
"""Student's degrees of freedom, the share of places that may be anywhere, and what a person covers, in squares of their
size."""

SPREAD, DOUBT, MOST_DOUBT = 0.02, 0.5, 0.1
"""Person sizes: how far a joint is off ordinarily, what counts of the engine's doubt, and at most."""


SECOND = 0.3
"""What the second opinion counts of the evidence. It goes along with the prediction, which knows of it; but where it
contradicts, the prediction of a limb is often wrong. Where there is none, it is undecided."""


def wrong_side_evidence(prediction: Prediction, keypoint: int, place: Array) -> float:
    """Log of how many times likelier a place is the other side's joint than a joint's own: the mean of what prediction
    and second opinion say.

    Args:
        prediction: without a prompt for either.
        keypoint: index in MHR-70, of one side of the body.
        place: (2,) px.

    Returns:
        NaN where one of the two is not before the camera.
    """
    pair = [int(mirrors()[keypoint]), keypoint]
    spreads = np.hypot(SPREAD, np.minimum(DOUBT * prediction.doubt[pair], MOST_DOUBT))
    evidence = _log_ratio(place, prediction.keypoints_2d[pair], spreads, prediction.size)
    second = prediction.second
    other = 0.0
    if second is not None and np.isfinite(second.places[pair]).all():
        other = _log_ratio(place, second.places[pair], second.spreads[pair], prediction.size)
    return (1.0 - SECOND) * evidence + SECOND * other


def _log_ratio(place: Array, joints: Array, spreads: Array, size: float) -> float:
    """Log of the ratio of a place's densities about two joints (2, 2) px with spreads (2,) in person sizes."""
    away = np.linalg.norm(place - joints, axis=1) / size
    about = (1.0 + (away / spreads) ** 2 / FREEDOM) ** (-0.5 * (FREEDOM + 2.0)) / (2.0 * np.pi * spreads**2)
    density = (1.0 - ANYWHERE) * about + ANYWHERE / AREA
    return float(np.log(density[0] / density[1]))
