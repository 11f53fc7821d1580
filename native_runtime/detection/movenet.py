"""MoveNet: the 17 points of COCO, of one person in a window (Thunder) or of up to six people (MultiPose).

A second opinion beside BlazePose's: another architecture, trained on other pictures, so that where both agree both are
seldom wrong. It has no depth, no mask and no hands.

Sources: Google's descriptions of the models movenet/singlepose/thunder (version 4) and movenet/multipose/lightning
(version 1) on TensorFlow Hub (Apache-2.0): inputs, outputs, the window that follows from points
(https://www.tensorflow.org/hub/tutorials/movenet, "Cropping Algorithm").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.crops import Crop, Picture
from native_runtime.detection.landmarks import BODY_POINTS
from native_runtime.onnx.sessions import Network

Array = NDArray[Any]

COCO_POINTS: tuple[str, ...] = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""The 17 points of COCO in their order; left and right are the person's own."""

IN_BODY_POINTS = np.array([BODY_POINTS.index(name) for name in COCO_POINTS])
"""(17,) where each of them is among BlazePose's points."""

INPUT_SIZE = 256
"""Side of Thunder's input in pixels."""

STRIDE = 32
"""MultiPose's input may have any size whose sides are multiples of this."""

_SEEN = 0.2
"""Score from which a point counts for the next window; the documentation's own."""

_TORSO = [COCO_POINTS.index(name) for name in ("left_shoulder", "right_shoulder", "left_hip", "right_hip")]
_HIPS = _TORSO[2:]
# Margins of the next window around the farthest points of the torso and of the body; the documentation's own.
_TORSO_MARGIN, _BODY_MARGIN = 1.9, 1.2


@dataclass(frozen=True)
class MoveNetPoints:
    """What MoveNet says of one person.

    Attributes:
        points: (17, 2) px of the photo, in the order of `COCO_POINTS`.
        scores: (17,) 0..1: how sure it is of each.
    """

    points: Array
    scores: Array

    def window(self) -> Crop | None:
        """The upright window in which MoveNet sees this person best; None where it hardly sees a torso."""
        seen = self.scores > _SEEN
        if not seen[_TORSO[:2]].any() or not seen[_HIPS].any():
            return None
        centre = self.points[_HIPS].mean(axis=0)
        away = np.abs(self.points - centre).max(axis=1)
        half = max(_TORSO_MARGIN * away[_TORSO].max(), _BODY_MARGIN * away[seen].max())
        return Crop(float(centre[0]), float(centre[1]), 2.0 * float(half))


@dataclass(frozen=True)
class MoveNetPerson(MoveNetPoints):
    """One of several people.

    Attributes:
        box: (4,) x0 y0 x1 y1 px of the photo.
        score: 0..1: how sure MoveNet is that this is somebody.
    """

    box: Array
    score: float


def read_points(network: Network, picture: Picture, crop: Crop) -> MoveNetPoints:
    """The person in the middle of a window, by Thunder. Beyond the photo the window is black."""
    window = picture.sample(crop, INPUT_SIZE, cv2.BORDER_CONSTANT)
    found = network.run(image=window[None].astype(np.float32))["points"][0, 0].astype(float)
    return MoveNetPoints(crop.from_fractions(found[:, 1::-1]), found[:, 2])


def read_people(
    network: Network, picture: Picture, crop: Crop, pixels: int = 256, least: float = 0.0
) -> list[MoveNetPerson]:
    """Up to six people in a window that is not turned, by MultiPose; the surest first.

    Args:
        crop: the window; what of it lies outside the photo is not looked at.
        pixels: side of the input for the whole window, a multiple of `STRIDE`: the larger, the smaller people it sees.
        least: people whose score is lower are left out.

    Raises:
        ValueError: `pixels` is no multiple of `STRIDE`, or the window is turned.
    """
    if pixels % STRIDE or pixels < STRIDE or crop.angle:
        raise ValueError(f"pixels must be a multiple of {STRIDE} and the window upright")
    window = picture.sample(crop, pixels, cv2.BORDER_CONSTANT)
    left, top, right, bottom = _shown(picture, crop, pixels)
    part = window[top:bottom, left:right]
    if not part.size:
        return []
    found = network.run(image=part[None].astype(np.float32))["people"][0].astype(float)
    # Fractions of the part -> of the window.
    scale, shift = np.array([right - left, bottom - top]) / pixels, np.array([left, top]) / pixels
    people = []
    for row in found[found[:, 55] >= least]:
        points = row[:51].reshape(17, 3)
        corners = crop.from_fractions(row[51:55].reshape(2, 2)[:, ::-1] * scale + shift)
        people.append(
            MoveNetPerson(
                crop.from_fractions(points[:, 1::-1] * scale + shift), points[:, 2], corners.reshape(4), float(row[55])
            )
        )
    return sorted(people, key=lambda person: -person.score)


def _shown(picture: Picture, crop: Crop, pixels: int) -> tuple[int, int, int, int]:
    """(left, top, right, bottom): the part of the sampled window that shows the photo, in multiples of `STRIDE`."""
    corners = np.array([[-0.5, -0.5], [picture.width - 0.5, picture.height - 0.5]])
    low, high = np.clip(crop.to_fractions(corners), 0.0, 1.0) * pixels / STRIDE
    first, last = np.floor(low + 1e-6), np.ceil(high - 1e-6)
    left, top, right, bottom = (int(value) * STRIDE for value in (*first, *last))
    return left, top, right, bottom
