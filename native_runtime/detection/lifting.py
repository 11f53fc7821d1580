"""Where joints are in space and how limbs point, from what the landmark network says: its 3D points put right.

BlazePose's depth is compressed, its people lean forward, and its errors differ from joint to joint. Linear maps,
trained on pictures of bodies in known poses (``bench.lifting``), give for each segment between two points the
conditional mean of its unit vector, which is the shorter the less is known, for each point the mean of its place from
the middle of the hips, and the standard deviations about both.

Everything happens in the *upright* axes of the network's window: x right and y down as the window is turned, z along
the ray to the person. So the map needs to know nothing about pictures that are turned. Left and right are treated
alike, since the map is averaged with its own mirror image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.landmarks import BODY_POINTS, PersonLandmarks
from native_runtime.files.templates import load_json

Array = NDArray[np.float64]

POINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle", "left_heel", "right_heel", "left_foot_index", "right_foot_index",
)  # fmt: skip
"""What the map looks at, of BlazePose's points."""

SEGMENTS = (
    ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"),
    ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"),
    ("left_shoulder", "left_elbow"), ("right_shoulder", "right_elbow"),
    ("left_elbow", "left_wrist"), ("right_elbow", "right_wrist"),
    ("left_hip", "left_knee"), ("right_hip", "right_knee"),
    ("left_knee", "left_ankle"), ("right_knee", "right_ankle"),
    ("left_heel", "left_foot_index"), ("right_heel", "right_foot_index"),
    ("left_ankle", "left_foot_index"), ("right_ankle", "right_foot_index"),
    ("left_ear", "right_ear"), ("left_ear", "nose"), ("right_ear", "nose"),
)  # fmt: skip
"""Whose directions it gives."""

_COLUMNS = [BODY_POINTS.index(name) for name in POINTS]
_HIPS = [POINTS.index("left_hip"), POINTS.index("right_hip")]
_TORSO = [POINTS.index(f"{side}_{joint}") for side in ("left", "right") for joint in ("shoulder", "hip")]
_FLIP = np.array([-1.0, 1.0, 1.0])
_LEAST_TURN, _LEAST_MOVE = 0.05, 0.01
"""About radians, and m: nothing is better known than this."""


def _other(name: str) -> str:
    return name.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right")


_MIRRORED = [POINTS.index(_other(name)) for name in POINTS]


def mirrored_points() -> list[int]:
    """The point on the other side of each of ``POINTS``."""
    return list(_MIRRORED)


def mirrored_segments() -> tuple[list[int], Array]:
    """For each segment the one that its mirror image is, and -1 where that one runs the other way, otherwise 1."""
    rows, signs = [], []
    for start, end in SEGMENTS:
        there, back = (_other(start), _other(end)), (_other(end), _other(start))
        rows.append(SEGMENTS.index(there if there in SEGMENTS else back))
        signs.append(1.0 if there in SEGMENTS else -1.0)
    return rows, np.array(signs)


_PARTNERS, _SIGNS = mirrored_segments()
OWN = [row for row, partner in enumerate(_PARTNERS) if row <= partner]
"""Segments whose rows are stored; the others are the mirror images of these."""
OWN_POINTS = [row for row, partner in enumerate(_MIRRORED) if row <= partner]
"""Points likewise."""


@dataclass(frozen=True)
class Sight:
    """What the network says of a person, in the window's upright axes.

    Attributes:
        space: (21, 3) m from the middle of the hips.
        flat: (21, 2) the same in the picture, in units of the person's scale (about metres).
        visibility: (21,) 0..1.
    """

    space: Array
    flat: Array
    visibility: Array

    @staticmethod
    def of(person: PersonLandmarks) -> Sight:
        """Of ``POINTS``; independent of where the person is in the photo, how large, and how far turned."""
        axes = window_axes(person)
        space, flat = person.points_3d[_COLUMNS], person.points_2d[_COLUMNS]
        space = space - space[_HIPS].mean(axis=0)
        space = np.column_stack([space[:, :2] @ axes, space[:, 2]])
        flat = (flat - flat[_HIPS].mean(axis=0)) @ axes
        spread = math.sqrt(float((flat**2).sum() / max((space[:, :2] ** 2).sum(), 1e-9)))
        return Sight(space, flat / max(spread, 1e-9), np.asarray(person.visibility[_COLUMNS], np.float64))

    def mirrored(self) -> Sight:
        """The person as in a mirror."""
        return Sight((self.space * _FLIP)[_MIRRORED], (self.flat * _FLIP[:2])[_MIRRORED], self.visibility[_MIRRORED])

    def features(self) -> Array:
        """(n,) what the map multiplies."""
        return np.concatenate([[1.0], self.space.ravel(), self.flat.ravel(), self.visibility - 0.5])


def window_axes(person: PersonLandmarks) -> Array:
    """(2, 2): columns are the x and y axes of the network's window in the photo."""
    across = np.asarray(person.mask_from_photo[0, :2], np.float64)
    c, s = across / np.linalg.norm(across)
    return np.array([[c, -s], [s, c]])


