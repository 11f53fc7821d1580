"""The body's own points for the points that the networks look for."""

from __future__ import annotations

from native_runtime.detection.landmarks import BODY_POINTS, HAND_POINTS
from native_runtime.mhr import Body

_BODY_KEYPOINTS = {
    "nose": "nose", "mouth_left": None, "mouth_right": None,
    "left_foot_index": "left_big_toe", "right_foot_index": "right_big_toe",
    "left_pinky": "left_pinky_finger_third_joint", "right_pinky": "right_pinky_finger_third_joint",
    "left_index": "left_forefinger_third_joint", "right_index": "right_forefinger_third_joint",
    "left_thumb": "left_thumb3", "right_thumb": "right_thumb3",
    "left_eye_inner": None, "left_eye_outer": None, "right_eye_inner": None, "right_eye_outer": None,
}  # fmt: skip
"""BlazePose points whose MHR-70 keypoint has another name; None where there is none."""

_FINGERS = {
    "thumb": "thumb",
    "index": "forefinger",
    "middle": "middle_finger",
    "ring": "ring_finger",
    "pinky": "pinky_finger",
}
_PHALANX = {"mcp": "_third_joint", "pip": "2", "dip": "3", "tip": "4"}
_THUMB_PHALANX = {"cmc": "_third_joint", "mcp": "2", "ip": "3", "tip": "4"}


def body_point(body: Body, name: str) -> str | None:
    """The body's own point for a BlazePose point: its landmark ``blazepose_NN``, else an MHR-70 keypoint, else None."""
    landmark = f"blazepose_{BODY_POINTS.index(name):02d}"
    return landmark if landmark in body.landmark_names else body_keypoint(name)


def hand_keypoint(side: str, name: str) -> str:
    """The MHR-70 keypoint for a hand's point."""
    if name == "wrist":
        return f"{side}_wrist"
    finger, phalanx = name.split("_")
    ending = (_THUMB_PHALANX if finger == "thumb" else _PHALANX)[phalanx]
    return f"{side}_{_FINGERS[finger]}{ending}"


def hand_point(body: Body, side: str, name: str) -> str:
    """The body's own point for a hand's point: its landmark ``SIDE_hand_N``, else an MHR-70 keypoint."""
    landmark = f"{side}_hand_{HAND_POINTS.index(name)}"
    return landmark if landmark in body.landmark_names else hand_keypoint(side, name)


def body_keypoint(name: str) -> str | None:
    """The MHR-70 keypoint for a BlazePose point, or None where there is none."""
    return _BODY_KEYPOINTS.get(name, name)


def in_hand(name: str) -> bool:
    """Whether a BlazePose point lies on a hand."""
    return name.endswith(("_pinky", "_index", "_thumb")) and "foot" not in name
