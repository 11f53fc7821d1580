"""What a photo shows around a head: how much of it has the colour of hair, and how far that reaches.

All is measured in a small upright picture of the head and its surroundings, a few pixels for a centimetre, whatever
the size of the person in the photo.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.mhr import Body
from native_runtime.texture.anatomy import PARTS, anatomy_of

from .hair_head import Head, head_of
from .hair_styles import HAIRLINE

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: px for a centimetre, and cm on each side of the middle of the head.
_SCALE, _REACH = 4.0, 36.0
_SIDE = round(2 * _SCALE * _REACH)
#: px of the photo for a centimetre at which a head is too small to tell.
_LEAST_SCALE = 1.0
#: CIELAB, weighted: hair differs from skin by this much, and from itself by less; shade changes lightness most.
_WEIGHTS = np.array([0.45, 1.2, 1.2])
_FROM_SKIN, _ALIKE = 12.0, 13.0
_FEWEST = 25
#: Part of the scalp that differs from the face, below which both have one colour.
_SAME = 0.25
#: Sine of the turn of a head from which on its sides are not compared.
TURNED = 0.45
#: cm beside the jaw, on each side or on both together from the side, of hair that covers the face, too.
_COVERING = (3.5, 9.5)
#: cm from the eyes: the heights of cheeks, jaw and neck; how far from the head's axis hair is looked for.
_CHEEKS, _JAW, _NECK = (-3.5, -4.5, -5.5, -6.5), (-7.0, -8.0, -9.0, -10.0), (-12.5, -13.5, -14.5, -15.5)
_FARTHEST = 15.0
#: Part of the trunk in view that has the colour of hair where clothes have it.
_CLOTHES = 0.3
#: cm, the radius of a skull, and the part of it that may be covered.
_SKULL, _COVERED = 9.0, 0.3


@dataclass(frozen=True)
class Seen:
    """Parts are 0..1, distances cm of a grown-up's head.

    Attributes:
        scalp: part of the scalp in view that has the colour of hair.
        forehead: part of the upper forehead in view that has not.
        jaw: widths of hair beside the jaw, on both sides of the head, more first.
        neck: the same beside the neck.
        other: widths beside the cheeks of what is neither skin nor like the scalp.
        other_colour: linear Rec.709 of that.
        turned: 0..1, how far the head is turned to one side: sides are not comparable then.
        below: how far it reaches below the chin.
        height: how far it reaches above the skull.
        mixed: how far its colours lie apart, as a hat's do, CIELAB.
        clothes_alike: whether the clothes have its colour.
        clearness: how well all this can be seen.
        colour: linear Rec.709, of the scalp's hair.
    """

    scalp: float
    forehead: float
    jaw: tuple[float, float]
    neck: tuple[float, float]
    other: tuple[float, float]
    other_colour: tuple[float, float, float]
    turned: float
    below: float
    height: float
    mixed: float
    clothes_alike: bool
    clearness: float
    colour: tuple[float, float, float]


def look_at_hair(
    pixels: NDArray[np.uint8],
    intrinsics: Array,
    vertices: Array,
    body: Body,
    mask: Bools | None,
    shift: Array,
) -> Seen | str:
    """What is seen of a person's hair (see ``hair_choice.choose_hair``), or why nothing is."""
    if mask is None or not np.isfinite(vertices).all():
        return "nobody knows where the person is"
    head = _neutral_head(body)
    placed = _Placed.of(head, body.rest_vertices.astype(np.float64), vertices, intrinsics, shift)
    if placed is None:
        return "the head is not before the camera"
    if placed.scale < _LEAST_SCALE:
        return "the head is too small"
    if _hidden(body, vertices, placed):
        return "the head is behind the body"
    picture = _Picture.of(pixels, mask, placed)
    trunk = np.asarray(vertices, np.float64)[_trunk(body)]
    return _measured(head, placed, picture, placed.pixels_of_camera(trunk[trunk[:, 2] > 0.1]))


@lru_cache(maxsize=2)
def _neutral_head(body: Body) -> Head:
    return head_of(body, body.rest_vertices, body.pose(np.zeros(len(body.parameter_names))).translations)


