"""What BlazePose and MoveNet together say about a person's points: where they are, and how far they may be off.

Their errors are largely independent, so that the distance between them is the best known sign of an error
(``docs/fit.md`` has the figures). Where MoveNet is unsure of a point, BlazePose often errs as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.landmarks import BODY_POINTS, COCO_IN_BODY, SIDES, PersonLandmarks

Array = NDArray[np.float64]

UNSURE, SURE = 0.2, 0.6
"""MoveNet's scores up to which a point says nothing, and from which it counts fully."""

NEAR = 0.04
"""Parts of the person's size: farther apart, the two hardly mean the same place."""

WIDE = 0.1
"""Parts of the person's size: from here on it makes no difference how far the two are apart."""

UNKNOWN = 0.06
"""Where MoveNet is unsure, BlazePose errs as much as where the two are this far apart."""

SHARE = 0.4
"""MoveNet's share of the mean of two places that agree."""

AGREED, APART = 0.75, 3.0
"""Factors on a point's sigma: where the two meet, and where they are ``WIDE`` apart. Over rendered people BlazePose's
error grows in proportion to the factor between them (``docs/fit.md``)."""

RIVAL = 0.5
"""What MoveNet's own place is worth where it is another one."""

_FOLLOWING = {
    f"{side}_{name}": f"{side}_{joint}"
    for side in SIDES
    for joint, names in (("ankle", ("heel", "foot_index")), ("wrist", ("pinky", "index", "thumb")))
    for name in names
}
"""BlazePose points that COCO lacks -> the joint that they hang on, whose doubt is theirs."""

_IN_BODY = np.array(COCO_IN_BODY)


@dataclass(frozen=True)
class Agreement:
    """For each of BlazePose's 33 points; without a second opinion BlazePose's own places, and no doubt.

    Attributes:
        places: (33, 2) working px: the mean of the two where they agree, BlazePose's elsewhere.
        doubt: (33,) 0..``WIDE``: how far apart the two are, in parts of the person's size; where MoveNet is unsure or
            does not know the point, what that is worth.
        spread: (33,) factor on the sigma of the place.
        rivals: (33, 2) working px, MoveNet's own places.
        rival_weights: (33,) 0..1: what these are worth; 0 where they are BlazePose's, too.
    """

    places: Array
    doubt: Array
    spread: Array
    rivals: Array
    rival_weights: Array


def agreement(person: PersonLandmarks, size: float) -> Agreement:
    """Compare the two networks' points of a person.

    Args:
        size: the person's, working px.
    """
    own = np.array(person.points_2d, np.float64)
    count = len(BODY_POINTS)
    if person.second is None:
        return Agreement(own, np.zeros(count), np.ones(count), own, np.zeros(count))
    scores = np.asarray(person.second.scores, np.float64)
    # Beyond the photo neither knows anything.
    sure = np.clip((scores - UNSURE) / (SURE - UNSURE), 0.0, 1.0) * (person.presence[_IN_BODY] > 0)
    away = np.asarray(person.second.points, np.float64) - own[_IN_BODY]
    distance = np.linalg.norm(away, axis=1) / max(size, 1.0)
    alike = np.exp(-((distance / NEAR) ** 2))

    places, rivals = own.copy(), own.copy()
    places[_IN_BODY] += (SHARE * sure * alike)[:, None] * away
    rivals[_IN_BODY] = person.second.points
    rival_weights, doubt, spread = np.zeros(count), np.zeros(count), np.ones(count)
    rival_weights[_IN_BODY] = RIVAL * sure * (1.0 - alike)
    doubt[_IN_BODY] = sure * np.minimum(distance, WIDE) + (1.0 - sure) * UNKNOWN
    spread[_IN_BODY] = AGREED + (APART - AGREED) * doubt[_IN_BODY] / WIDE
    for name, joint in _FOLLOWING.items():
        point, parent = BODY_POINTS.index(name), BODY_POINTS.index(joint)
        doubt[point], spread[point] = doubt[parent], max(1.0, spread[parent])
    return Agreement(places, doubt, spread, rivals, rival_weights)
