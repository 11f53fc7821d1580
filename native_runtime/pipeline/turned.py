"""Notices photos that are rotated by 90 or 180 degrees without a tag: everybody in them lies down or is upside down.

Neither the detector nor the landmark network can distinguish a rotated photo from somebody who lies down: both see
people whichever way they are turned. So a photo is only suspected, where three things come together: its file does not
say which way is up (phones and cameras do), everybody in it is turned alike and stretched out as in standing, and the
light does not come from where the photo has its top. Several people with their heads down need no legs: a photo that is
cut at the hips shows none, and people seldom hang upside down together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from native_runtime.image.reading import Photo

Array = NDArray[np.float64]

# Of a trunk from a multiple of 90 degrees, and of the legs from the trunk's line; degrees.
_LARGEST_LEAN = 35.0
_LARGEST_BEND = 40.0
_UPSIDE_DOWN = 180
# People who are not all upside down by themselves.
_TOGETHER = 2
# Points that a network is less sure of are not spoken of.
_VISIBLE = 0.5
# Brightness from top to bottom, in standard deviations of the picture, from which light comes from above.
_FROM_ABOVE = -0.8
_LIGHT_SIDE = 64
# BlazePose's points: shoulders, hips, ankles.
_BLAZEPOSE = ((11, 12), (23, 24), (27, 28))
_MHR_70 = (("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"), ("left_ankle", "right_ankle"))


def axis_of_landmarks(person: Any) -> Array | None:
    """(3, 2) px: middle of the shoulders, the hips and the ankles, by BlazePose's points; ankles that are not seen
    are NaN. None where shoulders or hips are not seen.
    """
    seen = [person.visibility[list(pair)].min() >= _VISIBLE for pair in _BLAZEPOSE]
    if not all(seen[:2]):
        return None
    places = np.array([person.points_2d[list(pair)].mean(axis=0) for pair in _BLAZEPOSE], np.float64)
    return np.where(np.array(seen)[:, None], places, np.nan)


def axis_of_keypoints(keypoints: Array) -> Array | None:
    """As `axis_of_landmarks`, by an estimate's keypoints (70, 2) px."""
    from native_runtime.prompts.prompt import keypoint_names

    names = keypoint_names()
    axis = np.array([keypoints[[names.index(name) for name in pair]].mean(axis=0) for pair in _MHR_70])
    return axis if np.isfinite(axis).all() else None


def suspected_turn(photo: Photo, axes: Sequence[Array | None]) -> int:
    """By how many degrees clockwise a photo would have to be turned; 0 where nothing is suspected.

    Args:
        axes: of everybody in the photo, as `axis_of_landmarks` gives them.
    """
    seen = [axis for axis in axes if axis is not None]
    turns = {_turn_of(axis) for axis in seen}
    if photo.knows_up or photo.turn or len(turns) != 1:
        return 0
    (turn,) = turns
    if not any(map(_is_stretched, seen)) and not (turn == _UPSIDE_DOWN and len(seen) >= _TOGETHER):
        return 0
    return 0 if not turn or _is_lit_from_above(photo.pixels) else turn


def suspicion(turn: int) -> str:
    """The message about a photo that may have to be rotated by so many degrees clockwise."""
    how = "is upside down" if turn == _UPSIDE_DOWN else "lies on the side"
    return (
        f"The photo seems to be rotated by {min(turn, 360 - turn)} degrees: everybody in it {how}. If it is, have "
        f"it turned by {turn} degrees clockwise."
    )


def _turn_of(axis: Array) -> int | None:
    """The turn that sets somebody upright, 0 included; None for those who are aslant."""
    up = axis[0] - axis[1]
    angle = math.degrees(math.atan2(up[0], -up[1]))  # of the head, clockwise from straight up
    nearest = 90 * round(angle / 90)
    return -nearest % 360 if abs(angle - nearest) <= _LARGEST_LEAN else None


def _is_stretched(axis: Array) -> bool:
    """Whether the legs are seen to go on in the line of the trunk."""
    trunk, legs = axis[0] - axis[1], axis[1] - axis[2]
    lengths = float(np.linalg.norm(trunk) * np.linalg.norm(legs))
    return lengths > 0 and float(trunk @ legs) > math.cos(math.radians(_LARGEST_BEND)) * lengths


def _is_lit_from_above(pixels: NDArray[np.uint8]) -> bool:
    """Whether a picture is clearly brighter at its top than at its bottom, and more so than from side to side."""
    small = cv2.resize(pixels, (_LIGHT_SIDE, _LIGHT_SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float64)
    ramp = np.linspace(-0.5, 0.5, _LIGHT_SIDE)
    down, across = (float(grey.mean(axis=axis) @ ramp / (ramp @ ramp)) for axis in (1, 0))
    return down < min(_FROM_ABOVE * float(grey.std()), -abs(across))