@dataclass(frozen=True)
class Lifted:
    """Means and standard deviations; x right and y down in the photo, z along the ray to the person.

    Attributes:
        vectors: (19, 3) expected unit vectors of ``SEGMENTS``, from start to end: of length 1 where they are certain,
            shorter where they are not.
        vector_sigmas: (19, 3)
        places: (21, 3) m of ``POINTS`` from the middle of the hips, for a body of ordinary size.
        place_sigmas: (21, 3) m.
    """

    vectors: Array
    vector_sigmas: Array
    places: Array
    place_sigmas: Array


@dataclass(frozen=True)
class Lifting:
    """The maps; see the module.

    Attributes:
        vectors: (11, 3, n) of the features, for the segments ``OWN``.
        vector_spread: (11, 3, 3) of 1, of 1 - |vector|^2 and of 1 - the lower visibility of a segment's ends: the
            variance of each component. All are at least 0.
        places: (11, 3, n) of the features, m, for the points ``OWN_POINTS``.
        place_spread: (11, 3, 2) of 1 and of 1 - a point's visibility: the variance of each coordinate, m^2.
    """

    vectors: Array
    vector_spread: Array
    places: Array
    place_spread: Array

    @staticmethod
    @cache
    def load() -> Lifting:
        """Read ``rig_templates/fit/lifting.json``."""
        data = load_json("fit", "lifting.json")
        return Lifting(**{field.name: np.array(data[field.name]) for field in fields(Lifting)})

    def upright(self, sight: Sight) -> Lifted:
        """In the window's upright axes."""
        plain, other = self.own(sight), self.own(sight.mirrored())
        points = np.ones(len(POINTS))
        return Lifted(
            _both(OWN, _PARTNERS, plain.vectors, other.vectors * _FLIP, _SIGNS),
            _both(OWN, _PARTNERS, plain.vector_sigmas, other.vector_sigmas, np.ones(len(SEGMENTS))),
            _both(OWN_POINTS, _MIRRORED, plain.places, other.places * _FLIP, points),
            _both(OWN_POINTS, _MIRRORED, plain.place_sigmas, other.place_sigmas, points),
        )

    def own(self, sight: Sight) -> Lifted:
        """Of the segments ``OWN`` and the points ``OWN_POINTS`` alone."""
        features = sight.features()
        vectors, places = self.vectors @ features, self.places @ features
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1.0)
        turning = np.einsum("skf,sf->sk", self.vector_spread, vector_spread_features(vectors, sight))
        moving = np.einsum("skf,sf->sk", self.place_spread, place_spread_features(sight))
        return Lifted(
            vectors, np.sqrt(np.maximum(turning, _LEAST_TURN**2)), places, np.sqrt(np.maximum(moving, _LEAST_MOVE**2))
        )

    def of(self, person: PersonLandmarks) -> Lifted:
        """Of a person, in axes that are not turned with the window."""
        found, axes = self.upright(Sight.of(person)), window_axes(person)
        return Lifted(
            _turned(found.vectors, axes), _all_round(found.vector_sigmas), _turned(found.places, axes),
            _all_round(found.place_sigmas),
        )  # fmt: skip


def _turned(vectors: Array, axes: Array) -> Array:
    return np.column_stack([vectors[:, :2] @ axes.T, vectors[:, 2]])


def _all_round(sigmas: Array) -> Array:
    """Of one size across the view: turned with the window, those along its two axes would be correlated."""
    across = np.sqrt((sigmas[:, :2] ** 2).mean(axis=1, keepdims=True))
    return np.column_stack([across, across, sigmas[:, 2:]])


def vector_spread_features(vectors: Array, sight: Sight) -> Array:
    """(11, 3) what ``Lifting.vector_spread`` multiplies, for vectors (11, 3) of the segments ``OWN``."""
    ends = np.array([[POINTS.index(name) for name in SEGMENTS[row]] for row in OWN])
    hidden = 1.0 - sight.visibility[ends].min(axis=1)
    return np.column_stack([np.ones(len(vectors)), 1.0 - (vectors**2).sum(axis=1), hidden])


def place_spread_features(sight: Sight) -> Array:
    """(11, 2) what ``Lifting.place_spread`` multiplies, for the points ``OWN_POINTS``."""
    return np.column_stack([np.ones(len(OWN_POINTS)), 1.0 - sight.visibility[OWN_POINTS]])


def _both(own: list[int], partners: list[int], plain: Array, other: Array, signs: Array) -> Array:
    """Of all rows, from some of them (k, 3) and those of the mirror image, mirrored back: what is its own mirror image
    is the mean of both.
    """
    out = np.empty((len(partners), 3))
    theirs = np.array(partners)[own]
    reflected = other * signs[theirs, None]
    middle = theirs == own
    out[theirs[~middle]], out[own] = reflected[~middle], plain
    out[theirs[middle]] = 0.5 * (plain + reflected)[middle]
    return out
