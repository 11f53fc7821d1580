"""From the networks' output to the evidence that the fit uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import Gravity
from native_runtime.detection.bent_knees import bent
from native_runtime.detection.landmarks import (
    BODY_POINTS,
    COCO_POINTS,
    HAND_POINTS,
    SIDES,
    HandLandmarks,
    PersonLandmarks,
)
from native_runtime.detection.lifting import POINTS, SEGMENTS, Lifted, Lifting
from native_runtime.fitting.ages import size_of
from native_runtime.fitting.evidence import TORSO, Directions, Evidence, Points2D, Positions3D, Silhouette
from native_runtime.fitting.shape_prior import ShapePrior
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.ages import AgedBody
from native_runtime.mhr.rotations import rotation_between
from native_runtime.prompts.prompt import Prompt, kind_of

from .agreement import Agreement, agreement
from .point_names import body_keypoint, body_point, hand_point, in_hand

Array = NDArray[np.float64]

STATURE = 1.7
"""Metres: turns pixels per metre into a person's size in pixels."""

HAND_LENGTH = 0.19
"""Metres, an adult's."""

_LONG = 0.15
"""Metres: shorter distances say little about scale."""


@dataclass(frozen=True)
class Trust:
    """How far what the networks see is believed (``docs/fit.md``). Sigmas of points are parts of the person's size,
    those of directions radians; all are our own choice, checked with ``bench.accuracy``, as the networks' authors state
    no spread.

    Attributes:
        seen, unsure: visibility from which a point counts fully, and below which it counts as hidden.
        hidden: what a hidden point is worth.
        absent, present: presence up to which a point counts nothing, and from which it counts fully.
        beyond: what the direction towards a point beyond the picture is worth.
        guess: factor on the sigma of a hidden point: it is off more often, and must not pass for an outlier.
        legs, mask: where no knee and no ankle is more visible than ``legs``, and the mask is less sure than this of one
            of them, the legs are not seen at all: they are beyond the picture or behind something, and the network
            folds them into what it sees, so that they have no place.
        sure, apart: the second network is sure of a joint from this score on, and sees it where the first one does if
            the two are less than ``apart`` (parts of the person's size) from each other.
        upright: the least part of an upright trunk's length in the picture that points up.
        hidden_leg, doubted_leg: where the two do not see the hips alike, of somebody upright, nobody knows what the
            legs hang on. Then they say nothing, not even by their directions, unless the second network is sure of both
            hips and legs, or the first sees a knee or ankle more clearly than ``hidden_leg``; than ``doubted_leg``
            where the second is sure of nothing of the legs.
        standing: where the second network is not sure of the hips either, sigma of the directions, straight down, of
            the trunk and legs of somebody who stands.
        hips, trunk: where no knee and no ankle is more visible than ``hidden_leg``, and both hips are beyond the
            picture or the mask is less sure than ``hips`` of one, the hips of somebody upright are a guess, too. Then
            they have no place, and the trunk hangs straight down with this sigma, but for what it leans across the
            view.
        joint, foot, finger: sigmas of points.
        face: weight of points on the face: eleven crowd there, and should not outweigh the limbs.
        lifted, placed: factors on the sigmas of lifted directions and places: each is right for itself, but the errors
            of neighbours go together, and a place repeats what the directions on the way to it say.
        palm: sigma of the directions of a palm that was not found as a hand.
        corrected: factor on directions at a point that a person corrected: the networks' depth is doubtful there, too.
        hand, hand_px: sigma of a found hand's points, about five millimetres, and the least of it in px.
        hand_weight: weight of all that a found hand says.
        phalanx, knuckles: sigmas of its directions.
        wrists: hand lengths by which the wrists of body and hand may lie apart.
        prompt, prompt_weight: sigma and weight of a person's prompt.
    """

    seen: float = 0.65
    unsure: float = 0.25
    hidden: float = 0.3
    absent: float = 0.5
    present: float = 0.9
    beyond: float = 0.1
    guess: float = 2.5
    legs: float = 0.45
    mask: float = 0.9
    sure: float = 0.4
    apart: float = 0.055
    upright: float = 0.7
    hidden_leg: float = 0.15
    doubted_leg: float = 0.7
    standing: float = 0.3
    hips: float = 0.7
    trunk: float = 0.2
    joint: float = 0.008
    foot: float = 0.012
    finger: float = 0.015
    face: float = 0.4
    lifted: float = 1.6
    placed: float = 3.5
    palm: float = 0.35
    corrected: float = 0.3
    hand: float = 0.003
    hand_px: float = 1.0
    hand_weight: float = 0.5
    phalanx: float = 0.35
    knuckles: float = 0.25
    wrists: float = 0.33
    prompt: float = 0.003
    prompt_weight: float = 3.0


