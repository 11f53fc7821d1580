"""A person's colours in a photo: skin, hair, brows, lips, iris and shoes.

A photo's exposure and the colour of its light are unknown, so no colour is certain. What is taken out is the shade that
follows the surface's direction; what remains is brought to the nearest tone that human skin has, and what that changes
is changed on hair, brows, lips and eyes alike. A colour that cannot be told is None.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.engines.details import colour_of, number_of
from native_runtime.render.colour import decode_srgb, encode_srgb

from .alignment import face_shift
from .anatomy import PARTS, anatomy_of, parts_of_limb
from .skin import is_grey, looks_like_skin

if TYPE_CHECKING:
    from native_runtime.detection.landmarks import FaceMesh
    from native_runtime.mhr import Body

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Pixels = NDArray[np.uint8]

COLOURS = "colours"
"""Among an estimate's details: ``PersonColours.to_json``."""

# Points of the face mesh (``detection.face_mesh``) around what is looked at.
_OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149,
         150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
_LIDS = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)
_BROWS = ((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276))
_MOUTH = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
_MOUTH_INSIDE = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
_IRISES = (slice(468, 473), slice(473, 478))
_NOSE_BOTTOM = 2
"""Below the nose there may be a beard."""

#: px, the face's width: brows, lips and irises of smaller faces are not looked at.
_BROWS_FROM, _LIPS_FROM, _IRIS_FROM = 56.0, 48.0, 110.0
#: Cosine of the angle to the camera of surfaces that are looked at.
_FACING = 0.35
#: The same of the scalp, of which little is seen from the front.
_FACING_SCALP = 0.12
#: Triangles: bodies of fewer are looked at in several places of each.
_FINE = 20_000
_FEW = np.full((1, 3), 1 / 3)
_MANY = np.array([[4, 1, 1], [1, 4, 1], [1, 1, 4], [2, 2, 2]]) / 6
#: m: the size of cells in which the nearest surface hides what lies so far behind it.
_CELL, _BEHIND = 0.02, 0.03
#: Samples at least, of the face and of the scalp, and their part that has to look like skin.
_FEWEST, _LEAST_SKIN = 12, 0.3
#: CIELAB: closer to the tone of the skin than this is no hair; darker than the skin by this much are brows.
_SAME_COLOUR, _BROW_CONTRAST = 14.0, 8.0
#: The same of covered feet, which lie in shade and are seen with some ground; and by how much lightness, a and b count.
_COVERED, _FEET_WEIGHTS = 18.0, np.array([0.25, 1.3, 1.3])
#: The same below legs that are covered; and how sure shoes are of somebody whose skin is not seen.
_COVERED_BELOW_CLOTH, _SKIN_UNSEEN = 10.0, 0.5
#: Difference in lightness of feet and face in black-and-white photos from where on the feet are surely covered; and how
#: sure the colour of shoes is where there is less.
_OTHER_GREY, _GREY_AS_SKIN = 25.0, 0.2
#: Part of the feet that has to have another colour than skin, and how high shoes reach, cm.
_LEAST_COVERED, _SHOE_HEIGHT = 0.6, 7.0
#: Part of the scalp that has to have the colour of hair.
_LEAST_HAIR = 0.35
#: m outside the scalp at which hair is looked for.
_HAIR_LAYERS = (0.003, 0.012, 0.025)

