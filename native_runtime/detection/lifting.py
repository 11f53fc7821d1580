"""Where joints are in space and how limbs point, from what the landmark network says: its 3D points put right.

BlazePose's depth is compressed, its people lean forward, and its errors differ from joint to joint. A small network
with a linear part beside it, trained on pictures of bodies in known poses (``bench.lifting``), gives for each segment
between two points the spatial median of its unit vector, which is the shorter the less is known, for each point the
median of its place from the middle of the hips, and the standard deviations about both. It looks at BlazePose's points
in space and in the picture, at how visible they are, and at how near the person is.

Everything happens in the *upright* axes of the network's window: x right and y down as the window is turned, z along
the ray to the person. So the map needs to know nothing about pictures that are turned. Left and right are treated
alike, since the answer is averaged with that to the mirror image.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

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
_LOGARITHMS = math.log(0.01), math.log(1.5)
"""Of standard deviations."""
_WILDEST = 5.0
"""Features count up to so many of their standard deviations."""


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


@dataclass(frozen=True)
class Sight:
    """What the network says of a person, in the window's upright axes.

    Attributes:
        space: (21, 3) m from the middle of the hips.
        flat: (21, 2) the same in the picture, in units of the person's scale (about metres).
        visibility: (21,) 0..1.
        nearness: 1 / m, how near the person is by the lens: perspective is stronger nearby. NaN where the lens is not
            known.
    """

    space: Array
    flat: Array
    visibility: Array
    nearness: float = math.nan

    @staticmethod
    def of(person: PersonLandmarks, focal_px: float | None = None) -> Sight:
        """Of ``POINTS``; independent of where the person is in the photo, how large, and how far turned.

        Args:
            focal_px: of the picture that the landmarks' pixels are of; None where it is not known.
        """
        axes = window_axes(person)
        space, flat = person.points_3d[_COLUMNS], person.points_2d[_COLUMNS]
        space = space - space[_HIPS].mean(axis=0)
        space = np.column_stack([space[:, :2] @ axes, space[:, 2]])
        middle = flat[_HIPS].mean(axis=0)
        flat = (flat - middle) @ axes
        spread = max(math.sqrt(float((flat**2).sum() / max((space[:, :2] ** 2).sum(), 1e-9))), 1e-9)
        flat = flat / spread
        nearness = math.nan if focal_px is None else spread / focal_px
        return Sight(space, flat, np.asarray(person.visibility[_COLUMNS], np.float64), nearness)

    def mirrored(self) -> Sight:
        """The person as in a mirror."""
        return Sight(
            (self.space * _FLIP)[_MIRRORED], (self.flat * _FLIP[:2])[_MIRRORED], self.visibility[_MIRRORED],
            self.nearness,
        )  # fmt: skip

    def features(self) -> Array:
        """(n,) what the map looks at; NaN what is not known."""
        return np.concatenate([self.space.ravel(), self.flat.ravel(), self.visibility, [self.nearness]])


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

    def mirrored(self) -> Lifted:
        """The person as in a mirror."""
        return Lifted(
            (self.vectors * _FLIP * _SIGNS[:, None])[_PARTNERS], self.vector_sigmas[_PARTNERS],
            (self.places * _FLIP)[_MIRRORED], self.place_sigmas[_MIRRORED],
        )  # fmt: skip

    def turned(self, axes: Array) -> Lifted:
        """From a window's axes (2, 2) to those of the photo."""
        return Lifted(
            _turned(self.vectors, axes), _all_round(self.vector_sigmas), _turned(self.places, axes),
            _all_round(self.place_sigmas),
        )  # fmt: skip


def averaged(looks: Sequence[Lifted]) -> Lifted:
    """The mean of several looks at the same person."""
    mean = Lifted(*(np.mean([getattr(look, f.name) for look in looks], axis=0) for f in fields(Lifted)))
    length = np.linalg.norm(mean.vectors, axis=1, keepdims=True)
    return replace(mean, vectors=mean.vectors / np.maximum(length, 1.0))


