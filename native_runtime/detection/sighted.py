"""Reading the people whom MultiPose sees with BlazePose's landmark network.

MultiPose tells people apart, but knows only 17 points in the picture's plane; the landmark network knows 33 in space
and a mask, but drifts to whoever is most prominent. So each sighting gives a window, and a reading counts only as far
as it agrees with its sighting.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection import pose
from native_runtime.detection.alone import alone, neighbours
from native_runtime.detection.crops import Crop, Picture, upright_angle
from native_runtime.detection.landmarks import BODY_POINTS, COCO_IN_BODY, COCO_POINTS
from native_runtime.detection.multipose import (
    ANKLES,
    HEAD,
    HIPS,
    MIRRORED,
    SHOULDERS,
    Sighting,
)
from native_runtime.detection.pose import PoseReading
from native_runtime.detection.sightings import REACH, agreement, find_at
from native_runtime.onnx.sessions import Network

Array = NDArray[Any]

# How far the body reaches beyond points of the head, the ankles and all others, in lengths of the trunk; the least
# radius of the circle around the hips that holds the body (the legs may be out of sight); and the window's margin.
_BEYOND_HEAD, _BEYOND_ANKLES, _BEYOND_OTHERS = 0.4, 0.2, 0.1
_LEAST_RADIUS = 1.8
_MARGIN = 1.2

_PASSES = 3
# A reading that agrees with its sighting by this much needs no second look in a picture where the person is alone.
_AGREES = 0.75
# Below this it is of somebody else, or of nobody.
_LEAST_AGREEMENT = 0.4
_LEAST_SCORE = 0.3
# How clearly MultiPose must see somebody who was found without it.
_CONFIRMING = 0.22
# A point of a reading that lies within this distance (lengths of the trunk) of a neighbour's point of its kind, and
# nearer to it than to the person's own, is the neighbour's; its visibility is multiplied by the second number.
_TAKEN, _TAKEN_VISIBILITY = 0.2, 0.1
# BlazePose's points that belong together with one of COCO's.
_PARTS = {"wrist": ("wrist", "pinky", "index", "thumb"), "ankle": ("ankle", "heel", "foot_index")}
_IN_BODY = np.array(COCO_IN_BODY)
_AS_THEY_ARE = list(range(len(COCO_POINTS)))
_FOLLOWING = {
    name: [
        BODY_POINTS.index(name.replace(part, following))
        for part in [name.partition("_")[2] or name]
        for following in _PARTS.get(part, (part,))
    ]
    for name in COCO_POINTS
}


@dataclass(frozen=True)
class SightedReading:
    """A person whom both networks see."""

    reading: PoseReading
    sighting: Sighting
    agreement: float
    """How well they agree, 0..1."""


def read_all(landmark: Network, picture: Picture, sightings: Sequence[Sighting]) -> Iterator[SightedReading]:
    """Readings of those of the sightings that the landmark network sees as well, in their order."""
    for sighting in sightings:
        found = read(landmark, picture, sighting, sightings)
        if found is not None:
            yield found


def read(landmark: Network, picture: Picture, sighting: Sighting, others: Sequence[Sighting]) -> SightedReading | None:
    """The person of a sighting among `others`; None where the landmark network sees somebody else or nobody."""
    crop = crop_of(sighting)
    near = neighbours(sighting, others, crop)
    agreed, reading, shown = _best(landmark, picture, sighting, crop)
    if near and agreed < _AGREES:
        by_themselves = _best(landmark, alone(picture, sighting, near, crop), sighting, crop)
        if by_themselves[0] > agreed:
            agreed, reading, shown = by_themselves
    if agreed < _LEAST_AGREEMENT or reading.score < _LEAST_SCORE:
        return None
    mirrored = pose.read_pose(landmark, shown, reading.crop, mirrored=True)
    if _agreement(sighting, mirrored) >= _LEAST_AGREEMENT:
        reading = pose.average(reading, mirrored)
    return SightedReading(without_taken_points(reading, sighting, near), sighting, _agreement(sighting, reading))


def is_seen(multipose: Network, picture: Picture, reading: PoseReading) -> bool:
    """Whether MultiPose sees, at least faintly, whom the landmark network has read."""
    there = find_at(multipose, picture, reading.crop)
    return any(
        sighting.strength >= _CONFIRMING and _agreement(sighting, reading) >= _LEAST_AGREEMENT for sighting in there
    )


def crop_of(sighting: Sighting) -> Crop:
    """The landmark network's window for a sighting."""
    hips, shoulders = (sighting.points[pair].mean(axis=0) for pair in (HIPS, SHOULDERS))
    beyond = np.full(len(COCO_POINTS), _BEYOND_OTHERS)
    beyond[HEAD], beyond[ANKLES] = _BEYOND_HEAD, _BEYOND_ANKLES
    reaches = np.hypot(*(sighting.points - hips).T) + beyond * sighting.size
    radius = max(reaches[sighting.seen].max(initial=0.0), _LEAST_RADIUS * sighting.size)
    return Crop(float(hips[0]), float(hips[1]), 2 * _MARGIN * float(radius), upright_angle(hips, shoulders))