# What the skin of people of all origins has, in CIELAB under daylight: lightness, and at some lightnesses the usual
# chroma and hue, degrees (after the means of Xiao and others, "Characterising the variations in ethnic skin colours",
# Skin Research and Technology 2017). A photo's light and development change hue and chroma more than people differ in
# them, so only a part of what is off is believed, and no more than people differ.
_LIGHTNESS = (20.0, 78.0)
_TONES = np.array([[20.0, 14.0, 46.0], [35.0, 21.0, 52.0], [50.0, 25.0, 57.0], [65.0, 23.0, 60.0], [78.0, 19.0, 58.0]])
_KEPT_CHROMA, _KEPT_HUE = 0.4, 0.4
# Exposure changes lightness nearly as much as people differ in it, too: what is usual, how skin of that lightness looks
# in photos where it is lit, and what part of the difference is believed, chosen on half of the people
# that ``bench/person_colours.py`` tells about.
_USUAL_LIGHTNESS, _LIT_LIGHTNESS, _KEPT_LIGHTNESS = 57.0, 62.0, 0.8
_OFF_CHROMA, _OFF_HUE = 6.0, 12.0
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
#: Percentiles of luminance between which skin is lit.
_LIT = (55.0, 90.0)
#: Hands are seen smaller, and their tone differs from the face's.
_HANDS_TRUST = 0.7
#: Degrees of hue between hands and face, farther than which the hands are gloved, or something else is seen there.
_HUE_ALIKE = 11.0


@dataclass(frozen=True)
class Tone:
    """A colour, and how sure it is.

    Attributes:
        srgb: 0..255.
        confidence: 0..1.
    """

    srgb: tuple[int, int, int]
    confidence: float

    @property
    def linear(self) -> tuple[float, float, float]:
        """Linear Rec.709."""
        red, green, blue = decode_srgb(np.array(self.srgb, np.uint8)).tolist()
        return red, green, blue


Feet = Literal["covered", "bare", "unseen"]


@dataclass(frozen=True)
class PersonColours:
    """The colours of a person; None where one cannot be told, and for shoes where the feet look bare.

    Attributes:
        feet: whether the photo shows feet in shoes, bare ones, or none; None where nobody looked, and where no feet
            are seen below bare legs. Feet of a black-and-white photo that have the face's grey count as not seen:
            ``shoes`` is then the grey that shoes would have.
    """

    skin: Tone | None = None
    hair: Tone | None = None
    brows: Tone | None = None
    lips: Tone | None = None
    iris: Tone | None = None
    shoes: Tone | None = None
    feet: Feet | None = None

    def to_json(self) -> dict[str, Any]:
        """Those that are known, by name: ``srgb`` 0..255 and ``confidence`` 0..1; and what is known of the feet."""
        known = ((name, getattr(self, name)) for name in _TONE_NAMES)
        tones: dict[str, Any] = {
            name: {"srgb": list(tone.srgb), "confidence": round(tone.confidence, 2)}
            for name, tone in known
            if tone is not None
        }
        return tones if self.feet is None else tones | {"feet": self.feet}

    @staticmethod
    def from_json(content: Any) -> PersonColours:
        """Reads back what ``to_json`` wrote; what is missing or no colour, as with channels outside 0..255, is None."""
        if not isinstance(content, Mapping):
            return PersonColours()
        feet = content.get("feet")
        tones = {name: _tone_of(content.get(name)) for name in _TONE_NAMES}
        return PersonColours(**tones, feet=feet if feet in get_args(Feet) else None)


_TONE_NAMES = tuple(field.name for field in fields(PersonColours) if field.name != "feet")


def _tone_of(content: Any) -> Tone | None:
    if not isinstance(content, Mapping):
        return None
    srgb, confidence = colour_of(content.get("srgb"), 255.0), number_of(content.get("confidence"), 0.0, 1.0)
    if srgb is None or confidence is None:
        return None
    red, green, blue = (round(channel) for channel in srgb)
    return Tone((red, green, blue), confidence)


