"""What no photo shows of a person, filled in from what the photos show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.render.colour import encode_srgb

from .anatomy import PARTS, Anatomy
from .atlas import Atlas
from .projection import Floats, sampled
from .skin import skin_tone
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
_STIFFNESS, _ACROSS_HAIRLINE = 0.02, 1e-5
#: How far the colour at the hairline counts for hair, against that deeper in it.
_AT_HAIRLINE = 0.002
#: Garments end along a limb, not around it: edges count by the power of how far they run around it, and those along it
#: by this share.
_AROUND, _ALONG = 3, 0.002
#: How strongly regions of skin are drawn to the skin's tone where nothing is seen of them.
_TO_SKIN = {"face": 0.02, "hands": 0.01, "feet": 1e-4}
_SAMPLE = 4
#: Difference in a and b of CIELAB (8 bit) from where on a colour is not the skin's, and the least part of a hand that
#: has to be the skin's for the rest to be something else.
_OTHER_HUE, _BARE = 11.0, 0.15


@dataclass(frozen=True, eq=False)
class Filled:
    """A whole texture.

    Attributes:
        colour: (N, 3) linear.
        confidence: (N,) 0..1.
        shares: which part of the painted texels is seen, mirrored, and spread.
        tone: (3,) linear, of the skin.
        tone_seen: whether the photos show skin.
    """

    colour: Floats
    confidence: Floats
    shares: dict[str, float]
    tone: Array
    tone_seen: bool


def filled(
    body: Body,
    anatomy: Anatomy,
    atlas: Atlas,
    colour: Floats,
    weight: Floats,
) -> Filled:
    """Fills in what was not seen: from the other side where both are of one garment, and from around, along the
    surface; face, hands and feet from the tone of the skin.

    Args:
        colour, weight: (N, 3) linear and (N,) 0..1, what was seen.
    """
    triangles = body.triangles
    part = anatomy.part[triangles[atlas.triangle, 0]]
    painted = anatomy.painted[atlas.triangle]
    mirror, mirror_weight = _mirrored(body, anatomy, atlas, part, colour, weight)
    tone, tone_seen = skin_tone(
        [_of_region(region, triangles, atlas, colour, weight) for region in (anatomy.face, anatomy.hands, anatomy.feet)]
    )

    if tone_seen:
        weight = weight * _plausible_hands(anatomy, triangles, atlas, colour, weight, tone)
    seen = _smooth(weight / _FULL)
    halves = _smooth(mirror_weight / _FULL_MIRROR)
    layers = [(mirror, halves, MIRRORED), (colour, seen, 1.0)]

    # colours times trust, lest what is half seen is half black
    known, trust = np.zeros_like(colour), np.zeros_like(weight)
    for layer, share, most in layers:
        known += share[:, None] * (most * layer - known)
        trust += share * (most - trust)
    around = _spread(body, anatomy, atlas, known * painted[:, None], trust * painted, tone)
    result, sureness = atlas.across(triangles, around), np.full(len(weight), SPREAD, np.float32)
    for layer, share, most in layers:
        sure = most if most < 1 else 0.5 + 0.5 * weight
        result += share[:, None] * (layer - result)
        sureness += share * (sure - sureness)

    shares = {"seen": _share(seen, painted), "mirrored": _share((1 - seen) * halves, painted)}
    shares["spread"] = max(0.0, 1 - sum(shares.values()))
    return Filled(result, sureness * painted, shares, tone, tone_seen)


def _share(part: Floats, painted: NDArray[np.bool_]) -> float:
    return float(part[painted].mean()) if painted.any() else 0.0


def _smooth(share: Floats) -> Floats:
    clipped = np.clip(share, 0, 1)
    return np.asarray(clipped * clipped * (3 - 2 * clipped), np.float32)


def _plausible_hands(
    anatomy: Anatomy, triangles: NDArray[np.int32], atlas: Atlas, colour: Floats, weight: Floats, tone: Array
) -> Floats:
    """(N,) 0 on the texels of a hand that show something else than skin, 1 elsewhere; all 1 where most of what is seen
    of the hand is something else, such as a glove. Hands are small and often beside their estimate.
    """
    plausible = np.ones(len(weight), np.float32)
    part = anatomy.part[triangles[atlas.triangle, 0]]
    for name in ("l_hand", "r_hand"):
        mine = np.flatnonzero((part == PARTS.index(name)) & (weight > 0))
        if not len(mine):
            continue
        own, skin = (
            cv2.cvtColor(encode_srgb(c)[None], cv2.COLOR_RGB2LAB)[0, :, 1:].astype(np.float32)
            for c in (colour[mine], np.asarray(tone)[None])
        )
        away = np.linalg.norm(own - skin, axis=1)
        if (away < _OTHER_HUE).mean() >= _BARE:
            plausible[mine] = np.clip(2 - away / _OTHER_HUE, 0, 1)
    return plausible


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


def _spread(body: Body, anatomy: Anatomy, atlas: Atlas, known: Floats, trust: Floats, tone: Array) -> Array:
    """Colours (V, 3) of the vertices, from the texels around them and along the surface.

    Args:
        known: (N, 3) linear, times ``trust``.
        trust: (N,) 0..1.
    """
    count, corners = body.vertex_count, body.triangles[atlas.triangle[::_SAMPLE]]
    shares = atlas.weights[::_SAMPLE] * trust[::_SAMPLE, None]
    total = np.bincount(corners.ravel(), np.ones(corners.size), count)
    weight = np.bincount(corners.ravel(), shares.ravel(), count)
    pulls = atlas.weights[::_SAMPLE]
    sums = np.stack(
        [np.bincount(corners.ravel(), (pulls * known[::_SAMPLE, c, None]).ravel(), count) for c in range(3)], axis=1
    )
    colours = sums / np.maximum(weight, 1e-9)[:, None]
    # a vertex that is seen on one of its sides alone is half as sure
    sure = weight / np.maximum(total / 3, 1e-9)
    # hairlines differ, and a forehead is not to become hair
    sure[anatomy.scalp] *= np.maximum(anatomy.hair[anatomy.scalp] ** 3, _AT_HAIRLINE)
    pull = np.full(count, 1e-7)
    for name, strength in _TO_SKIN.items():
        region: NDArray[np.bool_] = getattr(anatomy, name)
        pull[region] = np.maximum(pull[region], strength * np.clip(1 - 4 * sure[region], 0, 1))
    stiffness = _STIFFNESS * np.maximum((1 - anatomy.along) ** _AROUND, _ALONG)
    hair = anatomy.scalp[anatomy.edges]
    stiffness[hair[:, 0] != hair[:, 1]] *= _ACROSS_HAIRLINE
    together = sure + pull
    wanted = (sure[:, None] * colours + pull[:, None] * tone) / together[:, None]
    return spread(wanted, together, anatomy.edges, stiffness)