@dataclass(frozen=True)
class Lifting:
    """The map; see the module.

    Attributes:
        centre, scale: (n,) of the features: what is subtracted, and what they are then divided by.
        straight: (n, 120) linear part: from scaled features to the components of vectors (19 x 3) and places (21 x 3).
        hidden: weights (m, k) and offsets (k,) of the hidden layers, with x / (1 + exp(-x)) after each (SiLU: Elfwing
            et al. 2018, "Sigmoid-weighted linear units", section 2).
        last: weights (k, 240) and offsets (240,): to what is added to the linear part, and to the logarithms of the
            standard deviations.
    """

    centre: Array
    scale: Array
    straight: Array
    hidden: tuple[tuple[Array, Array], ...]
    last: tuple[Array, Array]

    @staticmethod
    @cache
    def load() -> Lifting:
        """Read ``rig_templates/fit/lifting.json``."""
        return Lifting.of_data(load_json("fit", "lifting.json"))

    @staticmethod
    def of_data(data: Mapping[str, Any]) -> Lifting:
        """From the file's content: see ``data``."""
        arrays = [_decoded(entry) for entry in data["arrays"]]
        centre, scale, straight, *layers = arrays
        pairs = list(zip(layers[::2], layers[1::2], strict=True))
        return Lifting(centre, scale, straight, tuple(pairs[:-1]), pairs[-1])

    def data(self) -> dict[str, Any]:
        """The content of the file: ``arrays``, each with its ``shape`` and its numbers in ``float16``, little-endian
        half precision in base64: in the order of the attributes.
        """
        layers = [array for pair in (*self.hidden, self.last) for array in pair]
        return {"arrays": [_encoded(array) for array in (self.centre, self.scale, self.straight, *layers)]}

    def upright(self, sight: Sight) -> Lifted:
        """In the window's upright axes: the mean of a person's and of the mirror image, mirrored back."""
        return averaged([self.once(sight), self.once(sight.mirrored()).mirrored()])

    def once(self, sight: Sight) -> Lifted:
        """Of a person alone, without the mirror image."""
        features = (sight.features() - self.centre) / self.scale
        # What is far from all that was learnt from must not be answered by something wilder still.
        features = np.clip(np.nan_to_num(features, nan=0.0), -_WILDEST, _WILDEST)
        values = features
        for weights, offsets in self.hidden:
            values = values @ weights + offsets
            values = values / (1.0 + np.exp(-values))
        values = values @ self.last[0] + self.last[1]
        half = len(values) // 2
        means, sigmas = values[:half] + features @ self.straight, np.exp(np.clip(values[half:], *_LOGARITHMS))
        vectors, places = np.split(means, [3 * len(SEGMENTS)])
        turning, moving = np.split(sigmas, [3 * len(SEGMENTS)])
        return Lifted(
            vectors.reshape(-1, 3), np.maximum(turning, _LEAST_TURN).reshape(-1, 3),
            places.reshape(-1, 3), np.maximum(moving, _LEAST_MOVE).reshape(-1, 3),
        )  # fmt: skip

    def of(self, person: PersonLandmarks, focal_px: float | None = None) -> Lifted:
        """Of a person, in axes that are not turned with the window. `focal_px`: see ``Sight.of``."""
        return self.upright(Sight.of(person, focal_px)).turned(window_axes(person))


def _encoded(array: Array) -> dict[str, Any]:
    return {"shape": list(array.shape), "float16": base64.b64encode(array.astype("<f2").tobytes()).decode()}


def _decoded(entry: Mapping[str, Any]) -> Array:
    numbers = np.frombuffer(base64.b64decode(entry["float16"]), "<f2")
    return numbers.astype(np.float64).reshape(entry["shape"])


def _turned(vectors: Array, axes: Array) -> Array:
    return np.column_stack([vectors[:, :2] @ axes.T, vectors[:, 2]])


def _all_round(sigmas: Array) -> Array:
    """Of one size across the view: turned with the window, those along its two axes would be correlated."""
    across = np.sqrt((sigmas[:, :2] ** 2).mean(axis=1, keepdims=True))
    return np.column_stack([across, across, sigmas[:, 2:]])