TRUST = Trust()

_PALM_SEGMENTS = tuple((f"{s}_wrist", f"{s}_{f}") for s in SIDES for f in ("index", "pinky", "thumb"))
"""Used where no hand was found."""

_TRUNK = frozenset((f"{side}_shoulder", f"{side}_hip") for side in SIDES)
_MOST_ASIDE = 0.9
"""Of a trunk's length, across the view."""
_PELVIS = ("root", "c_spine0")
"""Joints that hold the surface about the hips."""

_FACE = frozenset(BODY_POINTS[:11])
_IS_LEG = np.array([name.endswith(("knee", "ankle", "heel", "foot_index")) for name in BODY_POINTS])
_HIPS = [BODY_POINTS.index(f"{side}_hip") for side in SIDES]
_SHOULDERS = [BODY_POINTS.index(f"{side}_shoulder") for side in SIDES]
_COCO_HIPS = [COCO_POINTS.index(f"{side}_hip") for side in SIDES]
_COCO_LEGS = [COCO_POINTS.index(f"{side}_{joint}") for side in SIDES for joint in ("knee", "ankle")]
_KNEES_AND_ANKLES = np.array([name.endswith(("knee", "ankle")) for name in BODY_POINTS])

_LIMBS = {
    f"{side} {limb}": (tuple(f"{side}_{name}" for name in points), tuple(f"{side[0]}_{name}" for name in joints))
    for side in SIDES
    for limb, points, joints in (
        ("arm", ("elbow", "wrist"), ("uparm", "lowarm")),
        ("leg", ("knee", "ankle"), ("upleg", "lowleg")),
    )
}
"""Limb -> the points that say whether it is seen, and its joints."""


@dataclass
class _Gathered:
    """Observations on their way into ``Evidence``."""

    points: list[tuple[str, Array, float, float, bool]] = field(default_factory=list)
    directions: list[tuple[str, str, Array, Array, float]] = field(default_factory=list)

    def point(self, name: str, position: Array, sigma: float, weight: float, trusted: bool = False) -> None:
        self.points.append((name, np.asarray(position, np.float64), sigma, weight, trusted))

    def direction(self, start: str, end: str, vector: Array, sigmas: Array, weight: float) -> None:
        """`vector`, `sigmas`: (3,) expected unit vector and standard deviations, both in the networks' axes."""
        self.directions.append((start, end, vector, sigmas, weight))

    def observations(self, towards: Array) -> tuple[Points2D, Directions]:
        """`towards`: (3, 3) from the networks' axes to the camera's."""
        names, places, sigmas, weights, trusted = zip(*self.points) if self.points else [()] * 5
        starts, ends, vectors, spreads, shares = zip(*self.directions) if self.directions else [()] * 5
        return (
            Points2D(
                names, np.array(places).reshape(-1, 2), np.array(sigmas), np.array(weights), np.array(trusted, bool)
            ),
            Directions(
                starts, ends, np.array(vectors).reshape(-1, 3) @ towards.T, np.array(spreads).reshape(-1, 3),
                np.array(shares), towards.T,
            ),
        )  # fmt: skip


def _unit(vector: NDArray) -> Array:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-6), np.float64)


def confidence(visibility: NDArray, presence: NDArray) -> Array:
    """How much to believe each point, 0..1.

    Points in plain sight count fully. A point that is in the photo but hidden (by another limb, say) is the network's
    guess: better than nothing, worth ``Trust.hidden``. A point that is hardly in the photo says nothing.
    """
    visibility, presence = np.asarray(visibility, np.float64), np.asarray(presence, np.float64)
    sight = np.clip((visibility - TRUST.unsure) / (TRUST.seen - TRUST.unsure), 0.0, 1.0)
    there = np.clip((presence - TRUST.absent) / (TRUST.present - TRUST.absent), 0.0, 1.0)
    return there * (TRUST.hidden + (1.0 - TRUST.hidden) * sight)


