"""MediaPipe's hand networks: find the palm near a wrist, then the 21 points of the hand.

Sources: MediaPipe's modules palm_detection, hand_landmark and holistic_landmark (Apache-2.0): anchors, regions of
interest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.detection import anchors
from native_runtime.detection.crops import Crop, Picture, upright_angle
from native_runtime.detection.landmarks import BODY_POINTS, HAND_POINTS, HandLandmarks
from native_runtime.onnx.sessions import Network

Array = NDArray[Any]

PALM_INPUT = 192
_PALM_ANCHORS = anchors.anchor_centres(PALM_INPUT, (8, 16, 16, 16))
_PALM_THRESHOLD = 0.3  # lower than MediaPipe's 0.5: that a hand should be there is known from the body
_PALM_OVERLAP = 0.3
_PALM_WRIST, _PALM_MIDDLE = 0, 2
_PALM_SCALE, _PALM_SHIFT = 2.6, -0.5

HAND_INPUT = 224
HAND_COUNT = len(HAND_POINTS)
_HAND_SCALE, _HAND_SHIFT = 2.0, -0.1
# The points of the palm and the first joints: they say where the hand is, whatever the fingers do.
_STABLE_POINTS = [0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18]

_SCORE_THRESHOLD = 0.5
# The body says which side a hand is of; it is overruled (the hand is somebody else's) only below this.
_LEAST_LIKELIHOOD = 0.1
# Above this confidence the window that follows from the body is good enough, and the palm is not searched for.
_SURE = 0.95
# The size of that window relative to the one in which palms are searched.
_DIRECT_SCALE = 0.65
_PASSES = 3
# Where the network sees no trace of a hand, a second look through a window that it made up is useless.
_HOPELESS = 0.05
# A hand smaller than this (px, the longer side of the box around its points) is not worth reading.
_SMALLEST_HAND = 20.0
# Two hands whose points are closer on average than this fraction of their extent are one hand.
_SHARED_DISTANCE = 0.35


@dataclass(frozen=True)
class HandReading:
    """What the network says about one window."""

    crop: Crop
    score: float
    rightness: float
    """The probability that it is a right hand."""
    fractions: Array
    """(21, 2) of the window, edge to edge."""
    world: Array
    """(21, 3) m, x right and y down in the photo, z forward; origin at the hand's centre."""

    @property
    def points(self) -> Array:
        """(21, 2) photo px."""
        return self.crop.from_fractions(self.fractions)

    def likelihood(self, side: str) -> float:
        """The probability that it is a hand of `side`."""
        return self.rightness if side == "right" else 1.0 - self.rightness

    def confidence(self, side: str) -> float:
        """For choosing among readings: that there is a hand, and of this side (which the network often confuses)."""
        return self.score * (1.0 + self.likelihood(side)) / 2


def read_hand(
    palm_network: Network, hand_network: Network, picture: Picture, body_points: Array, side: str, person_size: float
) -> HandLandmarks | None:
    """The person's `side` hand, or None where it is hidden, outside the photo or too small.

    Args:
        palm_network: the palm detector.
        hand_network: the landmarks of a hand.
        picture: the photo.
        body_points: (33, 2) px.
        side: "left" or "right".
        person_size: side of the person's window in px; bounds the size of the hand from below where it points at us.
    """
    wrist, index, pinky = (body_points[BODY_POINTS.index(f"{side}_{name}")] for name in ("wrist", "index", "pinky"))
    rough = _crop_from_body(wrist, index, pinky, person_size)
    if not _is_inside(rough, picture) or rough.size < 1.5 * _SMALLEST_HAND:
        return None
    direct = _follow(hand_network, picture, rough.scaled(_DIRECT_SCALE))
    readings = [direct]
    if direct.confidence(side) < _SURE:
        readings += [_follow(hand_network, picture, crop) for crop in _palm_crops(palm_network, picture, rough)]
    readings = [r for r in readings if r.score >= _SCORE_THRESHOLD and _belongs(r, wrist, rough.size)]
    if not readings:
        return None
    return _confirmed(hand_network, picture, max(readings, key=lambda r: r.confidence(side)), side)


def follow_hand(
    hand_network: Network,
    picture: Picture,
    known: HandLandmarks,
    wrist_before: Array,
    body_points: Array,
    person_size: float,
) -> HandLandmarks | None:
    """A hand in the next picture of a video, where it moved with the wrist; None where it is lost.

    Args:
        known: the hand in the picture before.
        wrist_before: (2,) px, the body's wrist there.
        body_points, person_size: as for ``read_hand``, in the picture.
    """
    wrist, index, pinky = (body_points[BODY_POINTS.index(f"{known.side}_{n}")] for n in ("wrist", "index", "pinky"))
    rough = _crop_from_body(wrist, index, pinky, person_size)
    window = _crop_from_hand(known.points_2d + (wrist - wrist_before))
    if not _is_inside(window, picture) or rough.size < 1.5 * _SMALLEST_HAND:
        return None
    reading = _read(hand_network, picture, window)
    if reading.score < _SCORE_THRESHOLD or not _belongs(reading, wrist, rough.size):
        return None
    return _confirmed(hand_network, picture, reading, known.side)


def _confirmed(network: Network, picture: Picture, best: HandReading, side: str) -> HandLandmarks | None:
    """A reading averaged with its mirror image's; None where that says that there is no such hand."""
    best = _average(best, _read(network, picture, best.crop, mirrored=True))
    if (
        best.score < _SCORE_THRESHOLD
        or best.likelihood(side) < _LEAST_LIKELIHOOD
        or _extent(best.points) < _SMALLEST_HAND
    ):
        return None
    return HandLandmarks(best.points, best.world, best.score, side)


