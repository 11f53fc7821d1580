"""MoveNet Thunder: the 17 points of COCO of one person in a window. (Its sister for several is in `multipose`.)

A second opinion beside BlazePose's: another architecture, trained on other pictures, so that where both agree both are
seldom wrong. It has no depth, no mask and no hands.

Source: Google's description of the model movenet/singlepose/thunder (version 4) on TensorFlow Hub (Apache-2.0): input,
output, the window that follows from points (https://www.tensorflow.org/hub/tutorials/movenet, "Cropping Algorithm").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.crops import Crop, Picture
from native_runtime.detection.landmarks import COCO_POINTS, SecondOpinion
from native_runtime.onnx.sessions import Network

Array = NDArray[Any]

INPUT_SIZE = 256
"""Side of Thunder's input in pixels."""

_SEEN = 0.2
"""Score from which a point counts for the next window; the documentation's own."""

_TORSO = [COCO_POINTS.index(name) for name in ("left_shoulder", "right_shoulder", "left_hip", "right_hip")]
_HIPS = _TORSO[2:]
# Margins of the next window around the farthest points of the torso and of the body; the documentation's own.
_TORSO_MARGIN, _BODY_MARGIN = 1.9, 1.2


@dataclass(frozen=True)
class MoveNetPoints(SecondOpinion):
    """What MoveNet says of one person."""

    def window(self, angle: float = 0.0) -> Crop | None:
        """The window, turned by `angle`, in which MoveNet sees this person best; None where it hardly sees a torso."""
        seen = self.scores > _SEEN
        if not seen[_TORSO[:2]].any() or not seen[_HIPS].any():
            return None
        x, y = self.points[_HIPS].mean(axis=0)
        away = np.abs((self.points - (x, y)) @ Crop(0.0, 0.0, 1.0, angle).axes).max(axis=1)
        half = max(_TORSO_MARGIN * away[_TORSO].max(), _BODY_MARGIN * away[seen].max())
        return Crop(float(x), float(y), 2.0 * float(half), angle)


def read_points(network: Network, picture: Picture, crop: Crop) -> MoveNetPoints:
    """The person in the middle of a window, by Thunder. Beyond the photo the window is black."""
    window = picture.sample(crop, INPUT_SIZE, cv2.BORDER_CONSTANT)
    found = network.run(image=window[None].astype(np.float32))["points"][0, 0].astype(float)
    return MoveNetPoints(crop.from_fractions(found[:, 1::-1]), found[:, 2])