def person_colours(
    pixels: Pixels,
    intrinsics: Array,
    vertices: Array,
    body: Body,
    face: FaceMesh | None = None,
    eyes_to_mouth: Array | None = None,
    mask: Bools | None = None,
    others: tuple[Array, ...] = (),
    hidden: Collection[str] = (),
) -> PersonColours:
    """What a photo tells of a person's colours.

    Args:
        pixels: (H, W, 3) sRGB, red first.
        intrinsics: (3, 3) px of ``pixels``.
        vertices: (V, 3) m, camera axes, of the posed body.
        face: the person's face point by point, px of ``pixels``; None: brows, lips and irises are not looked at.
        eyes_to_mouth: (4, 2) px, where the points of ``alignment.FACE_POINTS`` are seen, or None.
        mask: (H, W) which pixels show the person; None: those that the body covers.
        others: other people's vertices (N, 3) m, camera axes, who may stand before the person.
        hidden: limbs that are not clearly seen, such as "left leg", of which the photo tells nothing.
    """
    if not np.isfinite(vertices).all():
        return PersonColours()
    seen = _Seen.of(pixels, intrinsics, vertices, body, eyes_to_mouth, mask, others, hidden)
    if seen.is_grey:
        return _in_greys(seen)
    skin, light = _skin(seen, face)
    shoes, feet = _shoes(seen, skin, light)
    if skin is None:
        return PersonColours(hair=_hair(seen, None, np.ones(3)), shoes=shoes, feet=feet)
    width = 0.0 if face is None else _width(face)
    return PersonColours(
        skin=skin,
        hair=_hair(seen, skin, light),
        brows=_brows(pixels, face, skin, light) if face is not None and width >= _BROWS_FROM else None,
        lips=_lips(pixels, face, light) if face is not None and width >= _LIPS_FROM else None,
        iris=_iris(pixels, face, light) if face is not None and width >= _IRIS_FROM else None,
        shoes=shoes,
        feet=feet,
    )


@dataclass(frozen=True, eq=False)
class _Regions:
    """Triangles of a body, and its eyes.

    Attributes:
        face: the bare part of the face: without eyes, lips and where a beard or brows grow.
        scalp, hands: the regions of ``Anatomy``.
        feet: what low shoes cover of them.
        shins: what is below the calf.
    """

    face: Ints
    scalp: Ints
    hands: Ints
    feet: Ints
    shins: Ints


@lru_cache(maxsize=4)
def _regions(body: Body) -> _Regions:
    anatomy, triangles = anatomy_of(body), body.triangles
    rest = body.rest_vertices.astype(np.float64)[triangles].mean(axis=1)
    painted = anatomy.painted
    face = painted & anatomy.face[triangles].all(axis=1)
    if "l_eye" in body.joint_names:
        eye = body.pose(np.zeros(len(body.parameter_names))).translations[body.joint_index("l_eye")]
        bare = (rest[:, 1] > eye[1] - 4.2) & (np.abs(rest[:, 0]) < 6.2)  # above the mouth, before the ears
        apart = np.hypot(np.abs(rest[:, 0]) - eye[0], (rest[:, 1] - eye[1]) / 1.3)
        bare &= (apart > 1.9) & ((np.abs(rest[:, 0]) < 1.0) | (rest[:, 1] < eye[1] + 0.5) | (rest[:, 1] > eye[1] + 3.5))
        face &= bare
    names = np.array(body.material_names)[body.face_materials[body.triangle_faces]]
    face &= names != "lips"
    scalp = painted & (anatomy.hair[triangles].min(axis=1) > 0.35)
    hands = painted & anatomy.hands[triangles].all(axis=1) & (names != "nails")
    feet = painted & anatomy.feet[triangles].all(axis=1)
    if feet.any():
        feet &= rest[:, 1] < rest[feet, 1].min() + _SHOE_HEIGHT
    shins = painted & np.isin(anatomy.part[triangles[:, 0]], [PARTS.index(f"{side}_lowleg") for side in "lr"])
    if shins.any():
        shins &= rest[:, 1] < np.median(rest[shins, 1])
    return _Regions(*(np.flatnonzero(region) for region in (face, scalp, hands, feet, shins)))


