"""From what the networks see to what the fit understands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.landmarks import BODY_POINTS, HAND_POINTS, SIDES, HandLandmarks, PersonLandmarks
from native_runtime.fitting.evidence import Directions, Evidence, Points2D, Silhouette
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import rotation_between
from native_runtime.prompts.prompt import Prompt, kind_of

Array = NDArray[np.float64]

STATURE = 1.7
"""Metres: turns pixels per metre into a person's size in pixels."""

SURE, UNSURE, HIDDEN = 0.65, 0.25, 0.3
"""Visibility from which a point counts fully, below which it counts as hidden, and what a hidden point is worth."""

HAND_LENGTH, WRIST_APART = 0.19, 0.33
"""Metres; and how far, in hand lengths, the wrists of body and hand may lie apart."""

BEYOND = 0.3
"""What the direction towards a point beyond the picture is worth."""

GUESS_SIGMA = 2.5
"""How much wider the sigma of a hidden point is."""

LEGS_IN_SIGHT, MASK_SURE = 0.45, 0.9
"""Where no knee and no ankle is more visible than this, and the mask itself doubts one of them, the legs are not seen
at all: they are beyond the picture or behind something, and the network folds them into what it sees."""

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

_BODY_SEGMENTS: tuple[tuple[str, str, float], ...] = (
    ("left_shoulder", "right_shoulder", 0.2), ("left_hip", "right_hip", 0.25),
    ("left_shoulder", "left_hip", 0.2), ("right_shoulder", "right_hip", 0.2),
    ("left_shoulder", "left_elbow", 0.25), ("right_shoulder", "right_elbow", 0.25),
    ("left_elbow", "left_wrist", 0.25), ("right_elbow", "right_wrist", 0.25),
    ("left_hip", "left_knee", 0.25), ("right_hip", "right_knee", 0.25),
    ("left_knee", "left_ankle", 0.25), ("right_knee", "right_ankle", 0.25),
    ("left_heel", "left_foot_index", 0.3), ("right_heel", "right_foot_index", 0.3),
    ("left_ankle", "left_foot_index", 0.3), ("right_ankle", "right_foot_index", 0.3),
    ("left_ear", "right_ear", 0.25), ("left_ear", "nose", 0.25), ("right_ear", "nose", 0.25),
)  # fmt: skip
"""Segments between BlazePose points whose direction is used, with their sigma in radians."""

_PALM_SEGMENTS = tuple((f"{s}_wrist", f"{s}_{f}", 0.35) for s in SIDES for f in ("index", "pinky", "thumb"))
"""Used where no hand was found."""

_FACE = frozenset(BODY_POINTS[:11])
_IS_LEG = np.array([name.endswith(("knee", "ankle", "heel", "foot_index")) for name in BODY_POINTS])
_KNEES_AND_ANKLES = np.array([name.endswith(("knee", "ankle")) for name in BODY_POINTS])


@dataclass
class _Gathered:
    """Observations on their way into ``Evidence``."""

    names: list[str] = field(default_factory=list)
    positions: list[Array] = field(default_factory=list)
    sigmas: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    trusted: list[bool] = field(default_factory=list)
    starts: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    vectors: list[Array] = field(default_factory=list)
    direction_sigmas: list[float] = field(default_factory=list)
    direction_weights: list[float] = field(default_factory=list)

    def point(self, name: str, position: Array, sigma: float, weight: float, trusted: bool = False) -> None:
        self.names.append(name)
        self.positions.append(np.asarray(position, np.float64))
        self.sigmas.append(sigma)
        self.weights.append(weight)
        self.trusted.append(trusted)

    def direction(self, start: str, end: str, vector: Array, sigma: float, weight: float) -> None:
        length = float(np.linalg.norm(vector))
        if length > 1e-6:
            self.starts.append(start)
            self.ends.append(end)
            self.vectors.append(np.asarray(vector, np.float64) / length)
            self.direction_sigmas.append(sigma)
            self.direction_weights.append(weight)

    def evidence(
        self, size: float, silhouette: Silhouette | None, unseen: tuple[str, ...], notes: tuple[str, ...]
    ) -> Evidence:
        points = Points2D(
            tuple(self.names),
            np.array(self.positions).reshape(-1, 2),
            np.array(self.sigmas),
            np.array(self.weights),
            np.array(self.trusted, bool),
        )
        directions = Directions(
            tuple(self.starts),
            tuple(self.ends),
            np.array(self.vectors).reshape(-1, 3),
            np.array(self.direction_sigmas),
            np.array(self.direction_weights),
        )
        return Evidence(points, directions, size, silhouette, unseen, notes)


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


