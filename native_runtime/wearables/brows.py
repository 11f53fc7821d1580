"""Brows: short hairs on the ridge above the eyes, which the skin carries, so that they follow every expression.

Where they begin, are highest and end follows the rule of thumb that make-up artists use: above the inner corner of the
eye, above the outer edge of the iris, and on the line from the wing of the nose through the outer corner.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body

from .choice import Choice, Style
from .face_map import FaceMap, face_map
from .strands import Colour, Strands, joined, ribbons
from .wearable import Wearable

Array = NDArray[np.float64]

#: In distances from the middle of the face to an eye, from the eye's centre: the brow's course outwards, and by how
#: much it lies above the ridge; half of its thickness.
_COURSE_X = np.array([-0.60, -0.30, 0.05, 0.32, 0.55, 0.76])
_ABOVE_RIDGE = np.array([-0.085, -0.045, 0.02, 0.06, 0.03, -0.09])
_THICKNESS = np.array([0.070, 0.092, 0.085, 0.070, 0.045, 0.012])
#: Where the ridge is looked for.
_RIDGE = (-0.3, 0.6)
#: How far the brow follows the ridge's slope, which falls outwards.
_ALONG_RIDGE = 0.4
#: Degrees from straight up to outwards in which hairs grow, at the same places.
_LEAN = np.array([12.0, 48.0, 68.0, 80.0, 92.0, 100.0])
#: Parts of the same distance: a hair's length and half of its width at the root.
_LENGTH, _WIDTH = 0.21, 0.0062
_ROWS = np.array([0.0, 0.5, 1.0])
_TAPER = np.array([1.0, 0.75, 0.08])
#: cm above the skin, from root to tip.
_LIFT = np.array([-0.02, 0.055, 0.045])
#: How women's and men's differ: thickness and arch.
_WOMAN, _MAN = (0.72, 1.35), (1.12, 0.55)
#: Hairs of a brow for bodies of so many vertices and more.
_COUNTS = ((10_000, 360), (3_000, 170), (0, 80))


def make_brows(
    body: Body, colour: Colour | None = None, man: float = 0.5, thickness: float = 1.0, name: str = "Brows"
) -> Wearable:
    """Brows for a body at rest.

    Args:
        colour: linear Rec.709; None for that of the kind.
        man: 0..1, a woman's or a man's.
        thickness: factor.

    Raises:
        Sam3dbError: the body has no eyes.
    """
    man = float(np.clip(man, 0.0, 1.0))
    thick, arch = (float(np.interp(man, (0, 1), ends)) for ends in zip(_WOMAN, _MAN))
    sides = [_half(face_map(body, side), thick * thickness, arch, _count(body)) for side in (1, -1)]
    return ribbons(name, "brows", joined(sides), colour)


def _count(body: Body) -> int:
    return next(count for least, count in _COUNTS if body.vertex_count >= least)


def _half(half: FaceMap, thick: float, arch: float, count: int) -> Strands:
    rng = np.random.default_rng(7)  # the same on both sides, and every time
    scale = half.scale
    sparse = np.sqrt(_COUNTS[0][1] / count)  # fewer hairs are wider and longer
    along, across = rng.beta(1.2, 1.3, count), np.clip(rng.normal(0.0, 0.5, count), -1, 1)
    stations = np.linspace(0, 1, len(_COURSE_X))
    spine_x = _COURSE_X * scale
    # a line through the ridge, which the mesh has in steps, and which runs up to the forehead between the brows
    sure = np.linspace(*_RIDGE, 9) * scale
    slope, level = np.polyfit(sure, half.ridge(sure), 1)
    spine_y = level + _ALONG_RIDGE * slope * spine_x + scale * (_ABOVE_RIDGE * (0.6 + 0.4 * arch))
    x = np.interp(along, stations, spine_x)
    curve = np.polyfit(spine_x, spine_y, 3)
    half_thick = np.interp(along, stations, _THICKNESS) * scale * thick
    y = np.polyval(curve, x) + across * half_thick - 0.25 * half_thick
    # hairs of the upper edge lean down towards the middle, those of the lower edge up
    lean = np.radians(np.interp(along, stations, _LEAN) + 16 * across + rng.normal(0, 6, count))
    length = (
        _LENGTH * scale * (0.75 + 0.35 * rng.random(count)) * np.interp(along, (0, 0.15, 0.8, 1), (0.8, 1, 0.9, 0.6))
    )
    length *= np.clip(0.7 + 0.3 * thick, 0.5, 1.3) * np.sqrt(sparse)
    roots = np.stack([x, y], axis=1) - 0.4 * length[:, None] * np.stack([np.sin(lean), np.cos(lean)], axis=1)
    points, sides, anchors, shares = [], [], [], []
    for step, taper, lift in zip(_ROWS, _TAPER, _LIFT):
        bent = lean + 0.25 * step
        spot = half.at(roots + (step * length)[:, None] * np.stack([np.sin(bent), np.cos(bent)], axis=1))
        heading = np.stack([half.side * np.sin(bent), np.cos(bent), np.zeros(count)], axis=1)
        side = np.cross(spot.normals, heading)
        side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
        points.append(spot.places + lift * spot.normals)
        sides.append(_WIDTH * scale * sparse * taper * side)
        anchors.append(spot.anchors)
        shares.append(spot.shares)
    return Strands(np.stack(points, 1), np.stack(sides, 1), np.stack(anchors, 1), np.stack(shares, 1))


def _style(title: str, thickness: float) -> Style:
    def make(body: Body, choice: Choice) -> Wearable:
        man = choice.numbers.get("man", 0.5)
        return make_brows(body, choice.colour, man, thickness * choice.numbers.get("thickness", 1.0))

    return Style(title, make)


STYLES: Mapping[str, Style] = {
    "natural": _style("Natural", 1.0),
    "full": _style("Full", 1.4),
    "thin": _style("Thin", 0.6),
}
"""Their numbers: ``man``, 0 for a woman's shape and 1 for a man's; ``thickness``, a factor."""
