"""Hands: where the body decoder sees them, the left one through a mirror, and which of them to believe.

The hand decoder only knows right hands: a left one is shown to it mirrored. Facts: ``run_inference`` of the reference
(``models/meta_arch/sam3d_body.py``); its arrays have the left hand before the right one, as here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from native_runtime.image.reading import Photo
from native_runtime.mhr.rotations import rotation_angle, xzy_to_matrix
from native_runtime.models import sam3d_body_layout as layout

from .parameters import Constants
from .prediction import Prediction
from .preprocess import HAND_PADDING, Crops, mirrored

Array = NDArray[Any]
Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")

# Joints and keypoints of MHR, left and right.
LOWER_ARMS = [76, 40]
_WRIST_TWISTS = [77, 41]
_RIGHT_WRIST_JOINT = 42
WRISTS = (62, 41)
ELBOWS = (7, 8)
#: The body pose's numbers of each wrist: about x, z and y.
WRIST_ANGLES = np.array([[41, 43, 42], [31, 33, 32]])
#: The compact scale of each hand's size, and where the numbers that both hands share begin.
HAND_SCALE = {"left": 9, "right": 8}


@dataclass(frozen=True)
class HandCriteria:
    """When a hand of the hand decoder replaces that of the body decoder.

    Attributes:
        wrist_angle: rad; it must turn less from the body decoder's first wrist.
        box_side: px; its crop must be larger.
        reach: all of it must lie within this part of the crop, from its middle.
        wrist_distance: its wrist must lie closer to the body's, in sides of a hand's crop.
    """

    wrist_angle: float = 1.4
    box_side: float = 64.0
    reach: float = 0.5
    wrist_distance: float = 0.25


def hand_boxes(boxes: Array, affine: Array, size: int) -> tuple[Array, Array]:
    """Square boxes of the left and of the right hands, each (B, 4) float32 x0 y0 x1 y1 px of the photo.

    Args:
        boxes: (B, 2, 4) the body decoder's: centre x, y, width, height, 0..1 of the crop.
        affine: (B, 2, 3) photo px -> crop px.
        size: the crop's side, px.
    """
    affine = np.asarray(affine, np.float32)
    pixels = np.asarray(boxes, np.float32) * np.float32(size)
    scale = affine[:, 0, 0, None, None]
    centre = (pixels[..., :2] - affine[:, None, :, 2]) / scale
    half = pixels[..., 2:].max(axis=2, keepdims=True) / scale / np.float32(2)
    both = np.concatenate([centre - half, centre + half], axis=2)
    return both[:, 0], both[:, 1]


def mirror_boxes(boxes: Array, width: int) -> Array:
    """Boxes (B, 4) of a photo ``width`` px wide in its mirror image."""
    x0, y0, x1, y1 = np.asarray(boxes).T
    return np.stack([width - x1 - 1, y0, width - x0 - 1, y1], axis=1)


def hand_crops(prediction: Prediction, crops: Crops, width: int) -> dict[Side, Crops]:
    """The crops of both hands, where the body decoder sees them; the left ones are of the mirrored photo."""
    left, right = hand_boxes(prediction.hand_boxes, crops.affine, crops.size)
    return {
        "left": Crops.around(mirror_boxes(left, width), crops.size, HAND_PADDING),
        "right": Crops.around(right, crops.size, HAND_PADDING),
    }


def shown(photo: Photo, side: Side) -> Photo:
    """The photo as the hand decoder is to see it for a side."""
    return mirrored(photo) if side == "left" else photo


@dataclass(frozen=True, eq=False)
class Hands:
    """One side's hands of B people.

    Attributes:
        side: whose.
        crops: where they were looked at; left ones in the mirrored photo.
        prediction: what the hand decoder said of them as right hands.
        width: px of the photo.
    """

    side: Side
    crops: Crops
    prediction: Prediction
    width: int

    def __getitem__(self, which: slice) -> Hands:
        """Some of the people's."""
        return Hands(self.side, self.crops[which], self.prediction[which], self.width)

    @property
    def pose(self) -> Array:
        """(B, 54)"""
        return self.prediction.hand[:, layout.HAND :]

    def size_scale(self, constants: Constants) -> Array:
        """(B,): this side's own number among the compact scales, for a hand as large as the decoder's right one."""
        right = HAND_SCALE["right"]
        own = np.asarray(self.prediction.scale[:, right], np.float64)
        if self.side == "right":
            return own
        left = HAND_SCALE["left"]
        mean, comps = constants["scale_mean"].astype(np.float64), constants["scale_comps"].astype(np.float64)
        return (mean[right] + comps[right, right] * own - mean[left]) / comps[left, left]

    @property
    def wrist_rotation(self) -> Array:
        """(B, 3, 3) global, of this side's wrist joint; the joints' axes mirror with the rows y and z."""
        rotation = np.asarray(self.prediction.joint_rotations[:, _RIGHT_WRIST_JOINT], np.float64)
        return rotation * np.array([[1.0], [-1.0], [-1.0]]) if self.side == "left" else rotation

    @property
    def wrist_2d(self) -> Array:
        """(B, 2) px of the photo."""
        return self.unmirrored(np.asarray(self.prediction.keypoints_2d[:, WRISTS[1]], np.float64))

    @property
    def boxes(self) -> Array:
        """(B, 4) x0 y0 x1 y1 px of the photo: all that the crops show."""
        centre = self.unmirrored(self.crops.centre.astype(np.float64))
        half = self.crops.side[:, None].astype(np.float64) / 2
        return np.concatenate([centre - half, centre + half], axis=1)

    def unmirrored(self, points: Array) -> Array:
        """Points (..., 2) px of the picture that the decoder saw as px of the photo, and the other way round."""
        return mirror_points(points, self.width) if self.side == "left" else points