def drop_shared_hand(left: HandLandmarks | None, right: HandLandmarks | None) -> tuple[HandLandmarks | None, ...]:
    """Where both sides were given the same hand of the photo, leave it to the side that is surer of it."""
    if left is None or right is None:
        return left, right
    distance = float(np.hypot(*(left.points_2d - right.points_2d).T).mean())
    if distance > _SHARED_DISTANCE * max(_extent(left.points_2d), _extent(right.points_2d)):
        return left, right
    return (left, None) if left.score >= right.score else (None, right)


def _crop_from_body(wrist: Array, index: Array, pinky: Array, person_size: float) -> Crop:
    """A generous window around the hand by the body's own points (MediaPipe's holistic module, wider)."""
    knuckles = (2 * index + pinky) / 3
    length = float(np.hypot(*(knuckles - wrist)))
    reach = max(length, 0.03 * person_size)
    centre = wrist + (knuckles - wrist) * (0.9 if length else 0.0)
    return Crop(float(centre[0]), float(centre[1]), 4.5 * reach, upright_angle(wrist, knuckles) if length else 0.0)


def _palm_crops(network: Network, picture: Picture, crop: Crop) -> list[Crop]:
    """Windows for the landmark network around the palms found in `crop`, best first."""
    window = picture.sample(crop, PALM_INPUT, cv2.BORDER_CONSTANT).astype(np.float32) / 255.0
    output = network.run(image=window[None])
    found = anchors.decode(output["boxes"][0], output["scores"][0, :, 0], _PALM_ANCHORS, PALM_INPUT, _PALM_THRESHOLD)
    boxes, points, probabilities = anchors.weighted_suppression(*found, _PALM_OVERLAP)
    # A neighbour's hand may be in the window too: what lies in the middle is more likely the one meant.
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    order = np.argsort(-probabilities * np.exp(-4 * np.hypot(*(centres - 0.5).T) ** 2), kind="stable")
    crops = []
    for box, palm in zip(boxes[order], points[order]):
        centre = crop.from_fractions((box[:2] + box[2:]) / 2)
        size = float(max(box[2:] - box[:2])) * crop.size
        wrist, middle = crop.from_fractions(palm[[_PALM_WRIST, _PALM_MIDDLE]])
        square = Crop(float(centre[0]), float(centre[1]), size, upright_angle(wrist, middle))
        crops.append(square.shifted(0.0, _PALM_SHIFT).scaled(_PALM_SCALE))
    return crops[:2]


def _crop_from_hand(points: Array) -> Crop:
    """The window that shows a hand with these (21, 2) px points best (MediaPipe's HandLandmarksToRectCalculator)."""
    wrist = points[0]
    knuckles = (points[5] + points[13]) / 4 + points[9] / 2
    angle = upright_angle(wrist, knuckles)
    axes = Crop(0.0, 0.0, 1.0, angle).axes
    turned = points[_STABLE_POINTS] @ axes
    low, high = turned.min(axis=0), turned.max(axis=0)
    centre = axes @ ((low + high) / 2)
    square = Crop(float(centre[0]), float(centre[1]), float(max((high - low).max(), 1.0)), angle)
    return square.shifted(0.0, _HAND_SHIFT).scaled(_HAND_SCALE)


def _follow(network: Network, picture: Picture, crop: Crop) -> HandReading:
    """Read the hand in `crop`, then through the windows that follow from the readings; the last reading."""
    reading = _read(network, picture, crop)
    for _ in range(_PASSES - 1):
        if reading.score < _HOPELESS:
            break
        reading = _read(network, picture, _crop_from_hand(reading.points))
    return reading


def _read(network: Network, picture: Picture, crop: Crop, mirrored: bool = False) -> HandReading:
    window = picture.sample(crop, HAND_INPUT).astype(np.float32) / 255.0
    if mirrored:
        window = np.ascontiguousarray(window[:, ::-1])
    output = network.run(image=window[None])
    fractions = output["landmarks"].reshape(HAND_COUNT, 3)[:, :2].astype(float) / HAND_INPUT
    world = output["world"].reshape(HAND_COUNT, 3).astype(float)
    rightness = float(output["handedness"][0, 0])
    if mirrored:
        fractions = fractions * (-1.0, 1.0) + (1.0, 0.0)
        world = world * (-1.0, 1.0, 1.0)
        rightness = 1.0 - rightness
    world[:, :2] = world[:, :2] @ crop.axes.T
    return HandReading(crop, float(output["presence"][0, 0]), rightness, fractions, world)


def _average(plain: HandReading, mirrored: HandReading) -> HandReading:
    return HandReading(
        plain.crop,
        (plain.score + mirrored.score) / 2,
        (plain.rightness + mirrored.rightness) / 2,
        (plain.fractions + mirrored.fractions) / 2,
        (plain.world + mirrored.world) / 2,
    )


def _is_inside(crop: Crop, picture: Picture) -> bool:
    return -0.5 <= crop.x <= picture.width - 0.5 and -0.5 <= crop.y <= picture.height - 0.5


def _belongs(reading: HandReading, wrist: Array, reach: float) -> bool:
    """Whether the hand's wrist lies near the body's (within a third of the rough window)."""
    return float(np.hypot(*(reading.points[0] - wrist))) < reach / 3


def _extent(points: Array) -> float:
    return float((points.max(axis=0) - points.min(axis=0)).max())