@dataclass(frozen=True, eq=False)
class _Seen:
    """What can be seen of a body's regions: places (N, 2) px, and (N, 3) normals, in the camera's axes.

    ``layers`` are (k, 2) px outside the scalp at several distances.
    """

    pixels: Pixels
    face: Array
    face_normals: Array
    hands: Array
    hands_normals: Array
    feet: Array
    shins: Array
    layers: tuple[Array, ...]
    scalp_share: float

    @staticmethod
    def of(
        pixels: Pixels,
        intrinsics: Array,
        vertices: Array,
        body: Body,
        eyes_to_mouth: Array | None,
        mask: Bools | None,
        others: tuple[Array, ...],
        hidden: Collection[str],
    ) -> _Seen:
        regions = _regions(body)
        parts = (regions.face, regions.hands, regions.scalp, regions.feet, regions.shins)
        chosen, ends = np.concatenate(parts), np.cumsum([0, *map(len, parts)])
        a, b, c = vertices[body.triangles[chosen]].transpose(1, 0, 2)
        normals = np.cross(b - a, c - a)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        shares = _FEW if len(body.triangles) > _FINE else _MANY
        centres = np.stack([share @ np.stack([a, b, c], axis=1) for share in shares], axis=1).reshape(-1, 3)
        normals, ends = np.repeat(normals, len(shares), axis=0), ends * len(shares)
        away = centres / np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
        facing = -np.einsum("nc,nc->n", normals, away)
        everybody = np.concatenate([vertices, *others])
        steepest = np.full(len(centres), _FACING)
        steepest[ends[2] : ends[3]] = _FACING_SCALP
        open_to_view = (facing > steepest) & (centres[:, 2] > 0.05) & ~_hidden(centres, everybody)
        shift = face_shift(eyes_to_mouth, vertices, intrinsics, body, anatomy_of(body))
        of_head = np.ones((len(centres), 1))
        of_head[ends[1] : ends[2]] = of_head[ends[3] :] = 0.0
        places = project(centres, intrinsics) + of_head * shift
        usable = open_to_view & _inside(places, pixels, mask)
        unseen = [part for limb in hidden if limb.endswith("leg") for part in parts_of_limb(limb)]
        usable &= ~np.repeat(np.isin(anatomy_of(body).part[body.triangles[chosen, 0]], unseen), len(shares))
        face, hands, scalp, feet, shins = (np.arange(ends[k], ends[k + 1]) for k in range(5))
        face, hands, on_scalp = face[usable[face]], hands[usable[hands]], scalp[open_to_view[scalp]]
        layers = []
        for distance in _HAIR_LAYERS:
            outside = project(centres[on_scalp] + distance * normals[on_scalp], intrinsics) + shift
            layers.append(outside[_inside(outside, pixels, mask)])
        share = len(on_scalp) / max(len(scalp), 1)
        below, above = (places[region[usable[region]]] for region in (feet, shins))
        return _Seen(
            pixels, places[face], normals[face], places[hands], normals[hands], below, above, tuple(layers), share
        )

    @property
    def places(self) -> Array:
        """(N, 2) px of face, hands and hair."""
        return np.concatenate([self.face, self.hands, *self.layers])

    @property
    def is_grey(self) -> bool:
        """Whether the photo has no colours where the person is."""
        return not len(self.places) or is_grey(self.at(self.places))

    def at(self, places: Array) -> Array:
        """(N, 3) linear colours."""
        columns, rows = np.round(places).astype(np.int64).T
        return decode_srgb(self.pixels[rows, columns]).astype(np.float64)


