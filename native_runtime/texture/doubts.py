"""What is seen, but probably of something else.

A limb that the estimate calls hidden, or whose colours are those of the furniture beside it and of no other part of the
person, is behind that furniture: what is seen there is not the person's.

A fit is some centimetres off. So the outline of a hand before a thigh lies elsewhere in the photo than on the body, and
the thigh has skin there, or the hand trousers. What lies well within an outline is certain of its garment. Near an
outline, only what fits in with that counts as seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .anatomy import PARTS
from .garments import Garments, Samples, worn
from .lab import lab8

if TYPE_CHECKING:
    from native_runtime.mhr import Body

    from .anatomy import Anatomy
    from .atlas import Atlas
    from .projection import Floats, Seen

#: Parts of the person's size: nearer to an outline than the first, the photo may show anything; from the second on, it
#: shows the person.
_NEAR, _CERTAIN = 0.006, 0.035
#: What is near counts so far where a garment is told.
_LEAST = 0.05
#: From this share of what a place wears on, a garment is surely one of its own.
_OWN = 0.4
#: CIELAB (scaled as garments are): farther from all garments than this, a colour is none of theirs.
_STRANGE = 30.0
#: Of the random walks: enough where something is seen.
_WALKS = 60
#: A garment that is at least this part of what is seen of a part nearby is worn there. So many texels are looked at.
_WORN, _EVERY = 0.12, 8
#: Colours beside the person are sorted into cells of so many steps of CIELAB (8 bit). A colour is seen beside where the
#: cells around it hold this part of all.
_CELL, _COMMON, _COMMON_WHERE_DOUBTED = 8, 0.03, 0.006
#: What is seen counts half where this part around it is none of the person's; around is so many edges far.
_AMIDST, _ROUNDS = 0.3, 3
_ENDS = ("hand", "foot")
#: Ankles are so far above the sole, cm, and their ends are blended into what is around them. A garment that is less
#: than the first part of what is worn there is none, and from the second part on surely is one.
_ANKLES, _ANKLES_BLEND = (5.0, 17.0), 2.0
_ODD, _OF_ANKLES = 0.25, 0.5
#: The parts nearby: opposite, and next to a part towards the trunk. Upper parts come first.
_NEAR_PARTS = {
    PARTS.index(f"{side}_{name}"): [PARTS.index(f"{other}_{name}"), PARTS.index(before.format(side))]
    for before, name in (
        ("torso", "uparm"), ("{}_uparm", "lowarm"), ("{}_lowarm", "hand"),
        ("torso", "upleg"), ("{}_upleg", "lowleg"), ("{}_lowleg", "foot"),
    )
    for side, other in ("lr", "rl")
}  # fmt: skip


def believed(
    body: Body,
    atlas: Atlas,
    anatomy: Anatomy,
    garments: Garments,
    shown: Seen,
    bare: NDArray[np.bool_] | None = None,
) -> Floats:
    """(N,) 0 on limbs that show what is worn nowhere near and is seen beside the person, 1 elsewhere.

    A limb that is not clearly seen is doubted sooner. Others may be bare anywhere, and wear shoes and gloves.

    Args:
        bare: (N,) as of ``Garments.of``.
    """
    part = anatomy.part[body.triangles[atlas.triangle, 0]]
    seen = np.flatnonzero(shown.weight > 0)
    result = np.ones(len(part), np.float32)
    if not len(seen) or not len(shown.beside):
        return result
    every = seen[::_EVERY]
    sure = shown.weight[every] * np.clip((shown.inset[every] - _NEAR) / (_CERTAIN - _NEAR), _LEAST, 1)
    sure *= ~shown.doubted[every]
    kinds = len(garments.tones)
    place = part[every] * kinds + garments.of(shown.colour[every], None if bare is None else bare[every])
    counts = np.bincount(place, sure, len(PARTS) * kinds).reshape(len(PARTS), kinds)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-9)
    own = np.ones((len(PARTS), kinds), bool)
    behind = _beside(garments.tones.astype(np.float32), shown.beside) > _COMMON
    doubted = np.bincount(part[every], shown.doubted[every], len(PARTS)) > 0
    for number, near in _NEAR_PARTS.items():
        own[number] = (shares[near] @ garments.kin).max(axis=0) > _WORN
        if not doubted[number]:
            own[number] |= garments.kin[garments.skin] | PARTS[number].endswith(_ENDS)
        shares[number, behind & ~own[number]] = 0  # and does not speak for the next
    kind = garments.of(shown.colour[seen], None if bare is None else bare[seen])
    alien = seen[~own[part[seen], kind]]
    common = _beside(shown.colour[alien], shown.beside)
    alien = alien[common > np.where(shown.doubted[alien], _COMMON_WHERE_DOUBTED, _COMMON)]
    if len(alien):
        # what is left amidst what is none of theirs, is none either
        rejected = np.zeros(len(part), np.float32)
        rejected[alien] = 1
        around = _around_vertices(body, anatomy, atlas, rejected, shown.weight > 0)
        result = np.clip(2 - around / _AMIDST, 0, 1) * (1 - rejected)
    return np.asarray(result, np.float32)


def _around_vertices(
    body: Body, anatomy: Anatomy, atlas: Atlas, values: Floats, where: NDArray[np.bool_], rounds: int = _ROUNDS
) -> Floats:
    """(N,) the mean of values (N,) around each texel, so many edges far, of those texels that are meant."""
    count, chosen = body.vertex_count, np.flatnonzero(where)[::_EVERY]
    corners = body.triangles[atlas.triangle[chosen]].ravel()
    total = np.bincount(corners, np.ones(len(corners)), count)
    sums = np.bincount(corners, np.repeat(values[chosen], 3), count)
    first, second = anatomy.edges.T
    for _ in range(rounds):
        total = total + np.bincount(first, total[second], count) + np.bincount(second, total[first], count)
        sums = sums + np.bincount(first, sums[second], count) + np.bincount(second, sums[first], count)
    return atlas.across(body.triangles, (sums / np.maximum(total, 1e-9))[:, None])[:, 0]


def _beside(colour: Floats, beside: Floats) -> Floats:
    """(N,) which part of the colours beside a person (M, 3) is about each of ``colour`` (N, 3), linear."""
    if not len(colour):
        return np.zeros(0, np.float32)
    # a table of cells of CIELAB, each with its neighbours
    table = np.zeros((256 // _CELL,) * 3, np.float32)
    np.add.at(table, tuple(_cells(beside).T), 1 / len(beside))
    for axis in range(3):
        table = table + np.roll(table, 1, axis) + np.roll(table, -1, axis)
    return np.asarray(table[tuple(_cells(colour).T)])


def _cells(linear: Floats) -> NDArray[np.int64]:
    return lab8(linear).astype(np.int64) // _CELL


def supported(
    body: Body,
    anatomy: Anatomy,
    atlas: Atlas,
    garments: Garments,
    colour: Floats,
    weight: Floats,
    inset: Floats,
    bare: NDArray[np.bool_] | None = None,
) -> Floats:
    """(N,) 0..1, how far what is seen of each texel fits in with what is certainly seen around it.

    Args:
        colour, weight, inset: (N, 3) linear, (N,) and (N,), see ``projection.Seen``.
        bare: (N,) as of ``Garments.of``.
    """
    certain = np.clip((inset - _NEAR) / (_CERTAIN - _NEAR), 0, 1)
    votes = Samples.of(body, atlas, colour, weight * np.maximum(certain, _LEAST), garments, bare).votes
    shares = worn(garments, votes, body, anatomy, _WALKS)
    alike = shares @ garments.kin
    below = ~anatomy.head[body.triangles].any(axis=1)
    asked = np.flatnonzero((weight > 0) & (certain < 1) & below[atlas.triangle])
    kind, off = garments.nearest(colour[asked])
    if bare is not None:
        kind, off = np.where(bare[asked], garments.skin, kind), np.where(bare[asked], 0, off).astype(np.float32)
    corners, weights = body.triangles[atlas.triangle[asked]], atlas.weights[asked]
    own = np.sum([weights[:, k] * alike[corners[:, k], kind] for k in range(3)], axis=0)
    fits = np.clip(own / _OWN, 0, 1) ** 2 * np.clip(2 - off / _STRANGE, 0, 1)
    result = np.ones(len(weight), np.float32)
    result[asked] = certain[asked] + (1 - certain[asked]) * fits
    return result


def at_ankles(
    body: Body,
    anatomy: Anatomy,
    atlas: Atlas,
    garments: Garments,
    worn_there: NDArray[np.float64],
    colour: Floats,
    share: Floats,
) -> Floats:
    """(N,) 0..1, how far what ankles show is worn there. A sock above a shoe is a narrow strip, of which a photo shows
    a piece; it is left out where what is around it says that the leg or the shoe goes on there.

    Args:
        worn_there: (V, K) how surely each vertex wears each garment.
        colour: (N, 3) linear.
        share: (N,) how far it is seen.
    """
    height = body.rest_vertices[:, 1].astype(np.float64)
    result = np.ones(len(colour), np.float32)
    within = np.zeros(len(height))
    for side in "lr":
        foot = anatomy.part == PARTS.index(f"{side}_foot")
        if not foot.any():
            continue
        above = height - height[foot].min()
        ramp = np.minimum(above - _ANKLES[0], _ANKLES[1] - above) / _ANKLES_BLEND
        within = np.where(foot | (anatomy.part == PARTS.index(f"{side}_lowleg")), np.clip(ramp, 0, 1), within)
    asked = np.flatnonzero((within > 0)[body.triangles].any(axis=1)[atlas.triangle])
    if not len(asked):
        return result
    kind, off = garments.nearest(colour[asked])
    corners, weights = body.triangles[atlas.triangle[asked]], atlas.weights[asked]
    here = np.sum([weights[:, k] * worn_there[corners[:, k], kind] for k in range(3)], axis=0)
    here *= np.clip(2 - off / _STRANGE, 0, 1)
    inside = np.einsum("nk,nk->n", weights, within[corners])
    result[asked] = 1 - inside * (1 - np.clip((here - _ODD) / (_OF_ANKLES - _ODD), 0, 1))
    # the edges of such a piece are blurred into what is around it
    amidst = _around_vertices(body, anatomy, atlas, 1 - result, share > 0, rounds=0)
    return np.asarray(result * np.clip(2 - amidst / _AMIDST, 0, 1), np.float32)