@dataclass(frozen=True, eq=False)
class _Placed:
    """A head in a photo: from its rest to the camera (cm to m), and from there to the small picture."""

    turn: Array
    origin: Array
    middle: Array
    size: float
    intrinsics: Array
    shift: Array
    centre: Array
    scale: float

    @staticmethod
    def of(head: Head, rest: Array, vertices: Array, intrinsics: Array, shift: Array) -> _Placed | None:
        chosen = np.unique(head.held.corners)
        at_rest, now = rest[chosen], np.asarray(vertices, np.float64)[chosen]
        a, b = at_rest - at_rest.mean(axis=0), now - now.mean(axis=0)
        # Umeyama, "Least-squares estimation of transformation parameters between two point patterns", 1991
        u, strength, vt = np.linalg.svd(b.T @ a)
        flip = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
        turn = (u * flip) @ vt
        size = float((strength * flip).sum() / (a**2).sum())
        origin = now.mean(axis=0) - size * turn @ at_rest.mean(axis=0)
        middle = size * turn @ head.centre + origin
        if middle[2] < 0.1:
            return None
        centre = project(middle[None], intrinsics)[0] + shift
        scale = float(intrinsics[0, 0] * size * head.size / middle[2])
        return _Placed(turn, origin, head.centre, size, intrinsics, shift, centre, scale)

    def pixels_of(self, places: Array) -> Array:
        """(N, 2) where places of the head at rest are in the small picture."""
        return self.pixels_of_camera(self.size * places @ self.turn.T + self.origin)

    def pixels_of_camera(self, places: Array) -> Array:
        """(N, 2) where places (N, 3) m, camera axes, are in the small picture."""
        seen = project(places, self.intrinsics) + self.shift
        return np.asarray((seen - self.centre) * (_SCALE / self.scale) + _SIDE / 2)

    def facing(self, places: Array, normals: Array) -> Array:
        """(N,) cosines between directions (N, 3) at rest and the way to the camera."""
        there = self.size * places @ self.turn.T + self.origin
        away = there / np.linalg.norm(there, axis=1, keepdims=True)
        return np.asarray(-np.einsum("nc,nc->n", normals @ self.turn.T, away))