def _best(landmark: Network, picture: Picture, sighting: Sighting, crop: Crop) -> tuple[float, PoseReading, Picture]:
    """The reading that agrees best with the sighting, among those of its window and of the windows that follow."""
    best = reading = pose.read_pose(landmark, picture, crop)
    agreed = _agreement(sighting, reading)
    for _ in range(_PASSES):
        if reading.score < _LEAST_SCORE or pose.is_stable(reading.crop, reading.next_crop):
            break
        reading = pose.read_pose(landmark, picture, reading.next_crop)
        following = _agreement(sighting, reading)
        if following < 0.5 * agreed:
            break
        # Later windows fit better where both agree as well.
        if following * reading.quality >= 0.95 * agreed * best.quality:
            best, agreed = reading, following
    return agreed, best, picture


def _agreement(sighting: Sighting, reading: PoseReading) -> float:
    """How well the points agree, 0..1, with left and right exchanged where that is better: of people from behind, one
    of the two networks often takes the back for the front."""
    return max(_agreement_in(sighting, reading, order) for order in (_AS_THEY_ARE, MIRRORED))


def _agreement_in(sighting: Sighting, reading: PoseReading, order: list[int]) -> float:
    weights = sighting.confidences * sighting.seen
    return agreement(reading.points[_IN_BODY][order], sighting.points, weights, REACH * sighting.size)


def without_taken_points(reading: PoseReading, sighting: Sighting, near: Sequence[Sighting]) -> PoseReading:
    """The reading with little trust in points that are a neighbour's: an arm or a hip of each makes a body of two."""
    if not near:
        return reading
    points, reach = reading.points[_IN_BODY], _TAKEN * sighting.size
    # which point of the sighting is which of the reading's
    order = max((_AS_THEY_ARE, MIRRORED), key=lambda sides: _agreement_in(sighting, reading, sides))
    own = np.where(sighting.seen[order], np.hypot(*(points - sighting.points[order]).T), math.inf)
    theirs = np.full(len(COCO_POINTS), math.inf)
    for other in near:
        # A neighbour's left elbow may be taken for somebody's right one.
        for order in (_AS_THEY_ARE, MIRRORED):
            distances = np.hypot(*(points - other.points[order]).T)
            theirs = np.minimum(theirs, np.where(other.seen[order], distances, math.inf))
    visibility = reading.visibility.copy()
    for point in np.flatnonzero((theirs < reach) & (theirs < own)):
        visibility[_FOLLOWING[COCO_POINTS[point]]] *= _TAKEN_VISIBILITY
    return replace(reading, visibility=visibility)