def hidden_limbs(person: PersonLandmarks) -> tuple[str, ...]:
    """The limbs of which the networks see neither end: "left arm", "right leg" and so on."""
    return _hidden(confidence(person.visibility, person.presence))


def _hidden(certain: Array) -> tuple[str, ...]:
    return tuple(
        limb
        for limb, (points, _) in _LIMBS.items()
        if all(certain[BODY_POINTS.index(name)] <= TRUST.hidden for name in points)
    )


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
    long = metres > _LONG
    if not long.any():
        return float(np.ptp(person.bbox[1::2]) / STATURE)
    return float(np.median(flat[long] / metres[long]))


@dataclass(frozen=True)
class _Seen:
    """A person as the networks see them, in pixels of the original photo.

    Attributes:
        size: px, the person's.
        towards: (3, 3) from the networks' axes to the camera's: they judge depth as seen from a camera that looks
            straight at the person.
        places: (33, 2) px.
        second: how both networks see the points.
        certain: (33,) how much to believe each place; 0 beyond the picture.
        pointing: (33,) the same for directions and places in space: 1 within the picture, hidden or not, as the
            network of depth says itself how little it knows of what is hidden; beyond the picture less.
        hands: by side; None where none was found, or it cannot be this person's.
        prompted: MHR-70 keypoints of which a person said something.
        least: what is less certain does not count.
        guessed: whether the hips are only a guess, and all that the network says about the trunk with them.
        gravity: which way is up.
    """

    person: PersonLandmarks
    photo: Photo
    body: Body
    size: float
    towards: Array
    places: Array
    second: Agreement
    certain: Array
    pointing: Array
    hands: dict[str, HandLandmarks | None]
    prompted: set[str]
    least: float
    guessed: bool
    gravity: Gravity