@dataclass(frozen=True, eq=False)
class _Picture:
    """The small picture: (S, S, 3) linear and CIELAB, and which of its pixels show the person, and the photo."""

    linear: Array
    lab: Array
    person: Bools
    inside: Bools

    @staticmethod
    def of(pixels: NDArray[np.uint8], mask: Bools, placed: _Placed) -> _Picture:
        ratio = _SCALE / placed.scale
        # blurred before it gets smaller, so that no pixel is skipped
        if ratio < 0.7:
            pixels = _smaller(pixels, placed, ratio)
        there = np.array([[ratio, 0, _SIDE / 2 - ratio * placed.centre[0]],
                          [0, ratio, _SIDE / 2 - ratio * placed.centre[1]]])  # fmt: skip
        size = (_SIDE, _SIDE)
        small = cv2.warpAffine(pixels, there, size, flags=cv2.INTER_LINEAR)
        person = cv2.warpAffine(mask.astype(np.uint8), there, size, flags=cv2.INTER_NEAREST) > 0
        inside = cv2.warpAffine(np.ones(mask.shape, np.uint8), there, size, flags=cv2.INTER_NEAREST) > 0
        scaled = small.astype(np.float32) / 255
        linear = np.where(scaled <= 0.04045, scaled / 12.92, ((scaled + 0.055) / 1.055) ** 2.4).astype(np.float64)
        return _Picture(linear, cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB).astype(np.float64), person, inside)

    def at(self, places: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows and columns of the pixels (N, 2) of the person."""
        columns, rows = np.round(places).astype(np.int64).T
        good = (columns >= 0) & (rows >= 0) & (columns < _SIDE) & (rows < _SIDE)
        columns, rows = columns[good], rows[good]
        good = self.person[rows, columns]
        return rows[good], columns[good]


@lru_cache(maxsize=4)
def _trunk(body: Body) -> NDArray[np.int64]:
    """Vertices of the trunk and the upper arms, below what long hair covers."""
    part, rest = anatomy_of(body).part, body.rest_vertices
    names = [PARTS.index(name) for name in ("torso", "l_uparm", "r_uparm")]
    top = float(rest[part == PARTS.index("neck"), 1].min()) if (part == PARTS.index("neck")).any() else np.inf
    return np.flatnonzero(np.isin(part, names) & (rest[:, 1] < top - 12.0))


def _smaller(pixels: NDArray[np.uint8], placed: _Placed, ratio: float) -> NDArray[np.uint8]:
    reach = _REACH * placed.scale * 1.1
    low = np.maximum(np.floor(placed.centre - reach), 0).astype(int)
    high = np.minimum(np.ceil(placed.centre + reach), (pixels.shape[1], pixels.shape[0])).astype(int)
    if (high <= low).any():
        return pixels
    result = pixels.copy()
    part = pixels[low[1] : high[1], low[0] : high[0]]
    result[low[1] : high[1], low[0] : high[0]] = cv2.GaussianBlur(part, (0, 0), 0.4 / ratio)
    return result


def _measured(head: Head, placed: _Placed, picture: _Picture, body_places: Array) -> Seen | str:
    size = head.size
    skull = head.skull
    within = head.within(skull.points, HAIRLINE) / size
    facing = placed.facing(skull.points, skull.normals)
    forward = float(placed.facing(head.eyes[None], np.array([[0.0, 0.0, 1.0]]))[0])

    # what is in view: the face's skin, and the scalp with what stands a little off it
    away = (skull.points - head.eyes) / size
    bare = (within < -1.5) & (facing > 0.3) & (away[:, 2] > -4) & (np.abs(away[:, 1] + 1.5) < 4.0) & (away[:, 1] < 1)
    face = picture.lab[picture.at(placed.pixels_of(skull.points[bare]))]
    scalp_points = [
        skull.points[(within > 0.8) & (facing > 0.1)] + far * size * skull.normals[(within > 0.8) & (facing > 0.1)]
        for far in (0.3, 1.0)
    ]
    rows, columns = picture.at(placed.pixels_of(np.concatenate(scalp_points)))
    if len(rows) < _FEWEST:
        return "the scalp is not in view"
    scalp = picture.lab[rows, columns]
    skin = np.median(face, axis=0) if len(face) >= _FEWEST and forward > -0.3 else None
    hairy = np.ones(len(scalp), bool) if skin is None else _apart(scalp, skin) > _FROM_SKIN
    turned = abs(float(placed.facing(head.centre[None], np.array([[1.0, 0.0, 0.0]]))[0]))
    open_face = ~_face(head, placed, within)
    # a face that has the colour of the scalp is bare, or else it is covered by the hair that is beside it, too
    covered = hairy.mean() < _SAME and _hangs(_widths(picture.person & open_face, placed, head, _JAW), turned)
    if covered:
        skin, hairy = None, np.ones(len(scalp), bool)
    share = float(hairy.mean())
    middle = np.median(scalp[hairy], axis=0) if hairy.sum() >= _FEWEST else np.median(scalp, axis=0)
    spread = float(np.median(_apart(scalp[hairy], middle))) if hairy.any() else 99.0
    alike = picture.person & (_apart(picture.lab, middle) < max(_ALIKE, 2.2 * spread))
    if skin is not None:
        alike &= _apart(picture.lab, middle) < _apart(picture.lab, skin)
    alike = _connected(alike, rows, columns)

    colour = np.median(picture.linear[rows[hairy], columns[hairy]], axis=0) if hairy.any() else np.zeros(3)
    in_view = float(picture.inside[rows, columns].mean())
    clear = (
        (0.6 if covered else 1.0) * np.clip(placed.scale / 3, 0.4, 1) * np.clip(1.35 - spread / 25, 0.3, 1) * in_view
    )
    beside = alike & open_face
    other = picture.person & open_face & (_apart(picture.lab, middle) > 1.5 * _ALIKE)
    if skin is not None:
        other &= _apart(picture.lab, skin) > _FROM_SKIN
    clothes = alike[picture.at(body_places)]
    return Seen(
        scalp=share,
        forehead=1.0 - _share(alike, placed, head, [(x, y, 0.6) for x in (-4, -2, 0, 2, 4) for y in (5.6, 6.6, 7.6)]),
        jaw=_widths(beside, placed, head, _JAW),
        neck=_widths(beside, placed, head, _NECK),
        other=_widths(other, placed, head, _CHEEKS),
        other_colour=_colour_beside(other, picture, placed, head),
        turned=turned,
        below=_below(alike, placed, head),
        height=_height(alike, placed, head),
        mixed=spread,
        clothes_alike=bool(len(clothes) >= _FEWEST and clothes.mean() > _CLOTHES),
        clearness=float(clear),
        colour=(float(colour[0]), float(colour[1]), float(colour[2])),
    )


def _hangs(widths: tuple[float, float], turned: float) -> bool:
    """Whether so much beside the jaw is more than what an ear or a collar is."""
    return sum(widths) >= _COVERING[1] if turned > TURNED else widths[1] >= _COVERING[0]


def _face(head: Head, placed: _Placed, within: Array) -> Bools:
    """Which pixels of the small picture the face covers, its beard included."""
    away = (head.skull.points - head.eyes) / head.size
    front = (within < -0.5) & (away[:, 2] > -6.5) & (away[:, 1] > -12.0)
    result = np.zeros((_SIDE, _SIDE), np.uint8)
    outline = cv2.convexHull(np.round(placed.pixels_of(head.skull.points[front])).astype(np.int32))
    cv2.fillConvexPoly(result, outline, 1)
    return result > 0


def _widths(beside: Bools, placed: _Placed, head: Head, heights: tuple[float, ...]) -> tuple[float, float]:
    """cm of hair on both sides of the head's axis, at heights from the eyes: medians, more first."""
    up = placed.pixels_of((head.centre + (0, head.size, 0))[None])[0] - placed.pixels_of(head.centre[None])[0]
    up /= max(float(np.linalg.norm(up)), 1e-9)
    aside = np.array([-up[1], up[0]])
    steps = np.arange(0.0, _FARTHEST, 0.5)
    sides = []
    for side in (-1, 1):
        counts = []
        for height in heights:
            start = placed.pixels_of((head.eyes + head.size * np.array([0.0, height, -7.0]))[None])[0]
            columns, rows = np.round(start + side * _SCALE * steps[:, None] * aside).astype(np.int64).T
            good = (columns >= 0) & (rows >= 0) & (columns < _SIDE) & (rows < _SIDE)
            counts.append(0.5 * float(beside[rows[good], columns[good]].sum()))
        sides.append(float(np.median(counts)))
    return max(sides), min(sides)


def _colour_beside(other: Bools, picture: _Picture, placed: _Placed, head: Head) -> tuple[float, float, float]:
    """The median colour of chosen pixels near the cheeks."""
    middle = placed.pixels_of((head.eyes + head.size * np.array([0.0, -5.0, -7.0]))[None])[0]
    rows, columns = np.nonzero(other)
    near = np.linalg.norm(np.stack([columns, rows], axis=1) - middle, axis=1) < _FARTHEST * _SCALE
    if not near.any():
        return 0.0, 0.0, 0.0
    red, green, blue = np.median(picture.linear[rows[near], columns[near]], axis=0).tolist()
    return red, green, blue


def _hidden(body: Body, vertices: NDArray, placed: _Placed) -> bool:
    """Whether the person's own limbs or trunk stand before much of the head."""
    points = np.asarray(vertices, np.float64)[~anatomy_of(body).head]
    depth = float((placed.size * placed.turn @ placed.middle + placed.origin)[2])
    points = points[(points[:, 2] > 0.1) & (points[:, 2] < depth - 0.04)]
    if not len(points):
        return False
    away = placed.pixels_of_camera(points) - _SIDE / 2
    near = away[np.linalg.norm(away, axis=1) < _SKULL * _SCALE]
    cells = np.unique(np.floor(near / (1.5 * _SCALE)), axis=0)
    return bool(len(cells) * 1.5**2 > _COVERED * np.pi * _SKULL**2)


def _share(alike: Bools, placed: _Placed, head: Head, places: list[tuple[float, float, float]]) -> float:
    columns, rows = np.round(placed.pixels_of(head.eyes + head.size * np.array(places))).astype(np.int64).T
    good = (columns >= 0) & (rows >= 0) & (columns < _SIDE) & (rows < _SIDE)
    return float(alike[rows[good], columns[good]].mean()) if good.any() else 0.0


def _below(alike: Bools, placed: _Placed, head: Head) -> float:
    """cm, downwards in the photo from the chin."""
    chin = placed.pixels_of(head.eyes + head.size * np.array([[0.0, -11.5, -2.0], [0.0, -11.5, -8.0]]))[:, 1].max()
    wide = alike.sum(axis=1) >= 2.5 * _SCALE
    rows = np.flatnonzero(wide)
    rows = rows[rows > chin]
    return float((rows.max() - chin) / _SCALE) if len(rows) else 0.0


def _height(alike: Bools, placed: _Placed, head: Head) -> float:
    """cm, how far hair reaches beyond the outline of the skull, over its upper half: a median over directions."""
    middle = placed.pixels_of(head.centre[None])[0]
    up = placed.pixels_of((head.centre + (0, head.size, 0))[None])[0] - middle
    outline = placed.pixels_of(head.skull.points[head.skull.points[:, 1] > head.eyes[1] + 2.0 * head.size]) - middle
    if len(outline) < _FEWEST or np.linalg.norm(up) < 0.3 * _SCALE:
        return 1.0
    first = np.arctan2(up[1], up[0])
    reach = []
    for turn in np.radians(np.arange(-60, 61, 12)):
        way = np.array([np.cos(first + turn), np.sin(first + turn)])
        skull = float((outline @ way).max())
        steps = np.arange(skull - 1.0 * _SCALE, skull + 14 * _SCALE)
        columns, rows = np.round(middle + steps[:, None] * way).astype(np.int64).T
        good = (columns >= 0) & (rows >= 0) & (columns < _SIDE) & (rows < _SIDE)
        hit = np.flatnonzero(alike[rows[good], columns[good]])
        reach.append((steps[good][hit.max()] - skull) / _SCALE if len(hit) else -1.0)
    return float(np.median(reach))


def _apart(lab: Array, other: Array) -> Array:
    return np.asarray(np.linalg.norm(_WEIGHTS * (lab - other), axis=-1))


def _connected(alike: Bools, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Bools:
    """The parts that hang together with the scalp."""
    closed = cv2.morphologyEx(alike.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, labels = cv2.connectedComponents(closed)
    mine = np.unique(labels[rows, columns])
    return np.asarray(np.isin(labels, mine[mine > 0]) & (closed > 0))