def _hidden(points: Array, everybody: Array) -> Bools:
    """(N,) whether something stands before a point, roughly: in cells as wide as 2 cm, the nearest vertex."""
    depth = np.maximum(everybody[:, 2], 0.05)
    scale = float(np.median(points[:, 2])) / _CELL if len(points) else 1.0
    cells = np.floor(scale * everybody[:, :2] / depth[:, None]).astype(np.int64)
    mine = np.floor(scale * points[:, :2] / np.maximum(points[:, 2:], 0.05)).astype(np.int64)
    low = mine.min(axis=0) if len(mine) else np.zeros(2, np.int64)
    size = (mine.max(axis=0) - low + 1) if len(mine) else np.ones(2, np.int64)
    if not len(mine) or int(size[0]) * int(size[1]) > 4_000_000:
        return np.zeros(len(points), bool)
    near = np.full(int(size[0] * size[1]), np.inf)
    within = ((cells >= low) & (cells < low + size)).all(axis=1) & (everybody[:, 2] > 0.05)
    at = (cells[within] - low) @ np.array([int(size[1]), 1])
    np.minimum.at(near, at, everybody[within, 2])
    return np.asarray(points[:, 2] > near[(mine - low) @ np.array([int(size[1]), 1])] + _BEHIND)


def _inside(places: Array, pixels: Pixels, mask: Bools | None) -> Bools:
    """(N,) whether a pixel (N, 2) lies in the photo, and within the mask."""
    height, width = pixels.shape[:2]
    with np.errstate(invalid="ignore"):
        inside = (places > -0.5).all(axis=1) & (places[:, 0] < width - 0.5) & (places[:, 1] < height - 0.5)
    if mask is not None and inside.any():
        columns, rows = np.round(places[inside]).astype(np.int64).T
        inside[inside] = mask[rows, columns]
    return np.asarray(inside)


def _skin(seen: _Seen, face: FaceMesh | None) -> tuple[Tone | None, Array]:
    """The tone of the skin, and what light and exposure are to be multiplied by (3,)."""
    places, normals = seen.face, seen.face_normals
    if face is not None and len(places):
        kept = _in_polygon(places, face.points[list(_OVAL)])
        for hole in (*_LIDS, *_BROWS, _MOUTH):
            kept &= ~_in_polygon(places, _grown(face.points[list(hole)], 1.25))
        if kept.sum() >= _FEWEST:
            places, normals = places[kept], normals[kept]
    found = []
    for at, trust in ((places, 1.0), (seen.hands, _HANDS_TRUST)):
        if len(at) < _FEWEST:
            continue
        colours = seen.at(at)
        likely = looks_like_skin(colours)
        share = float(likely.mean())
        if likely.sum() < _FEWEST or share < _LEAST_SKIN:
            continue
        raw = _lit(colours[likely])
        size = float(np.linalg.norm(np.ptp(at, axis=0)))
        sure = trust * min(1.0, size / 60) * float(np.clip(share / 0.8, 0, 1))
        found.append((raw, sure, float(np.linalg.norm(_lab(colours[likely]).std(axis=0)))))
    if not found:
        return None, np.ones(3)
    raw, sure, spread = found[0]
    # shade makes skin darker, and nothing makes it lighter: hands of the same hue that are better lit count
    for other in found[1:]:
        brighter = other[0] @ _LUMINANCE > raw @ _LUMINANCE
        if brighter and other[1] > 0.5 * sure and _same_hue(other[0], raw):
            raw, sure, spread = other
    tone = _human(raw)
    moved = float(np.linalg.norm(_lab(raw[None]) - _lab(tone[None])))
    sure *= float(np.clip(1.4 - spread / 40, 0.3, 1) * np.clip(1.15 - moved / 40, 0.2, 1))
    return _tone(tone, sure), tone / np.maximum(raw, 1e-4)


def _same_hue(one: Array, other: Array) -> bool:
    lab = _lab(np.stack([one, other]))
    turn = np.degrees(np.arctan2(lab[:, 2], lab[:, 1]))
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    return bool(abs(turn[0] - turn[1]) < _HUE_ALIKE and 0.65 < chroma[0] / max(chroma[1], 1e-6) < 1.5)


def _lit(linear: Array) -> Array:
    """(3,) the colour of the part of the skin that light falls on, without what is gloss."""
    bright = linear @ _LUMINANCE
    low, high = np.percentile(bright, _LIT)
    return np.asarray(np.median(linear[(bright >= low) & (bright <= high)], axis=0))


