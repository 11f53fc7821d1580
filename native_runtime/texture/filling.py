"""What no photo shows of a person, filled in from what the photos show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from native_runtime.render.colour import encode_srgb

from .anatomy import PARTS, Anatomy
from .atlas import Atlas, interpolated
from .doubts import at_ankles, believed, supported
from .garments import Garments, Samples, garments_of, worn
from .hands import bare_hands_in_greys, plausible_hands
from .hips import DENIM, bare_hips
from .projection import Floats, Seen, sampled
from .skin import in_greys, is_grey, skin_tone
from .skin_parts import skin_parts
from .spreading import spread

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

#: Confidence of the ways in which texels come about: up to 1 where seen, at most so much where not.
MIRRORED, SPREAD = 0.4, 0.1
#: Weights from which on a texel is wholly what it was seen as, and what it is filled with.
_FULL, _FULL_MIRROR = 0.3, 0.3
#: Halves of a part are of one garment where their colours differ by less, sRGB 0..255; judged on so many texels.
_SAME_GARMENT, _FEWEST_SHARED = 26.0, 400
#: How far colours hold together against one that is seen well: within a garment, on the head, across the hairline; and
#: how far each is drawn to the garment's own.
_WITHIN, _ON_HEAD, _ACROSS_HAIRLINE, _TO_GARMENT = 0.3, 0.006, 1e-5, 0.003
#: How far the colour at the hairline counts for hair, against that deeper in it.
_AT_HAIRLINE = 0.002
#: How strongly regions of skin are drawn to the skin's tone where nothing is seen of them.
_TO_SKIN = {"face": 0.02, "hands": 0.01, "feet": 1e-4}
#: Feet of which less is seen than this stay bare below trousers of a plain colour; such lips have the colour that
#: follows from the skin's.
_UNSEEN = 0.1


@dataclass(frozen=True, eq=False)
class Filled:
    """A whole texture.

    Attributes:
        colour: (N, 3) linear.
        confidence: (N,) 0..1.
        shares: which part of the painted texels is seen, mirrored, and spread.
        tone: (3,) linear, of the skin.
        tone_seen: whether the photos show skin.
        covered: whether hips that no photo shows dressed were covered with trousers or shorts of a plain colour.
    """

    colour: Floats
    confidence: Floats
    shares: dict[str, float]
    tone: Array
    tone_seen: bool
    covered: bool


def filled(
    body: Body,
    anatomy: Anatomy,
    atlas: Atlas,
    shown: Seen,
) -> Filled:
    """Fills in what was not seen: from the other side where both are of one garment; from what the same garment shows
    elsewhere; face, hands and feet from the tone of the skin.

    Args:
        shown: what the photos show.
    """
    colour, weight = shown.colour, shown.weight
    triangles = body.triangles
    part = anatomy.part[triangles[atlas.triangle, 0]]
    painted = anatomy.painted[atlas.triangle]
    grey = is_grey(colour[weight > _FULL])
    tone, tone_seen = skin_tone(
        [
            _of_region(region, triangles, atlas, colour, weight)
            for region in (anatomy.face, anatomy.hands, anatomy.feet)
        ],
        lit=shown.believed is not None,
        grey=grey,
    )
    if shown.believed is not None:
        weight = weight * shown.believed
    if tone_seen and not grey:
        weight = weight * plausible_hands(anatomy, triangles, atlas, colour, weight, tone)
    garments = garments_of(_of_region(~anatomy.head, triangles, atlas, colour, weight), tone, grey)
    votes = Samples.of(body, atlas, colour, weight, garments).votes
    garments = garments.in_one_light(votes, body, anatomy)
    bare_hands = None
    if tone_seen and grey:  # where hands have a say in what colours there are, as there is none of skin
        bare_hands, plausible = bare_hands_in_greys(anatomy, triangles, atlas, colour, weight, tone)
        weight = weight * plausible
    weight = weight * believed(body, atlas, anatomy, garments, replace(shown, weight=weight), bare_hands)
    weight = weight * supported(body, anatomy, atlas, garments, colour, weight, shown.inset, bare_hands)
    if bare_hands is not None:
        garments = garments.with_bare_arms(votes, anatomy)
    mirror, mirror_weight = _mirrored(body, anatomy, atlas, part, colour, weight)
    seen, halves = _smooth(weight / _FULL), _smooth(mirror_weight / _FULL_MIRROR)

    def sampled_layers() -> list[Samples]:
        return [
            Samples.of(body, atlas, layer, share * painted, garments, bare_hands)
            for layer, share in ((mirror, MIRRORED * halves * (1 - seen)), (colour, seen))
        ]

    samples = sampled_layers()
    votes = np.sum([s.votes for s in samples], axis=0)
    shares_worn = worn(garments, votes, body, anatomy)
    bare = bare_hips(body, anatomy, garments, votes, shares_worn)
    if bare.any():
        garments = garments.with_one_more(DENIM)
        shown_there = 1 - atlas.across(triangles, bare[:, None].astype(np.float64))[:, 0]
        seen, halves, weight = seen * shown_there, halves * shown_there, weight * shown_there
        samples = sampled_layers()
        unseen_feet, kinds = anatomy.feet & (votes.sum(axis=1) < _UNSEEN), len(garments.tones)
        samples.append(Samples.plain(bare, kinds - 1, DENIM, kinds))
        samples.append(Samples.plain(unseen_feet, garments.skin, tone, kinds))
        votes = np.sum([s.votes for s in samples], axis=0)
        shares_worn = worn(garments, votes, body, anatomy)
    seen, halves = (
        share * at_ankles(body, anatomy, atlas, garments, shares_worn, layer, share)
        for share, layer in ((seen, colour), (halves, mirror))
    )
    result = _around(body, anatomy, atlas, garments, samples, shares_worn, tone)
    layers = [(mirror, halves, MIRRORED), (colour, seen, 1.0)]
    sureness = np.full(len(weight), SPREAD, np.float32)
    for layer, share, most in layers:
        sure = most if most < 1 else 0.5 + 0.5 * weight
        result += share[:, None] * (layer - result)
        sureness += share * (sure - sureness)

    if grey:
        result = in_greys(result)
    shares = {"seen": _share(seen, painted), "mirrored": _share((1 - seen) * halves, painted)}
    shares["spread"] = max(0.0, 1 - sum(shares.values()))
    return Filled(result, sureness * painted, shares, tone, tone_seen, bool(bare.any()))


def _share(part: Floats, painted: NDArray[np.bool_]) -> float:
    return float(part[painted].mean()) if painted.any() else 0.0


def _smooth(share: Floats) -> Floats:
    clipped = np.clip(share, 0, 1)
    return np.asarray(clipped * clipped * (3 - 2 * clipped), np.float32)


def _of_region(
    region: NDArray[np.bool_], triangles: NDArray[np.int32], atlas: Atlas, colour: Floats, weight: Floats
) -> Floats:
    inside = region[triangles].all(axis=1)[atlas.triangle]
    return colour[inside & (weight > _FULL)]


def _mirrored(
    body: Body, anatomy: Anatomy, atlas: Atlas, part: NDArray[np.int64], colour: Floats, weight: Floats
) -> tuple[Floats, Floats]:
    """The colour (N, 3) of the opposite texel, and its weight (N,); 0 where both sides are of different garments."""
    size = atlas.size
    places = np.stack([body.uvs[:, 0] * size - 0.5, (1 - body.uvs[:, 1]) * size - 0.5], axis=1).astype(np.float32)
    corners = places[np.maximum(anatomy.mirror_loops, 0)][atlas.triangle]
    opposite = np.einsum("nk,nkc->nc", atlas.weights, corners)
    exists = (anatomy.mirror_loops >= 0).all(axis=1)[atlas.triangle]
    picture = atlas.picture(np.concatenate([colour * weight[:, None], weight[:, None]], axis=1))
    found = sampled(picture, opposite[:, 0], opposite[:, 1])
    other_weight = found[:, 3] * exists
    other = found[:, :3] / np.maximum(found[:, 3:], 1e-6)
    allowed = np.zeros(len(PARTS), np.float32)
    for number, name in enumerate(PARTS):
        pair = name.replace("l_", "r_", 1) if name.startswith("l_") else name
        if name.startswith("r_"):
            continue
        both = (part == number) & (weight > _FULL) & (other_weight > _FULL)
        same = True
        if both.sum() >= _FEWEST_SHARED * (size / 2048) ** 2:
            a, b = (encode_srgb(c[both]).astype(np.float32) for c in (colour, other))
            same = float(np.abs(a - b).mean()) < _SAME_GARMENT
        allowed[number] = allowed[PARTS.index(pair)] = same
    return other, other_weight * allowed[part]


def _around(
    body: Body,
    anatomy: Anatomy,
    atlas: Atlas,
    garments: Garments,
    samples: Sequence[Samples],
    shares: Array,
    tone: Array,
) -> Floats:
    """Colours (N, 3) of the texels, continued along the surface within each garment.

    Args:
        shares: (V, K) how surely each vertex wears each garment.
    """
    votes = np.sum([s.votes for s in samples], axis=0)
    wears = shares.argmax(axis=1)
    rows = np.arange(len(wears))
    below = ~anatomy.head
    sure = np.where(below, votes[rows, wears], votes.sum(axis=1))
    colours = np.sum([s.colours for s in samples], axis=0)
    colours = np.where(below[:, None], colours[rows, wears], colours.sum(axis=1)) / np.maximum(sure, 1e-9)[:, None]
    # hairlines differ, and a forehead is not to become hair
    sure[anatomy.scalp] *= np.maximum(anatomy.hair[anatomy.scalp] ** 3, _AT_HAIRLINE)

    goal = np.where(below[:, None], garments.tones[wears], tone)
    lips = _lips(body)
    if len(lips) and sure[lips].mean() < _UNSEEN:
        goal[lips] = skin_parts(_triple(tone)).lips
    pull = np.where(below, _TO_GARMENT, 1e-7)
    for name, strength in _TO_SKIN.items():
        region: NDArray[np.bool_] = getattr(anatomy, name) & (anatomy.head | (wears == garments.skin))
        pull[region] = np.maximum(pull[region], strength * np.clip(1 - 4 * sure[region], 0, 1))
    first, second = anatomy.edges.T
    stiffness = np.where(below[first] & below[second], _WITHIN, _ON_HEAD)
    stiffness[below[first] & below[second] & ~garments.kin[wears[first], wears[second]]] = 0.0
    stiffness[anatomy.scalp[first] != anatomy.scalp[second]] *= _ACROSS_HAIRLINE
    together = sure + pull
    wanted = (sure[:, None] * colours + pull[:, None] * goal) / together[:, None]
    filled = spread(wanted, together, anatomy.edges, stiffness)
    return _sharp(body, atlas, garments, shares, np.where(below, wears, -1), anatomy.edges, filled)


def _lips(body: Body) -> NDArray[np.int64]:
    """The vertices of the lips; none of bodies that do not tell them from skin."""
    lips = [number for number, name in enumerate(body.material_names) if name == "lips"]
    return np.unique(body.triangles[np.isin(body.face_materials[body.triangle_faces], lips)])


def _triple(colour: Array) -> tuple[float, float, float]:
    red, green, blue = colour.tolist()
    return red, green, blue


def _sharp(
    body: Body,
    atlas: Atlas,
    garments: Garments,
    shares: Array,
    wears: NDArray[np.int64],
    edges: NDArray[np.int64],
    colours: Array,
) -> Floats:
    """Colours (N, 3) of the texels by those of the vertices (V, 3): each texel has those of one garment.

    Args:
        shares: (V, K) how surely each vertex wears each garment.
        wears: (V,) the garment of each; -1: of none, and blended with all.
    """
    result = atlas.across(body.triangles, colours)
    worn_by = wears[body.triangles]
    differ = ~(garments.kin[worn_by, np.roll(worn_by, 1, axis=1)].all(axis=1))
    mixed = (worn_by >= 0).all(axis=1) & differ
    at = np.flatnonzero(mixed[atlas.triangle])
    corners, weights = body.triangles[atlas.triangle[at]], atlas.weights[at]
    choice = interpolated(corners, weights, shares).argmax(axis=1)
    both = np.concatenate([edges, edges[:, ::-1]])
    for number, tone in enumerate(garments.tones):
        mine = choice == number
        if not mine.any():
            continue
        # the garment's colours, continued to the vertices next to it
        own = wears == number
        given = both[own[both[:, 1]]]
        count = np.bincount(given[:, 0], minlength=len(own))[:, None]
        sums = np.stack([np.bincount(given[:, 0], c[given[:, 1]], len(own)) for c in colours.T], axis=1)
        beside = np.where(count > 0, sums / np.maximum(count, 1), tone)
        result[at[mine]] = interpolated(corners[mine], weights[mine], np.where(own[:, None], colours, beside))
    return result
