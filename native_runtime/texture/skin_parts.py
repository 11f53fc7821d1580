"""How skin differs from place to place on one person: what follows from its tone, and where.

Colours are linear Rec.709. Melanin absorbs blue light most and red least, blood absorbs green and blue (extinction
after Jacques, "Optical properties of biological tissues", Physics in Medicine & Biology 2013, summed up for three
channels); both by the law of Beer and Lambert. Palms, soles, lips and the bed of the nails have little melanin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]
Colour = tuple[float, float, float]

_MELANIN, _BLOOD = np.array([0.37, 0.57, 1.0]), np.array([0.12, 0.75, 0.62])
_PALM, _NAIL_BED = np.array([0.60, 0.35, 0.27]), np.array([0.72, 0.46, 0.38])
#: Luminance of the darkest and of the lightest skin.
_DARK, _LIGHT = 0.03, 0.5
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True)
class SkinParts:
    """The colours of a person's skin.

    Attributes:
        tone: what most of it has.
        deep: where more blood and melanin show through, in patches; freckles: small spots of melanin.
        flushed: cheeks, nose, ears, knuckles, elbows, knees; lids: around the eyes.
        palms: palms and soles.
    """

    tone: Colour
    deep: Colour
    freckles: Colour
    flushed: Colour
    lids: Colour
    palms: Colour
    lips: Colour
    nails: Colour


def skin_parts(tone: Colour, lips: Colour | None = None) -> SkinParts:
    """What follows from the tone of a skin.

    Args:
        lips: where their colour is known.
    """
    base = np.clip(np.array(tone), 0.0, 1.0)
    # 0 for the darkest skin, 1 for the lightest: blood shows through light skin more
    light = float(np.clip(np.log(max(base @ _LUMINANCE, 1e-3) / _DARK) / np.log(_LIGHT / _DARK), 0.0, 1.0))

    def through(blood: float, melanin: float) -> Array:
        return np.asarray(base * np.exp(-blood * (0.4 + 0.6 * light) * _BLOOD - melanin * _MELANIN))

    own_lips = through(0.75, 0.05) * (1.0, 1.0, 1.15)
    colours = (
        base,
        through(0.45, 0.3),
        through(0.0, 0.6),
        through(0.55, 0.05),
        through(0.4, 0.3),
        base + (0.45 - 0.3 * light) * (_PALM - base),
        own_lips if lips is None else np.array(lips),
        base + 0.4 * (_NAIL_BED - base),
    )
    return SkinParts(*(_colour(values) for values in colours))


def _colour(values: Array) -> Colour:
    red, green, blue = (float(channel) for channel in np.clip(values, 0.0, 1.0))
    return red, green, blue


def skin_zones(body: Body) -> Array:
    """(V, 3) 0..1, how far each vertex belongs to: palms and soles; places that are flushed; the lids. Read-only,
    remembered as long as the body is in use (bodies do not change).
    """
    found = _zones.get(body)
    if found is None:
        found = _zones[body] = _zones_of(body)
        found.setflags(write=False)
    return found


def _zones_of(body: Body) -> Array:
    rest = body.rest_vertices.astype(np.float64)
    joints = body.pose(np.zeros(len(body.parameter_names))).translations
    place = dict(zip(body.joint_names, joints))
    normals = _normals(body, rest)
    zones = np.zeros((len(rest), 3))
    strongest = np.array(body.joint_names)[
        body.skin_indices[np.arange(len(rest)), np.argmax(body.skin_weights, axis=1)]
    ]
    for side in "lr":
        named = f"{side}_middle1", f"{side}_wrist", f"{side}_index1", f"{side}_pinky1"
        if all(name in place for name in named):
            along, across = place[named[0]] - place[named[1]], place[named[2]] - place[named[3]]
            palm = np.cross(along, across) * (1.0 if side == "l" else -1.0)
            facing = normals @ (palm / max(float(np.linalg.norm(palm)), 1e-9))
            fingers = ("wrist", "thumb", "index", "middle", "ring", "pinky")
            hand = np.array([name.startswith(tuple(f"{side}_{finger}" for finger in fingers)) for name in strongest])
            hand &= (rest - place[named[1]]) @ along > 0
            zones[:, 0] += hand * _smooth(facing, 0.1, 0.55)
            for finger in fingers[2:]:
                for number in (1, 2):
                    joint = place.get(f"{side}_{finger}{number}")
                    if joint is not None:
                        zones[:, 1] += hand * _near(rest, joint, 0.9) * _smooth(-facing, 0.1, 0.5)
        feet = np.array(
            [name.startswith((f"{side}_foot", f"{side}_ball", f"{side}_t", f"{side}_sub")) for name in strongest]
        )
        feet &= ~np.char.startswith(strongest, f"{side}_thumb")
        zones[:, 0] += feet * _smooth(-normals[:, 1], 0.5, 0.85)
        for joint, reach, forward in ((f"{side}_lowarm", 4.0, -1.0), (f"{side}_lowleg", 5.0, 1.0)):
            if joint in place:
                zones[:, 1] += 0.6 * _near(rest, place[joint], reach) * _smooth(forward * normals[:, 2], 0.0, 0.6)
        if f"{side}_eye" in place:
            away = np.linalg.norm(rest - place[f"{side}_eye"], axis=1)
            zones[:, 2] += 1.0 - _smooth(away, 1.6, 2.3)
    zones[:, 1] += _face(body, rest)
    return np.clip(zones, 0.0, 1.0)


_zones: WeakKeyDictionary[Body, Array] = WeakKeyDictionary()


def _face(body: Body, rest: Array) -> Array:
    """(V,) cheeks, the tip of the nose, ears."""
    names = [f"blazepose_{number:02d}" for number in (0, 3, 6, 7, 8, 9, 10)]
    if not set(names) <= set(body.landmark_names):
        return np.zeros(len(rest))
    points = body.landmark_rows.combine(
        np.concatenate([rest, body.pose(np.zeros(len(body.parameter_names))).translations])
    )
    nose, left_eye, right_eye, left_ear, right_ear, left_mouth, right_mouth = (
        points[body.landmark_names.index(name)] for name in names
    )
    flushed = 0.8 * _near(rest, nose, 1.1)
    for eye, ear, mouth in ((left_eye, left_ear, left_mouth), (right_eye, right_ear, right_mouth)):
        flushed += _near(rest, 0.5 * eye + 0.5 * mouth, 2.0) + 0.9 * _near(rest, ear, 2.0)
    return np.asarray(flushed)


def _near(points: Array, place: Array, reach: float) -> Array:
    return np.asarray(np.exp(-((points - place) ** 2).sum(axis=1) / (2 * reach**2)))


def _smooth(values: Array, low: float, high: float) -> Array:
    share = np.clip((values - low) / (high - low), 0.0, 1.0)
    return np.asarray(share * share * (3 - 2 * share))


def _normals(body: Body, rest: Array) -> Array:
    a, b, c = rest[body.triangles].transpose(1, 0, 2)
    faces = np.cross(b - a, c - a)
    sums = np.stack(
        [np.bincount(body.triangles.ravel(), np.repeat(faces[:, k], 3), len(rest)) for k in range(3)], axis=1
    )
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12))
