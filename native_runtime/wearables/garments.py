"""Underwear: briefs, trunks and a sports top, cut for any body.

All bodies share MHR's skeleton and its rest pose, so lines are given in cm from joints. A line is where a function of
the rest position changes its sign; it is positive inside the garment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np

from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from native_runtime.texture.anatomy import PARTS, parts_of

from .choice import Choice, Colour, Style
from .patch import Floats
from .sewing import BAND, Cut, Pattern, sew
from .wearable import Wearable

#: Charcoal, linear Rec.709, and by how much the bands along its edges are lighter.
CHARCOAL: Colour = (0.045, 0.048, 0.054)
_LIGHTER = 1.5
#: So many garments are kept; those of one body are made once for all characters.
_KEPT = 8


def _joints(body: Body) -> dict[str, Floats]:
    places = body.pose(np.zeros(len(body.parameter_names))).translations
    return dict(zip((str(name) for name in body.joint_names), places))


def _left(points: Floats) -> Floats:
    """Points (N, 3), those of the right side mirrored to the left."""
    return np.concatenate([np.abs(points[:, :1]), points[:, 1:]], axis=1)


def _crotch(body: Body) -> float:
    """cm, the height of the lowest skin between the legs."""
    rest, part = body.rest_vertices, parts_of(body)
    hips = np.isin(part, [PARTS.index(name) for name in ("torso", "l_upleg", "r_upleg")])
    middle = hips & (np.abs(rest[:, 0]) < 1.0)
    if not middle.any():
        raise Sam3dbError(f"'{body.name}' has no hips to make underwear for.")
    return float(rest[middle, 1].min())


def _briefs(body: Body, legs: bool) -> Pattern:
    crotch, hip = _crotch(body), _joints(body)["l_upleg"]
    knee = _joints(body)["l_lowleg"]
    waist = hip[1] + 8.5

    def below_waist(points: Floats) -> Floats:
        return waist - points[:, 1] - 0.12 * points[:, 2]

    if legs:
        axis = (knee - hip) / np.linalg.norm(knee - hip)
        end = np.array([hip[0], crotch - 6.5, hip[2]])

        def above_legs(points: Floats) -> Floats:
            return np.asarray((end - _left(points)) @ axis)
    else:
        slope = np.array([0.72, -0.69, 0.0])
        through = np.array([4.0, crotch - 0.2, 0.0])

        def above_legs(points: Floats) -> Floats:
            return np.asarray((through - _left(points)) @ slope)

    def spanned(points: Floats) -> Floats:
        behind = np.clip((-points[:, 2] - 1.0) / 3, 0, 1)
        height = np.clip((points[:, 1] - crotch - 3.0) / 3, 0, 1)
        middle = np.clip((6 - np.abs(points[:, 0])) / 3, 0, 1)
        return np.asarray(behind * height * middle)

    cuts = (Cut(below_waist, 3.0), Cut(above_legs, 1.0))
    return Pattern(("torso", "l_upleg", "r_upleg"), cuts, np.array([0.0, hip[1] + 2, 12.0]), spanned)


def _apex(body: Body, low: float, high: float) -> Floats:
    """(3,) cm, the foremost point of the left side of the chest between two heights."""
    rest = body.rest_vertices.astype(np.float64)
    chest = (parts_of(body) == PARTS.index("torso")) & (rest[:, 1] > low) & (rest[:, 1] < high)
    inside = np.flatnonzero(chest & (rest[:, 0] > 4) & (rest[:, 0] < 14))
    if not len(inside):
        raise Sam3dbError(f"'{body.name}' has no chest to make a top for.")
    return rest[inside[np.argmax(rest[inside, 2])]]


def _sports_top(body: Body) -> Pattern:
    joints = _joints(body)
    shoulder, chest, neck = joints["l_uparm"], joints["c_spine3"], joints["c_neck"]
    under = chest[1] - 21.0
    arm = shoulder + (1.5, -1.0, 0.0)

    def above_waist(points: Floats) -> Floats:
        return points[:, 1] - under

    def beside_arms(points: Floats) -> Floats:
        return np.asarray(np.linalg.norm((_left(points) - arm) * (1.0, 0.75, 0.6), axis=1) - 7.6)

    def below_neck(points: Floats) -> Floats:
        return np.asarray(np.linalg.norm((points - neck) * (1.0, 0.75, 0.5), axis=1) - 8.8)

    def spanned(points: Floats) -> Floats:
        front = np.clip((points[:, 2] - 2.0) / 3, 0, 1)
        height = np.clip((chest[1] - 3 - points[:, 1]) / 4, 0, 1) * np.clip((points[:, 1] - under - 4) / 4, 0, 1)
        return np.asarray(front * height)

    apex = _apex(body, chest[1] - 18, chest[1] - 4)

    def cups(points: Floats) -> Floats:
        """1 at the middle of each cup, 0 from its edge on."""
        away = np.linalg.norm((_left(points) - apex)[:, :2], axis=1)
        return np.clip(1.6 * (1 - away / 7.0), 0, 1) * (points[:, 2] > 0)

    def evened(points: Floats) -> Floats:
        return 0.3 + 0.7 * cups(points)

    def padding(points: Floats) -> Floats:
        return 0.35 * cups(points)

    cuts = (Cut(above_waist, 2.6), Cut(beside_arms, 0.9), Cut(below_neck, 0.9))
    parts = ("torso", "neck", "l_uparm", "r_uparm")
    return Pattern(parts, cuts, np.array([0.0, under + 8, 12.0]), spanned, evened, (apex, apex * (-1, 1, 1)), padding)


@lru_cache(maxsize=_KEPT)
def _sewn(body: Body, kind: str, style: str) -> Wearable:
    if kind == "top":
        return sew(body, "Sports Top", kind, _sports_top(body))
    return sew(body, style.capitalize(), kind, _briefs(body, legs=style == "trunks"))


def _make(body: Body, choice: Choice) -> Wearable:
    colour = choice.colour or CHARCOAL
    red, green, blue = (min(_LIGHTER * channel, 1.0) for channel in colour)
    return replace(_sewn(body, choice.kind, choice.style), colours={choice.kind: colour, BAND: (red, green, blue)})


STYLES: Mapping[str, Mapping[str, Style]] = {
    "underwear": {"trunks": Style("Trunks", _make), "briefs": Style("Briefs", _make)},
    "top": {"sports": Style("Sports Top", _make)},
}