def confidence(visibility: NDArray, presence: NDArray) -> Array:
    """How much to believe each point, 0..1.

    Points in plain sight count fully. A point that is in the photo but hidden (by another limb, say) is the network's
    guess: better than nothing, worth ``HIDDEN``. A point that is hardly in the photo says nothing.
    """
    visibility, presence = np.asarray(visibility, np.float64), np.asarray(presence, np.float64)
    sight = np.clip((visibility - UNSURE) / (SURE - UNSURE), 0.0, 1.0)
    return np.clip((presence - 0.5) / 0.4, 0.0, 1.0) * (HIDDEN + (1.0 - HIDDEN) * sight)


def pixels_per_metre(person: PersonLandmarks) -> float:
    """Scale of the person in the photo, from BlazePose's two views of the same points.

    The median over pairs of confident points of length in the photo by length across the view in metres.
    """
    sure = np.flatnonzero(confidence(person.visibility, person.presence) > 0)
    if len(sure) < 4:
        sure = np.arange(len(BODY_POINTS))
    first, second = np.triu_indices(len(sure), 1)
    flat = np.linalg.norm(person.points_2d[sure[first]] - person.points_2d[sure[second]], axis=1)
    metres = np.linalg.norm((person.points_3d[sure[first]] - person.points_3d[sure[second]])[:, :2], axis=1)
    long = metres > 0.15
    if not long.any():
        return float(np.ptp(person.bbox[1::2]) / STATURE)
    return float(np.median(flat[long] / metres[long]))


def gather_evidence(
    person: PersonLandmarks,
    photo: Photo,
    body: Body,
    intrinsics: NDArray,
    keypoints: Sequence[Prompt] = (),
    mask: NDArray[np.bool_] | None = None,
) -> Evidence:
    """Evidence for one person.

    Args:
        person: what the networks saw, in working pixels of ``photo``.
        photo: for the way to original pixels, in which the evidence is given.
        body: names the points.
        intrinsics: (3, 3) px of the original photo.
        keypoints: prompts in original pixels; they overrule the networks. One that names no place ("ignore",
            "incorrect") only silences them.
        mask: (H, W) in original pixels, overrules the network's; None for the network's.
    """
    scale = float(np.mean(photo.scale))
    size = STATURE * pixels_per_metre(person) / scale
    gathered = _Gathered()
    notes: list[str] = []
    unseen: tuple[str, ...] = ()
    # The networks judge depth as seen from a camera that looks straight at the person; turn that towards the real ray.
    centre = photo.to_original((person.bbox[:2] + person.bbox[2:]) / 2)
    ray = np.linalg.solve(intrinsics, [centre[0], centre[1], 1.0])
    towards = rotation_between([0.0, 0.0, 1.0], ray)

    hands = {side: _plausible_hand(person, side) for side in SIDES}
    prompted = {body.keypoint_names[prompt[0]] for prompt in keypoints}
    certain = confidence(person.visibility, person.presence)
    places = photo.to_original(person.points_2d)
    width, height = photo.original_size
    outside = np.any((places < -0.5) | (places > np.array([width, height]) - 0.5), axis=1)
    certain = np.where(outside, 0.0, certain)
    if np.all(person.visibility[_KNEES_AND_ANKLES] < LEGS_IN_SIGHT) and np.any(
        _mask_at(person, person.points_2d[_KNEES_AND_ANKLES]) < MASK_SURE
    ):
        certain = np.where(_IS_LEG, 0.0, certain)

    # Beyond the picture no place is known, but which way a limb goes on is still guessed better than by habit alone.
    pointing = np.where(outside, BEYOND, certain)
    for index, name in enumerate(BODY_POINTS):
        target = body_point(body, name)
        side = name.split("_")[0]
        in_hand = name.endswith(("_pinky", "_index", "_thumb")) and "foot" not in name
        if target is None or certain[index] == 0 or (in_hand and hands.get(side) is not None):
            continue
        if body_keypoint(name) in prompted:
            continue
        part = 0.015 if in_hand else 0.012 if name.endswith(("heel", "foot_index")) else 0.008
        # A guess is far off more often: a wider sigma keeps it from being dismissed as an outlier.
        part *= 1.0 + (GUESS_SIGMA - 1.0) * (1.0 - certain[index])
        # Eleven points crowd on the face; together they should not outweigh the limbs.
        gathered.point(target, places[index], part * size, certain[index] * (0.4 if name in _FACE else 1.0))

    segments = _BODY_SEGMENTS + tuple(s for s in _PALM_SEGMENTS if hands[s[0].split("_")[0]] is None)
    for start, end, sigma in segments:
        a, b = BODY_POINTS.index(start), BODY_POINTS.index(end)
        first, second = body_point(body, start), body_point(body, end)
        weight = float(min(pointing[a], pointing[b]))
        if first is None or second is None or weight == 0:
            continue
        if {body_keypoint(start), body_keypoint(end)} & prompted:
            weight *= 0.3  # where a person corrected the place, the networks' depth is doubtful too
        gathered.direction(first, second, towards @ (person.points_3d[b] - person.points_3d[a]), sigma, weight)

    for side, hand in hands.items():
        if hand is not None:
            _gather_hand(gathered, hand, side, photo, body, towards, size, prompted)
    for prompt in keypoints:
        if kind_of(prompt) == "place":
            gathered.point(body.keypoint_names[prompt[0]], np.array(prompt[1:3]), 0.003 * size, 3.0, trusted=True)

    for label, members in _LIMBS.items():
        if all(certain[BODY_POINTS.index(name)] <= HIDDEN for name in members):
            unseen += _LIMB_JOINTS[label]
            notes.append(f"The {label} is not clearly seen; its pose is a guess.")
    silhouette = outline(person, photo, mask)
    return gathered.evidence(size, silhouette, unseen, tuple(notes))