def gather_evidence(
    person: PersonLandmarks,
    photo: Photo,
    body: Body,
    intrinsics: NDArray,
    keypoints: Sequence[Prompt] = (),
    mask: NDArray[np.bool_] | None = None,
    least: float = 0.0,
    shape: ShapePrior | None = None,
    aged: AgedBody | None = None,
    stature: float | None = None,
    gravity: Gravity | None = None,
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
        least: points of which the networks are less certain (0..1, see ``confidence``) do not count.
        shape: what is known of the body's shape beforehand (``engines.looks``).
        aged: the median person of the age that is known; None: an adult.
        stature: cm, how tall somebody who looks like this is on average; None: unknown.
        gravity: along which a trunk hangs whose hips nobody sees; None: that of a level camera.
    """
    prompted = {body.keypoint_names[prompt[0]] for prompt in keypoints}
    seen = _look(person, photo, body, intrinsics, prompted, least, gravity or Gravity())
    # in pixels of the picture that the landmarks are of
    focal = float(np.mean(np.diag(np.asarray(intrinsics))[:2] * photo.scale))
    gathered, lifted = _Gathered(), bent(Lifting.load().of(person, focal), person.visibility)
    _gather_points(gathered, seen)
    _gather_directions(gathered, seen, lifted)
    for side, hand in seen.hands.items():
        if hand is not None:
            _gather_hand(gathered, seen, side, hand)
    for prompt in keypoints:
        if kind_of(prompt) == "place":
            name, place = body.keypoint_names[prompt[0]], np.array(prompt[1:3])
            gathered.point(name, place, TRUST.prompt * seen.size, TRUST.prompt_weight, trusted=True)
    hidden = _hidden(seen.certain)
    return Evidence(
        *gathered.observations(seen.towards),
        seen.size,
        outline(person, photo, mask),
        unseen=(*(joint for limb in hidden for joint in _LIMBS[limb][1]), *(_PELVIS if seen.guessed else ())),
        notes=tuple(f"The {limb} is not clearly seen; its pose is a guess." for limb in hidden),
        rigid=_own_names(body, TORSO),
        arms={side[0]: _own_names(body, (f"{side}_elbow", f"{side}_wrist")) for side in SIDES},
        legs={side[0]: _own_names(body, (f"{side}_knee", f"{side}_ankle")) for side in SIDES},
        shape=shape,
        aged=aged,
        positions=_positions(seen, lifted, 1.0 if aged is None else size_of(body, aged)),
        stature=stature,
    )


def _own_names(body: Body, names: tuple[str, ...]) -> tuple[str, ...]:
    """The body's points for BlazePose points that have MHR-70 keypoints of the same name, and these keypoints."""
    return tuple(dict.fromkeys([*(body_point(body, name) or name for name in names), *names]))


def _look(
    person: PersonLandmarks,
    photo: Photo,
    body: Body,
    intrinsics: NDArray,
    prompted: set[str],
    least: float,
    gravity: Gravity,
) -> _Seen:
    size = STATURE * pixels_per_metre(person) / float(np.mean(photo.scale))
    centre = photo.to_original((person.bbox[:2] + person.bbox[2:]) / 2)
    ray = np.linalg.solve(intrinsics, [centre[0], centre[1], 1.0])
    second = agreement(person, STATURE * pixels_per_metre(person))
    places = photo.to_original(second.places)
    width, height = photo.original_size
    outside = np.any((places < -0.5) | (places > np.array([width, height]) - 0.5), axis=1)
    certain = np.where(outside, 0.0, confidence(person.visibility, person.presence))
    pointing = np.where(outside, TRUST.beyond, np.where(certain > 0.0, 1.0, 0.0))
    guessed = _hips_are_guessed(person, outside)
    if guessed:
        certain[_HIPS], pointing[_HIPS] = 0.0, 1.0
    if _legs_are_lost(person, second):
        certain, pointing = np.where(_IS_LEG, 0.0, certain), np.where(_IS_LEG, 0.0, pointing)
    elif not _legs_in_sight(person):
        certain = np.where(_IS_LEG, 0.0, certain)
        pointing = np.where(_IS_LEG & ~outside, 1.0, pointing)
    pointing = np.where((certain < least) & ~outside, 0.0, pointing)
    certain = np.where(certain < least, 0.0, certain)
    return _Seen(
        person, photo, body, size, rotation_between([0.0, 0.0, 1.0], ray), places, second, certain,
        pointing, {side: _plausible_hand(person, side) for side in SIDES}, prompted, least, guessed, gravity,
    )  # fmt: skip


def _legs_are_lost(person: PersonLandmarks, second: Agreement) -> bool:
    """Whether the legs hang on hips that are not known either, as those of somebody behind others: then the first
    network draws them into what it sees. Without a second network nothing speaks against the first."""
    if person.second is None:
        return False
    sure = np.asarray(person.second.scores, np.float64) >= TRUST.sure
    hips, legs = sure[_COCO_HIPS], bool(sure[_COCO_LEGS].any())
    alike = np.any(hips & (second.doubt[_HIPS] < TRUST.apart))
    if alike or (hips.any() and legs) or not _upright(person):
        return False
    limit = TRUST.hidden_leg if legs else TRUST.doubted_leg
    return bool(np.all(person.visibility[_KNEES_AND_ANKLES] < limit))


def _hips_are_guessed(person: PersonLandmarks, outside: NDArray[np.bool_]) -> bool:
    """Whether the first network only guesses at the hips, too: they are beyond the picture, or somebody is behind a
    table or behind others, however visible it calls the hips then. It finds them room near what is seen, so that the
    trunk gets short, and to be short it leans towards the camera.

    Args:
        outside: (33,) which points are beyond the picture.
    """
    if np.any(person.visibility[_KNEES_AND_ANKLES] >= TRUST.hidden_leg) or not _upright(person):
        return False
    return bool(np.all(outside[_HIPS]) or np.any(_mask_at(person, person.points_2d[_HIPS]) < TRUST.hips))


def _sure_of_hips(person: PersonLandmarks) -> bool:
    return person.second is not None and bool(np.max(person.second.scores[_COCO_HIPS]) >= TRUST.sure)


def _upright(person: PersonLandmarks) -> bool:
    """Whether the trunk stands upright in the picture, as that of people who stand or sit behind others."""
    hips, shoulders = (person.points_2d[rows].mean(axis=0) for rows in (_HIPS, _SHOULDERS))
    return bool(hips[1] - shoulders[1] > TRUST.upright * np.linalg.norm(hips - shoulders))


def _legs_in_sight(person: PersonLandmarks) -> bool:
    if np.any(person.visibility[_KNEES_AND_ANKLES] >= TRUST.legs):
        return True
    return bool(np.all(_mask_at(person, person.points_2d[_KNEES_AND_ANKLES]) >= TRUST.mask))


def _gather_points(gathered: _Gathered, seen: _Seen) -> None:
    for index, name in enumerate(BODY_POINTS):
        target, certain = body_point(seen.body, name), float(seen.certain[index])
        held = in_hand(name) and seen.hands.get(name.split("_")[0]) is not None
        if target is None or certain == 0 or held or body_keypoint(name) in seen.prompted:
            continue
        foot = name.endswith(("heel", "foot_index"))
        sigma = TRUST.finger if in_hand(name) else TRUST.foot if foot else TRUST.joint
        sigma *= 1.0 + (TRUST.guess - 1.0) * (1.0 - certain)
        sigma *= float(seen.second.spread[index])
        weight = certain * (TRUST.face if name in _FACE else 1.0)
        rival = float(seen.second.rival_weights[index])
        if rival > seen.least:
            place = seen.photo.to_original(seen.second.rivals[index : index + 1])[0]
            gathered.point(target, place, sigma * seen.size, rival * (TRUST.face if name in _FACE else 1.0))
        gathered.point(target, seen.places[index], sigma * seen.size, weight)


def _gather_directions(gathered: _Gathered, seen: _Seen, lifted: Lifted) -> None:
    segments = list(zip(SEGMENTS, lifted.vectors, TRUST.lifted * lifted.vector_sigmas))
    if seen.guessed:
        segments = [_hanging(seen, *said) if said[0] in _TRUNK else said for said in segments]
    points = seen.person.points_3d
    for start, end in _PALM_SEGMENTS:
        if seen.hands[start.split("_")[0]] is None:
            vector = _unit(points[BODY_POINTS.index(end)] - points[BODY_POINTS.index(start)])
            segments.append(((start, end), vector, np.full(3, TRUST.palm)))
    for (start, end), vector, sigmas in segments:
        first, second = body_point(seen.body, start), body_point(seen.body, end)
        weight = float(min(seen.pointing[BODY_POINTS.index(name)] for name in (start, end)))
        if first is None or second is None or weight == 0:
            continue
        if {body_keypoint(start), body_keypoint(end)} & seen.prompted:
            weight *= TRUST.corrected
        gathered.direction(first, second, vector, sigmas, weight)
    if not seen.least and _legs_are_lost(seen.person, seen.second) and not _sure_of_hips(seen.person):
        _gather_standing(gathered, seen)


def _hanging(
    seen: _Seen, segment: tuple[str, str], vector: Array, sigmas: Array
) -> tuple[tuple[str, str], Array, Array]:
    """A segment of a trunk whose hips are a guess: as in the picture across the view, and otherwise straight down."""
    down = -np.asarray(seen.gravity.up, np.float64) @ seen.towards
    aside = _unit(np.cross(down, [0.0, 0.0, 1.0]))
    lean = float(np.clip(vector @ aside, -_MOST_ASIDE, _MOST_ASIDE))
    spread = float(np.hypot(TRUST.trunk, seen.gravity.sigma))
    return segment, lean * aside + np.sqrt(1.0 - lean**2) * down, np.array([sigmas[0], spread, spread])


def _gather_standing(gathered: _Gathered, seen: _Seen) -> None:
    """Whoever is hidden by others up to the chest mostly stands: trunk and legs hang straight down in the picture."""
    for side in SIDES:
        for start, end in pairwise(("hip", "knee", "ankle") if seen.guessed else ("shoulder", "hip", "knee", "ankle")):
            first, second = (body_point(seen.body, f"{side}_{joint}") for joint in (start, end))
            placed = {body_keypoint(f"{side}_{joint}") for joint in (start, end)} & seen.prompted
            if first is not None and second is not None and not placed:
                gathered.direction(first, second, np.array([0.0, 1.0, 0.0]), np.full(3, TRUST.standing), 1.0)


def _positions(seen: _Seen, lifted: Lifted, size: float) -> Positions3D | None:
    """Where joints are from the middle of the hips; None for a body without points for the hips, and where the hips
    are a guess.

    Args:
        size: of the person, beside the adults that the networks think everybody is.
    """
    about = [body_point(seen.body, f"{side}_hip") for side in SIDES]
    known = [
        (row, point, float(seen.pointing[BODY_POINTS.index(name)]))
        for row, name in enumerate(POINTS)
        if (point := body_point(seen.body, name)) is not None and body_keypoint(name) not in seen.prompted
    ]
    if None in about or not known or seen.guessed:
        return None
    rows = [row for row, _, _ in known]
    return Positions3D(
        tuple(point for _, point, _ in known),
        size * lifted.places[rows] @ seen.towards.T,
        size * TRUST.placed * lifted.place_sigmas[rows],
        np.array([weight for _, _, weight in known]),
        tuple(point for point in about if point is not None),
        seen.towards.T,
    )


def _plausible_hand(person: PersonLandmarks, side: str) -> HandLandmarks | None:
    """The hand that was found on a side, unless its wrist lies too far from where the body's wrist is clearly seen.

    A hand net that slips along the fingers also turns the palm about; the arm's own points then know better.
    """
    hand: HandLandmarks | None = getattr(person, f"{side}_hand")
    wrist = BODY_POINTS.index(f"{side}_wrist")
    if hand is None or person.visibility[wrist] < TRUST.seen:
        return hand
    apart = float(np.linalg.norm(hand.points_2d[0] - person.points_2d[wrist]))
    return hand if apart < TRUST.wrists * HAND_LENGTH * pixels_per_metre(person) else None


def _gather_hand(gathered: _Gathered, seen: _Seen, side: str, hand: HandLandmarks) -> None:
    weight = TRUST.hand_weight * float(np.clip(hand.score, 0.0, 1.0))
    sigma = max(TRUST.hand * seen.size, TRUST.hand_px)
    names = [hand_point(seen.body, side, name) for name in HAND_POINTS]
    for name, place in zip(names, seen.photo.to_original(hand.points_2d)):
        if name not in seen.prompted:
            gathered.point(name, place, sigma, weight)
    chains = [[0, *range(1 + 4 * finger, 5 + 4 * finger)] for finger in range(5)]
    bones = [(a, b, TRUST.phalanx) for chain in chains for a, b in pairwise(chain)]
    for a, b, spread in [*bones, (5, 17, TRUST.knuckles)]:
        vector = _unit(hand.points_3d[b] - hand.points_3d[a])
        gathered.direction(names[a], names[b], vector, np.full(3, spread), weight)


def _mask_at(person: PersonLandmarks, points: Array) -> Array:
    """The mask's value (n,) at points (n, 2) in working pixels; 0 outside it."""
    place = (points @ person.mask_from_photo[:, :2].T + person.mask_from_photo[:, 2]).astype(np.float32)
    values = cv2.remap(np.asarray(person.mask, np.float32), place[None, :, 0], place[None, :, 1], cv2.INTER_LINEAR)
    return np.asarray(values[0], np.float64)


_FACE_POINTS = slice(0, 11)
"""Nose, eyes, ears and mouth among BlazePose's points."""


def face_centre(person: PersonLandmarks, photo: Photo) -> NDArray[np.float64]:
    """(2,) px of the original photo: the middle of a person's face."""
    face = person.points_2d[_FACE_POINTS].mean(axis=0, keepdims=True)
    return photo.to_original(face).reshape(2)


def outline(person: PersonLandmarks, photo: Photo, mask: NDArray[np.bool_] | None = None) -> Silhouette:
    """Where a person covers the photo: the mask (H, W) in original pixels, None for the network's."""
    if mask is not None:
        return Silhouette.of_photo(mask)
    return Silhouette.of_crop(person.mask, person.mask_from_photo, photo.scale)