def _human(linear: Array) -> Array:
    """(3,) the tone that somebody has whose skin looks so in a photo: between what is seen and what people have."""
    lightness, a, b = _lab(linear[None])[0]
    chroma, hue = float(np.hypot(a, b)), float(np.degrees(np.arctan2(b, a)))
    lightness = _USUAL_LIGHTNESS + _KEPT_LIGHTNESS * (float(lightness) - _LIT_LIGHTNESS)
    lightness = float(np.clip(lightness, *_LIGHTNESS))
    usual_chroma = float(np.interp(lightness, _TONES[:, 0], _TONES[:, 1]))
    usual_hue = float(np.interp(lightness, _TONES[:, 0], _TONES[:, 2]))
    chroma = usual_chroma + float(np.clip(_KEPT_CHROMA * (chroma - usual_chroma), -_OFF_CHROMA, _OFF_CHROMA))
    hue = usual_hue + float(np.clip(_KEPT_HUE * (hue - usual_hue), -_OFF_HUE, _OFF_HUE))
    turned = np.array([lightness, chroma * np.cos(np.radians(hue)), chroma * np.sin(np.radians(hue))])
    return np.asarray(_from_lab(turned[None])[0])


def _hair(seen: _Seen, skin: Tone | None, light: Array) -> Tone | None:
    places = [layer for layer in seen.layers if len(layer)]
    if not places or len(places[0]) < _FEWEST:
        return None
    lit = np.concatenate([seen.at(layer) for layer in places]) * light
    lab = _lab(lit)
    hairy = np.ones(len(lab), bool)
    if skin is not None:
        own = _lab(np.array(skin.linear)[None])[0]
        weights = np.array([0.45, 1.3, 1.3])  # shade changes lightness more than hue
        hairy = np.linalg.norm(weights * (lab - own), axis=1) > _SAME_COLOUR
    share = float(hairy.mean())
    if hairy.sum() < _FEWEST or share < _LEAST_HAIR:
        return None
    middle = np.median(lab[hairy], axis=0)
    grown = _in_gamut_of_hair(middle)
    spread = float(np.median(np.linalg.norm(lab[hairy] - middle, axis=1)))
    sure = (
        np.clip(share / 0.8, 0, 1)
        * np.clip(1.3 - spread / 30, 0.2, 1)
        * grown
        * np.clip(seen.scalp_share / 0.1, 0.2, 1)
    )
    if sure < 0.1:
        return None
    return _tone(_from_lab(middle[None])[0], float(sure) * (0.9 if skin is not None else 0.5))


def _in_greys(seen: _Seen) -> PersonColours:
    """What a black-and-white photo tells: the grey of the shoes, and nothing of people's own colours. Shoes surely are
    what has another grey than the face; what has its grey may be a bare foot, of which nobody can tell.
    """
    if not len(seen.places):
        return PersonColours()
    if len(seen.feet) < _FEWEST:
        return PersonColours(feet="unseen")
    shown = _lab(seen.at(seen.feet))
    middle = np.median(shown, axis=0)
    middle[1:] = 0.0
    spread = float(np.median(np.abs(shown[:, 0] - middle[0])))
    size = float(np.linalg.norm(np.ptp(seen.feet, axis=0)))
    skin = seen.face if len(seen.face) >= _FEWEST else seen.hands
    own = _lab(_lit(seen.at(skin))[None])[0, 0] if len(skin) >= _FEWEST else None
    covered = own is not None and bool(abs(middle[0] - own) > _OTHER_GREY)
    sure = min(1.0, size / 60) * (1.0 if covered else _GREY_AS_SKIN) * np.clip(1.4 - spread / 40, 0.3, 1)
    return PersonColours(shoes=_tone(_from_lab(middle[None])[0], float(sure)), feet="covered" if covered else "unseen")


