"""The networks' output for each person, before any fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from native_runtime.detection.crops import Crop

Array = NDArray[Any]

BODY_POINTS: tuple[str, ...] = (
    "nose",
    "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
    "left_ear", "right_ear", "mouth_left", "mouth_right",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_pinky", "right_pinky", "left_index", "right_index", "left_thumb", "right_thumb",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    "left_heel", "right_heel", "left_foot_index", "right_foot_index",
)  # fmt: skip
"""The 33 points of BlazePose in their order; left and right are the person's own."""

HAND_POINTS: tuple[str, ...] = (
    "wrist",
    "thumb_cmc", "thumb_mcp", "thumb_ip", "thumb_tip",
    "index_mcp", "index_pip", "index_dip", "index_tip",
    "middle_mcp", "middle_pip", "middle_dip", "middle_tip",
    "ring_mcp", "ring_pip", "ring_dip", "ring_tip",
    "pinky_mcp", "pinky_pip", "pinky_dip", "pinky_tip",
)  # fmt: skip
"""The 21 points of a hand in their order."""

COCO_POINTS: tuple[str, ...] = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""The 17 points of COCO in their order; left and right are the person's own. BlazePose has all of them."""

COCO_IN_BODY: tuple[int, ...] = tuple(BODY_POINTS.index(name) for name in COCO_POINTS)
"""Where each of COCO's points is among `BODY_POINTS`."""

SIDES = ("left", "right")


@dataclass
class HandLandmarks:
    """One hand of a person."""

    points_2d: Array
    """(21, 2) px in the photo, MediaPipe's order (`HAND_POINTS`)."""
    points_3d: Array
    """(21, 3) m, camera axes (x right, y down, z forward), origin at the hand's own centre."""
    score: float
    """The network's probability that a hand is there, 0..1."""
    side: str
    """"left" or "right": the person's own side."""


@dataclass(frozen=True)
class FaceMesh:
    """A face point by point, as MediaPipe's face mesh numbers them (see ``detection.face_mesh``)."""

    points: Array
    """(478, 2) px in the photo."""
    depths: Array
    """(478,) px, growing away from the camera, from the middle of the head: relative, and the network's guess."""
    score: float
    """The network's probability that a face is there, 0..1."""


@dataclass
class FaceReading:
    """The face of a person, as a face detector and the networks of sex and age see it."""

    points: Array
    """(6, 2) px in the photo: right eye, left eye, tip of the nose, mouth, right ear, left ear (the person's own)."""
    size: float
    """Side in px of the square around brows, chin and cheeks."""
    score: float
    """The detector's probability that a face is there, 0..1."""
    turn: float
    """How far it is turned aside: the nose's distance from the middle of the eyes, in distances of the eyes."""
    male: Array
    """(n,) probability of a man, 0..1, of each crop (see ``detection.faces``)."""
    ages: Array
    """(n,) years, of each crop."""
    mesh: FaceMesh | None = None
    """None where the face is too small for it, or its network is not installed."""


@dataclass(frozen=True)
class SecondOpinion:
    """Where another network, MoveNet, sees a person's points."""

    points: Array
    """(17, 2) px in the photo, COCO's order (`COCO_POINTS`)."""
    scores: Array
    """(17,) 0..1: how sure it is of each."""


@dataclass(frozen=True)
class Glimpses:
    """What the landmark network itself said of a person through one window, before anything was made of it: of G looks,
    the plain one and, mostly, the mirrored one. All in the window as the network saw it, mirrored or not.
    """

    window: Crop
    """The part of the photo."""
    mirrored: Array
    """(G,) bool."""
    points: Array
    """(G, 33, 2) fractions of the window, edge to edge."""
    depths: Array
    """(G, 33) depths of the points in sides of the window, from the middle of the hips."""
    world: Array
    """(G, 33, 3) m, as `PersonLandmarks.points_3d`."""
    seen: Array
    """(G, 33, 2) visibility and presence, 0..1."""
    coarse: Array
    """(G, 64, 288) float16: features of 8 x 8 cells of the window, row by row."""
    fine: Array
    """(G, 33, 192) float16: finer features, where the points are."""


@dataclass
class PersonLandmarks:
    """One person. A point outside the photo is an extrapolation: its presence is low."""

    bbox: Array
    """(4,) x0 y0 x1 y1 px of the whole person as seen, within the photo."""
    score: float
    """The network's probability that a person is there, 0..1."""
    points_2d: Array
    """(33, 2) px in the photo, BlazePose's order (`BODY_POINTS`)."""
    points_3d: Array
    """(33, 3) m, camera axes, origin mid hip; already turned back from the crop's rotation."""
    visibility: Array
    """(33,) 0..1: the point is in the photo and not hidden."""
    presence: Array
    """(33,) 0..1: the point is in the photo."""
    mask: Array
    """(m, m) float32 0..1 in crop pixels: the probability that a pixel is the person's."""
    mask_from_photo: Array
    """(2, 3) affine map: photo pixel -> mask pixel."""
    left_hand: HandLandmarks | None = None
    right_hand: HandLandmarks | None = None
    second: SecondOpinion | None = None
    """None where there is none: the network is not installed, or sees somebody else in this place."""
    face: FaceReading | None = None
    """None where no face is seen, or nobody looked."""
    window: Crop | None = None
    """The part of the photo that shows the person best: where to look for them in the next picture of a video."""
    glimpses: Glimpses | None = None
    """None where the network does not give its features, or what it says is not believed."""
