"""Asking MoveNet about everybody whom BlazePose found, and reading BlazePose again where the two disagree.

The two networks are of different makes and learned from different pictures, so that their errors are largely
independent: the distance between them says more about BlazePose's error than its own visibility does. Where they
disagree widely, BlazePose has often looked through a window that held half of the person, or two people; the window
that follows from MoveNet's points is another chance. Its reading is kept only where it agrees far better.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection import movenet, pose
from native_runtime.detection.crops import Crop, Picture, upright_angle
from native_runtime.detection.landmarks import COCO_IN_BODY, COCO_POINTS, SecondOpinion
from native_runtime.detection.movenet import MoveNetPoints
from native_runtime.detection.pose import PoseReading
from native_runtime.onnx.sessions import Network

Array = NDArray[Any]

_IN_BODY = np.array(COCO_IN_BODY)
# The joints that are compared: from the shoulders to the ankles; on faces the two are as one.
_JOINTS = np.arange(COCO_POINTS.index("left_shoulder"), len(COCO_POINTS))
_SHOULDERS = [COCO_POINTS.index(f"{side}_shoulder") for side in ("left", "right")]
_HIPS = [COCO_POINTS.index(f"{side}_hip") for side in ("left", "right")]

# MoveNet's first window around what BlazePose sees of the person.
_MARGIN = 1.25
# MoveNet knows leaning and lying people, and sees them better as they are than turned; but not those upside down.
_UPSIDE_DOWN = math.radians(115)
# Somebody else is meant where the middles of the trunks are farther apart than this part of the person's size.
_SAME_TRUNK = 0.15
# MoveNet's scores from which a joint begins to count in a comparison, and from which it counts fully.
_UNSURE, _SURE = 0.2, 0.5
# The distance, in parts of the person's size, at which two networks do not mean the same place.
_WIDE = 0.1
# BlazePose is asked again where this share of what counts is wide apart, and the answer is kept where no more than this
# part of the disagreement is left and it shows about as much of a person.
_DISAGREEMENT = 0.08
_LEFT_OVER = 0.6
_AS_GOOD = 0.85
_LIKELY = 0.5  # probability of a person
# The part of its sureness in the picture before that is left where somebody is still seen as well.
_AS_SURE = 0.9
# BlazePose's window beyond the farthest point of MoveNet from the middle of the hips (its circle holds head and feet),
# and beside the length of the trunk, where the legs are not seen.
_CIRCLE, _CIRCLE_OF_TRUNK = 1.19, 1.92


def consult(
    thunder: Network,
    landmark: Network,
    picture: Picture,
    readings: Sequence[PoseReading],
    boxes: Sequence[Array],
    known: Sequence[SecondOpinion | None] = (),
) -> list[tuple[PoseReading, MoveNetPoints]]:
    """BlazePose's readings of everybody, some of them read again, each with what MoveNet sees (`ask`, `reconsider`), or
    an opinion that is sure of nothing (`unsure`).

    Args:
        thunder, landmark: the networks of MoveNet and BlazePose.
        boxes: (4,) x0 y0 x1 y1 px around what is seen of each.
        known: what MoveNet saw of each in the picture before, in a video; none elsewhere.
    """
    best = list(readings)
    seconds: list[MoveNetPoints] = []
    for index, box in enumerate(boxes):
        second = ask(thunder, picture, best[index], box, known[index] if known else None)
        if second is not None:
            others = [other for number, other in enumerate(best) if number != index]
            best[index] = reconsider(landmark, picture, best[index], second, others)
        seconds.append(second or unsure(best[index]))
    return list(zip(best, seconds, strict=True))


def unsure(reading: PoseReading) -> MoveNetPoints:
    """The opinion about somebody whom MoveNet does not see, or of whom it sees only a neighbour: BlazePose errs there
    more often, as it does wherever MoveNet is unsure."""
    return MoveNetPoints(reading.points[_IN_BODY], np.zeros(len(COCO_POINTS)))


def ask(
    network: Network, picture: Picture, reading: PoseReading, box: Array, known: SecondOpinion | None = None
) -> MoveNetPoints | None:
    """What MoveNet sees of a person; None where it sees somebody else there, or nobody.

    Args:
        reading: BlazePose's.
        box: (4,) x0 y0 x1 y1 px around what is seen of the person.
        known: what MoveNet saw in the picture before: one look is enough where it is as sure of the same person.
    """
    expected = None if known is None else MoveNetPoints(known.points, known.scores).window()
    if known is not None and expected is not None:
        followed = movenet.read_points(network, picture, expected)
        if _same_person(reading, followed) and _sureness(followed) >= _AS_SURE * _sureness(known):
            return followed
    around = _square((box[:2] + box[2:]) / 2, _MARGIN * float(max(box[2:] - box[:2])))
    windows = [around]
    if abs(math.remainder(reading.crop.angle, 2 * math.pi)) > _UPSIDE_DOWN:
        windows.append(around.turned(reading.crop.angle))
    best = max((movenet.read_points(network, picture, window) for window in windows), key=_sureness)
    if not _same_person(reading, best):
        # Beside others the person in the middle of the window counts: here the trunk is.
        hips, shoulders = _middles(reading.points[_IN_BODY])
        trunk = (hips + shoulders) / 2
        best = movenet.read_points(network, picture, _square(trunk, _nearer(reading)))
    following = best.window() if _same_person(reading, best) else None
    if following is not None:
        again = movenet.read_points(network, picture, following)
        if _same_person(reading, again):
            best = max(best, again, key=_sureness)
    return best if _same_person(reading, best) else None


def reconsider(
    network: Network, picture: Picture, reading: PoseReading, second: MoveNetPoints, others: Sequence[PoseReading]
) -> PoseReading:
    """BlazePose's reading through a window that MoveNet's points suggest, where that is clearly the better one.

    Args:
        network: BlazePose's.
        reading: what it saw so far, which is returned unless another window gives far more agreement.
        others: readings of other people, who must not be found twice.
    """
    before = disagreement(reading, second, picture)
    if before < _DISAGREEMENT:
        return reading
    best, least = reading, _LEFT_OVER * before
    for crop in _windows(second):
        first = pose.read_pose(network, picture, crop)
        for found in (first, pose.read_pose(network, picture, first.next_crop)):
            after = disagreement(found, second, picture)
            good = found.score >= _LIKELY and found.quality >= _AS_GOOD * reading.quality
            if good and after < least and _same_person(found, second) and not _is_of(found, reading, others):
                best, least = found, after
    if best is reading:
        return reading
    averaged = pose.average(best, pose.read_pose(network, picture, best.crop, mirrored=True))
    return averaged if disagreement(averaged, second, picture) < _LEFT_OVER * before else reading


def disagreement(reading: PoseReading, second: MoveNetPoints, picture: Picture) -> float:
    """0..1: the share of the joints MoveNet is sure of that BlazePose has elsewhere; small distances count less."""
    points = second.points[_JOINTS]
    weights = np.clip((second.scores[_JOINTS] - _UNSURE) / (_SURE - _UNSURE), 0.0, 1.0) * picture.contains(points)
    if weights.sum() < 1.0:  # it sees too little to say anything
        return 0.0
    away = np.linalg.norm(reading.points[_IN_BODY[_JOINTS]] - points, axis=1) / size_of(second)
    return float(weights @ np.minimum((away / _WIDE) ** 2, 1.0) / weights.sum())


def size_of(second: MoveNetPoints) -> float:
    """Px: how long the person's box is; at least that of somebody standing with the trunk's length."""
    sure = second.scores >= _UNSURE
    box = float(np.ptp(second.points[sure], axis=0).max()) if sure.any() else 0.0
    hips, shoulders = _middles(second.points)
    return max(box, 3.0 * float(np.linalg.norm(shoulders - hips)), 1.0)


def _square(centre: Array, side: float) -> Crop:
    return Crop(float(centre[0]), float(centre[1]), side)


def _sureness(second: SecondOpinion) -> float:
    return float(second.scores[_JOINTS].mean())


def _middles(points: Array) -> tuple[Array, Array]:
    """(2,) px each: the middles of the hips and of the shoulders of (17, 2) points."""
    return points[_HIPS].mean(axis=0), points[_SHOULDERS].mean(axis=0)


def _same_person(reading: PoseReading, second: MoveNetPoints) -> bool:
    mine, its = (np.mean(_middles(points), axis=0) for points in (reading.points[_IN_BODY], second.points))
    return float(np.linalg.norm(mine - its)) < _SAME_TRUNK * max(size_of(second), _nearer(reading) / 2)


def _nearer(reading: PoseReading) -> float:
    """Px: the side of a window for the trunk, head and arms of a person."""
    hips, shoulders = _middles(reading.points[_IN_BODY])
    return max(4.0 * float(np.linalg.norm(shoulders - hips)), 0.4 * reading.crop.size)


def _windows(second: MoveNetPoints) -> list[Crop]:
    """BlazePose's windows for the person: around all that MoveNet sees, and as large as somebody with that trunk."""
    hips, shoulders = _middles(second.points)
    sure = second.scores >= _UNSURE
    farthest = float(np.linalg.norm(second.points[sure] - hips, axis=1).max())
    trunk = float(np.linalg.norm(shoulders - hips))
    angle = upright_angle(hips, shoulders)
    radii = [_CIRCLE * farthest]
    if _CIRCLE_OF_TRUNK * trunk > 1.15 * radii[0]:
        radii.append(_CIRCLE_OF_TRUNK * trunk)
    up = np.array([math.sin(angle), -math.cos(angle)])
    return [pose.crop_around(hips, hips + radius * up) for radius in radii]


def _is_of(found: PoseReading, reading: PoseReading, others: Sequence[PoseReading]) -> bool:
    """Whether a new reading of one person is rather of one of the others."""

    def away(other: PoseReading) -> float:
        return float(np.linalg.norm(found.points - other.points, axis=1).mean())

    return any(away(other) < away(reading) and away(other) < _SAME_TRUNK * found.crop.size for other in others)