def _shoes(seen: _Seen, skin: Tone | None, light: Array) -> tuple[Tone | None, Feet | None]:
    """The colour of what covers the feet, as the photo shows it and so as the texture beside it has it; None where they
    look as bare as the face, or where too little is seen of them. And what is known of the feet.
    """
    dressed = _covered_share(seen, seen.shins, skin, light, _COVERED)
    if len(seen.feet) < _FEWEST:
        return None, None if dressed is not None and dressed < _LEAST_COVERED else "unseen"
    covered = _is_covered(seen, seen.feet, skin, light, _COVERED)
    if covered.mean() < _LEAST_COVERED and dressed is not None and dressed >= _LEAST_COVERED:
        # whoever wears something down to the ankles is seldom barefoot, and shoes are often brown
        covered = _is_covered(seen, seen.feet, skin, light, _COVERED_BELOW_CLOTH)
    share = float(covered.mean())
    if share < _LEAST_COVERED:
        return None, "bare"
    shown = _lab(seen.at(seen.feet[covered]))
    middle = np.median(shown, axis=0)
    spread = float(np.median(np.linalg.norm(shown - middle, axis=1)))
    size = float(np.linalg.norm(np.ptp(seen.feet, axis=0)))
    trust = skin.confidence if skin is not None else _SKIN_UNSEEN
    sure = min(1.0, size / 60) * share * trust * np.clip(1.4 - spread / 40, 0.3, 1)
    return _tone(_from_lab(middle[None])[0], float(sure)), "covered"


def _covered_share(seen: _Seen, places: Array, skin: Tone | None, light: Array, limit: float) -> float | None:
    """Which part of some places (N, 2) px is not bare skin; None where these are too few."""
    return float(_is_covered(seen, places, skin, light, limit).mean()) if len(places) >= _FEWEST else None


def _is_covered(seen: _Seen, places: Array, skin: Tone | None, light: Array, limit: float) -> Bools:
    """(N,) whether places (N, 2) px have another colour than the person's skin, or, where that is not known, than
    anybody's.
    """
    linear = seen.at(places)
    if skin is None:
        return ~looks_like_skin(linear)
    own = _lab(np.array(skin.linear)[None])[0]
    return np.asarray(np.linalg.norm(_FEET_WEIGHTS * (_lab(linear * light) - own), axis=1) > limit)


def _in_gamut_of_hair(lab: Array) -> float:
    """0..1: hair of its own colour is grey, or between red and yellow."""
    chroma, hue = float(np.hypot(lab[1], lab[2])), float(np.degrees(np.arctan2(lab[2], lab[1])))
    off = max(25.0 - hue, hue - 100.0, 0.0)
    return float(np.clip(1 - (chroma - 9) / 12 * min(off / 30, 1.0), 0, 1)) if chroma > 9 else 1.0


def _brows(pixels: Pixels, face: FaceMesh, skin: Tone, light: Array) -> Tone | None:
    found = [colours for brow in _BROWS if len(colours := _pixels_in(pixels, face.points[list(brow)])) >= _FEWEST]
    if not found:
        return None
    lab = _lab(np.concatenate(found) * light)
    dark = lab[lab[:, 0] <= np.percentile(lab[:, 0], 35)]
    middle = np.median(dark, axis=0)
    contrast = float(_lab(np.array(skin.linear)[None])[0, 0] - middle[0])
    if contrast < _BROW_CONTRAST:
        return None
    sure = np.clip(contrast / 25, 0, 1) * np.clip(_width(face) / 140, 0.3, 1)
    return _tone(_from_lab(middle[None])[0], float(sure))


def _lips(pixels: Pixels, face: FaceMesh, light: Array) -> Tone | None:
    colours = _pixels_in(pixels, face.points[list(_MOUTH)], (face.points[list(_MOUTH_INSIDE)],))
    if len(colours) < _FEWEST:
        return None
    lab = _lab(colours * light)
    middle = np.median(lab, axis=0)
    hue = float(np.degrees(np.arctan2(middle[2], middle[1])))
    if not -25 < hue < 70:
        return None
    spread = float(np.median(np.linalg.norm(lab - middle, axis=1)))
    return _tone(
        _from_lab(middle[None])[0], float(np.clip(_width(face) / 140, 0.3, 1) * np.clip(1.3 - spread / 25, 0.2, 1))
    )