_LIMBS = {
    f"{side} {limb}": tuple(f"{side}_{point}" for point in points)
    for side in SIDES
    for limb, points in (("arm", ("elbow", "wrist")), ("leg", ("knee", "ankle")))
}


_LIMB_JOINTS = {
    f"{side} {limb}": tuple(f"{side[0]}_{joint}" for joint in joints)
    for side in SIDES
    for limb, joints in (("arm", ("uparm", "lowarm")), ("leg", ("upleg", "lowleg")))
}


def _plausible_hand(person: PersonLandmarks, side: str) -> HandLandmarks | None:
    """The hand that was found on a side, unless its wrist lies too far from where the body's wrist is clearly seen.

    A hand net that slips along the fingers also turns the palm about; the arm's own points then know better.
    """
    hand: HandLandmarks | None = getattr(person, f"{side}_hand")
    wrist = BODY_POINTS.index(f"{side}_wrist")
    if hand is None or person.visibility[wrist] < SURE:
        return hand
    apart = float(np.linalg.norm(hand.points_2d[0] - person.points_2d[wrist]))
    return hand if apart < WRIST_APART * HAND_LENGTH * pixels_per_metre(person) else None


def _gather_hand(
    gathered: _Gathered,
    hand: HandLandmarks,
    side: str,
    photo: Photo,
    body: Body,
    towards: Array,
    size: float,
    prompted: set[str],
) -> None:
    places = photo.to_original(hand.points_2d)
    weight = float(np.clip(hand.score, 0.0, 1.0))
    # About five millimetres on the person, and never below what a pixel can say.
    sigma = max(0.003 * size, 1.0)
    names = [hand_point(body, side, name) for name in HAND_POINTS]
    for name, place in zip(names, places):
        if name not in prompted:
            gathered.point(name, place, sigma, 0.5 * weight)
    for finger in range(5):
        chain = [0, *range(1 + 4 * finger, 5 + 4 * finger)]
        for a, b in pairwise(chain):
            vector = towards @ (hand.points_3d[b] - hand.points_3d[a])
            gathered.direction(names[a], names[b], vector, 0.35, 0.5 * weight)
    across = towards @ (hand.points_3d[17] - hand.points_3d[5])
    gathered.direction(names[5], names[17], across, 0.25, 0.5 * weight)


def _mask_at(person: PersonLandmarks, points: Array) -> Array:
    """The mask's value (n,) at points (n, 2) in working pixels; 0 outside it."""
    place = (points @ person.mask_from_photo[:, :2].T + person.mask_from_photo[:, 2]).astype(np.float32)
    values = cv2.remap(np.asarray(person.mask, np.float32), place[None, :, 0], place[None, :, 1], cv2.INTER_LINEAR)
    return np.asarray(values[0], np.float64)


def outline(person: PersonLandmarks, photo: Photo, mask: NDArray[np.bool_] | None = None) -> Silhouette:
    """Where a person covers the photo: the mask (H, W) in original pixels, None for the network's."""
    if mask is not None:
        return Silhouette.of_photo(mask)
    return Silhouette.of_crop(person.mask, person.mask_from_photo, photo.scale)