def mirror_points(points: Array, width: int) -> Array:
    """Points (..., 2) px of a photo ``width`` px wide in its mirror image."""
    return np.stack([width - points[..., 0] - 1, points[..., 1]], axis=-1)


@dataclass(frozen=True, eq=False)
class Validity:
    """Which hands of B people to believe, and why. All (B, 2), left and right.

    Attributes:
        angle: rad from the body decoder's first wrist; ``side``: px of the hands' crops; ``reach``: how far from its
            crop's middle the hand goes; ``wrist_distance``: in sides of a hand's crop.
        criteria: the thresholds.
    """

    angle: Array
    side: Array
    reach: Array
    wrist_distance: Array
    criteria: HandCriteria

    @property
    def passes(self) -> dict[str, NDArray[np.bool_]]:
        """Each criterion's own answer."""
        return {
            "angle": self.angle < self.criteria.wrist_angle,
            "size": self.side > self.criteria.box_side,
            "inside": self.reach < self.criteria.reach,
            "wrist": self.wrist_distance < self.criteria.wrist_distance,
        }

    @property
    def valid(self) -> NDArray[np.bool_]:
        """All criteria together."""
        return np.logical_and.reduce(list(self.passes.values()))

    def reasons(self, person: int, side: Side) -> list[str]:
        """Why a hand is not believed, in plain words; empty where it is."""
        place = person, SIDES.index(side)
        said = {
            "angle": f"it is rotated {np.degrees(self.angle[place]):.0f} degrees from the wrist as the arm has it",
            "size": f"it is small in the photo ({self.side[place]:.0f} pixels)",
            "inside": "part of it is outside its crop",
            "wrist": "its wrist is not at the end of the arm",
        }
        return [said[name] for name, answer in self.passes.items() if not answer[place]]


def judge(
    constants: Constants, body: Prediction, arm_ends: Array, left: Hands, right: Hands, criteria: HandCriteria
) -> Validity:
    """Compare both hands with the body decoder's first pass.

    Args:
        arm_ends: (B, 2, 2) px of the photo: where the left and the right arm end.

    The distance of the left wrists is divided by the side of the right hand's crop and the other way round: that is
    how the reference does it.
    """
    hands = (left, right)
    local = local_wrists(constants, np.asarray(body.joint_rotations[:, LOWER_ARMS], np.float64), left, right)
    sides = np.stack([hand.crops.side for hand in hands], axis=1)
    reach = [np.abs(hand.crops.places(hand.prediction.keypoints_2d) - 0.5).max(axis=(1, 2)) for hand in hands]
    apart = np.stack([hand.wrist_2d for hand in hands], axis=1) - arm_ends
    return Validity(
        angle=rotation_angle(first_wrists(body), local),
        side=sides,
        reach=np.stack(reach, axis=1),
        wrist_distance=np.linalg.norm(apart, axis=2) / sides[:, ::-1],
        criteria=criteria,
    )


def first_wrists(body: Prediction) -> Array:
    """(B, 2, 3, 3) rotations of the body decoder's wrists in their arms."""
    return xzy_to_matrix(body.body_pose[:, WRIST_ANGLES])


def local_wrists(constants: Constants, lower_arms: Array, left: Hands, right: Hands) -> Array:
    """(B, 2, 3, 3) rotations of the hands' wrists in their arms, whose global rotations are (B, 2, 3, 3)."""
    rest = lower_arms @ constants["joint_rotation"].astype(np.float64)[_WRIST_TWISTS]
    wrists = np.stack([left.wrist_rotation, right.wrist_rotation], axis=1)
    return np.asarray(np.swapaxes(rest, -1, -2) @ wrists)