def _iris(pixels: Pixels, face: FaceMesh, light: Array) -> Tone | None:
    found, opening = [], []
    for points, lids in zip(_IRISES, _LIDS):
        circle, edge = face.points[points], face.points[list(lids)]
        centre, radius = circle[0], float(np.linalg.norm(circle[1:] - circle[0], axis=1).mean())
        opening.append(float(edge[4, 1] - edge[12, 1]) / max(2 * radius, 1e-6))
        if radius < 3.5 or abs(opening[-1]) < 0.45:
            continue
        turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        ring = np.stack([np.cos(turns), np.sin(turns)], axis=1) * radius
        colours = _pixels_in(pixels, centre + 0.85 * ring, (centre + 0.45 * ring,), within=edge)
        found.append(colours)
    colours = np.concatenate(found) if found else np.zeros((0, 3))
    if len(colours) < _FEWEST:
        return None
    lab = _lab(colours * light)
    # the lamp's reflection is bright, the lashes' shade dark
    low, high = np.percentile(lab[:, 0], (20, 75))
    middle = np.median(lab[(lab[:, 0] >= low) & (lab[:, 0] <= high)], axis=0)
    middle[0] = min(middle[0], 65.0)
    return _tone(_from_lab(middle[None])[0], float(np.clip((_width(face) - _IRIS_FROM) / 200 + 0.25, 0, 1)))


def _width(face: FaceMesh) -> float:
    """px of a face from the front; of one that is turned, as if it were not."""
    oval = face.points[list(_OVAL)]
    return float(np.linalg.norm(oval[18] - oval[0])) * 0.78


def _grown(polygon: Array, factor: float) -> Array:
    middle = polygon.mean(axis=0)
    return np.asarray(middle + factor * (polygon - middle))


def _in_polygon(places: Array, polygon: Array) -> Bools:
    """(N,) whether places (N, 2) lie within a polygon: by the edges that a ray to the right crosses."""
    x, y = places.T
    inside = np.zeros(len(places), bool)
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0)):
        crosses = (ay > y) != (by > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    return inside


def _pixels_in(pixels: Pixels, polygon: Array, holes: tuple[Array, ...] = (), within: Array | None = None) -> Array:
    """(N, 3) linear colours of the pixels within a polygon, outside of holes and inside another polygon."""
    low = np.maximum(np.floor(polygon.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(polygon.max(axis=0)).astype(int) + 1, (pixels.shape[1], pixels.shape[0]))
    if (high <= low).any():
        return np.zeros((0, 3))
    rows, columns = np.mgrid[low[1] : high[1], low[0] : high[0]]
    places = np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float64)
    kept = _in_polygon(places, polygon)
    for hole in holes:
        kept &= ~_in_polygon(places, hole)
    if within is not None:
        kept &= _in_polygon(places, within)
    patch = pixels[low[1] : high[1], low[0] : high[0]].reshape(-1, 3)
    return decode_srgb(patch[kept]).astype(np.float64)


def _tone(linear: Array, confidence: float) -> Tone:
    red, green, blue = encode_srgb(linear).tolist()
    return Tone((red, green, blue), float(np.clip(confidence, 0.0, 1.0)))


def _lab(linear: Array) -> Array:
    """(N, 3) linear Rec.709 as CIELAB."""
    scaled = np.clip(linear, 0, 1).astype(np.float32)[None]
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_LRGB2LAB)[0], np.float64)


def _from_lab(lab: Array) -> Array:
    """(N, 3) CIELAB as linear Rec.709."""
    linear = cv2.cvtColor(lab.astype(np.float32)[None], cv2.COLOR_LAB2LRGB)[0]
    return np.asarray(np.clip(linear, 0, 1), np.float64)
