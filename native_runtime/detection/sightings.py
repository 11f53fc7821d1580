"""Everybody whom MultiPose sees in a photo: looking at several scales, in tiles and turned, and merging what it saw.

The network knows people of about 30 to 250 px. So the photo is shown to it at scales that double, each with four times
as many pixels as the one before. The first two are quick and always looked at; finer ones where there is a reason:
nobody is found yet, somebody is so small that others may be smaller still, or people stand before each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.detection import multipose
from native_runtime.detection.anchors import overlap
from native_runtime.detection.crops import Crop, Picture
from native_runtime.detection.multipose import MIRRORED, STRIDE, Sighting
from native_runtime.onnx.sessions import Network

Array = NDArray[Any]

# The side (px) of the square that has as many pixels as the photo at the coarsest scale.
_COARSEST = 256.0
_ALWAYS = 2  # scales
_BETWEEN = 2  # scales of people before each other that are looked at half way to the next, too
# A small photo is enlarged up to this factor.
_LARGEST_SCALE = 2.0
# Finer than the photo's own pixels by more than this there is nothing new to see.
_NOTHING_NEW = 1.3
# Scales from here on are looked at in tiles, which share a margin as wide as the largest person that is looked for.
_TILE = 1024
_MARGIN = 192
# The heights (px at the scale) of people whom the network knows; at the coarsest scale larger ones, too.
_SMALLEST, _LARGEST = 20.0, 400.0
# How certain a middle must be, and how clear a person with so many points at least, to be kept.
_LEAST_CENTRE = 0.12
_LEAST_STRENGTH = 0.2
_LEAST_POINTS = 4
# A window in which one person is looked for, px, and the least certainty of a middle there.
_WINDOW, _FAINT = 256, 0.08
# Whoever is clear and smaller than this (px at the last scale) is a reason to look at the next one.
_CLEAR = 0.35
_SMALL = 90.0
# So are people whose boxes overlap by this much (intersection over union).
_CROWDED = 0.15
# Standard deviation of colours, of 255, below which a tile shows an empty sky or wall.
_PLAIN = 3.0
# Sightings are of one person whose points, if they share so many, agree by this much, or whose boxes are almost one.
_COMMON_POINTS, _SAME_POINTS, _SAME_BOX = 3, 0.4, 0.75
# Heads that are farther apart than this (lengths of the trunk) are two people's.
_HEADS_APART = 0.35
# The distance (lengths of the trunk) at which two points hardly agree.
REACH = 0.25
# Somebody seen in a turned picture must be clear, and clearer by this factor than who was seen upright at that place.
_TURNED_STRENGTH = 0.45
_TURNED_OVERLAP = 0.4

_TURNS = (math.pi, math.pi / 2, -math.pi / 2)


@dataclass(frozen=True)
class Tile:
    """A part of the photo as the network sees it: (2, 3) similarity from its pixels to the photo's, and its size."""

    photo_from_tile: Array
    width: int
    height: int
    cut: tuple[bool, bool, bool, bool]
    """Whether the photo goes on beyond the left, top, right and bottom border."""


def find(network: Network, picture: Picture) -> list[Sighting]:
    """Everybody whom the network sees in the photo, clearest first; nobody twice."""
    seen: list[Sighting] = []
    for level, scale in enumerate(scales(picture)):
        if level >= _ALWAYS and not _worth_more(merged(seen), scale / 2):
            break
        seen += _look(network, picture, scale, 0.0, _largest(level))
    if is_crowded(merged(seen)):
        # Who is half hidden is seen at some scales only.
        for level, scale in enumerate(scales(picture)[:_BETWEEN]):
            seen += _look(network, picture, math.sqrt(2) * scale, 0.0, _largest(level))
    found = with_all_heads(merged(seen), seen)
    for level, scale in enumerate(scales(picture)):
        if level and found:
            break
        turned = [s for turn in _TURNS for s in _look(network, picture, scale, turn, _largest(level))]
        found = with_turned(found, [s for s in turned if s.strength >= _TURNED_STRENGTH])
    return found


def find_at(network: Network, picture: Picture, crop: Crop) -> list[Sighting]:
    """Whoever the network sees, however faintly, in a window that shows somebody whole."""
    matrix = crop.photo_from_pixels(_WINDOW)
    pixels = picture.warped(matrix, (_WINDOW, _WINDOW), cv2.BORDER_CONSTANT)
    return [sighting.mapped(matrix) for sighting in multipose.see(network, pixels, _FAINT)]


def scales(picture: Picture) -> list[float]:
    """The scales (px of the network's picture per px of the photo) at which the photo can be looked at."""
    side = math.sqrt(picture.width * picture.height)
    wanted = (_COARSEST * 2**level / side for level in range(12))
    return [min(scale, _LARGEST_SCALE) for scale in wanted if scale <= _NOTHING_NEW or scale <= 2 * _COARSEST / side]


def merged(sightings: Sequence[Sighting]) -> list[Sighting]:
    """The clearest sighting of each person, clearest first."""
    kept: list[Sighting] = []
    for sighting in sorted(sightings, key=lambda s: -s.strength):
        if not any(is_same(sighting, other) for other in kept):
            kept.append(sighting)
    return kept


def is_same(a: Sighting, b: Sighting) -> bool:
    """Whether two sightings are of one person. Left and right, which are often confused from behind, do not matter."""
    reach = max(REACH * max(a.size, b.size), a.grain, b.grain)
    for order in (np.arange(len(b.points)), MIRRORED):
        common = a.seen & b.seen[order]
        if common.sum() < _COMMON_POINTS:
            continue
        weights = np.minimum(a.confidences, b.confidences[order]) * common
        if agreement(a.points, b.points[order], weights, reach) > _SAME_POINTS:
            return True
    return bool(overlap(a.box, b.box[None])[0] > _SAME_BOX)


def with_all_heads(found: Sequence[Sighting], seen: Sequence[Sighting]) -> list[Sighting]:
    """The people of `found`, and those whose head alone is seen, above somebody who was `seen` with either head.

    At one scale the network may give a body the head of whoever stands behind, at another its own. Then the body goes
    with the head that is nearer to its shoulders: who stands in front hides the other's.
    """
    people: list[Sighting] = []
    for person in found:
        rivals = [
            other
            for other in seen
            if is_same(person, other)
            and _have_two_heads(person, other)
            and all(o is person or _have_two_heads(o, other) for o in found if o.has_head)
        ]
        if not rivals:
            people.append(person)
            continue
        rival = max(rivals, key=lambda s: s.strength)
        front, behind = sorted((person, rival), key=lambda s: s.neck)
        people += [front, behind.head_only()]
    return people


def _have_two_heads(a: Sighting, b: Sighting) -> bool:
    """Whether two sightings have heads in different places; False where either has none."""
    if not (a.has_head and b.has_head):
        return False
    return float(np.hypot(*(a.head - b.head))) > _HEADS_APART * min(a.size, b.size)


def agreement(a: Array, b: Array, weights: Array, reach: float) -> float:
    """How near (K, 2) points are to others, 0..1: the object keypoint similarity of COCO's evaluation
    (https://cocodataset.org/#keypoints-eval), with one tolerance for all points.

    Args:
        a, b: px.
        weights: (K,).
        reach: the distance at which a point counts exp(-1), px.
    """
    if not weights.any():
        return 0.0
    nearness = np.exp(-((a - b) ** 2).sum(axis=1) / reach**2)
    return float(weights @ nearness / weights.sum())


def _largest(level: int) -> float:
    return _LARGEST if level else math.inf


def _worth_more(found: list[Sighting], scale: float) -> bool:
    """Whether a finer scale than `scale` may show somebody else."""
    clear = [s for s in found if s.strength >= _CLEAR]
    if not clear or min(s.height for s in clear) * scale < _SMALL:
        return True
    return is_crowded(clear)


def is_crowded(found: list[Sighting]) -> bool:
    """Whether people stand before each other."""
    boxes = np.array([s.box for s in found]).reshape(-1, 4)
    return any((overlap(box, np.delete(boxes, number, axis=0)) > _CROWDED).any() for number, box in enumerate(boxes))


def _look(network: Network, picture: Picture, scale: float, turn: float, largest: float) -> list[Sighting]:
    """Whoever is seen at a scale in the photo turned by `turn`, up to `largest` px tall at that scale."""
    found = []
    for tile in tiles(picture, scale, turn):
        pixels = picture.warped(tile.photo_from_tile, (tile.width, tile.height), cv2.BORDER_CONSTANT)
        if cv2.meanStdDev(pixels)[1].max() < _PLAIN:
            continue
        for sighting in multipose.see(network, pixels, _LEAST_CENTRE):
            if (
                _SMALLEST <= sighting.height <= largest
                and sighting.strength >= _LEAST_STRENGTH
                and sighting.seen.sum() >= _LEAST_POINTS
                and not _is_cut(sighting, tile)
            ):
                found.append(sighting.mapped(tile.photo_from_tile))
    return found


def tiles(picture: Picture, scale: float, turn: float = 0.0) -> Iterator[Tile]:
    """The parts in which the photo is looked at, at a scale and turned by `turn` (0 or quarters of a turn, radians)."""
    c, s = round(math.cos(turn)), round(math.sin(turn))
    axes = np.array([[c, -s], [s, c]])
    photo = np.array([picture.width, picture.height])
    turned = np.abs(axes) @ photo  # the turned photo's width and height
    columns, rows = (_pieces(length * scale) for length in turned)
    for top, bottom in rows:
        for left, right in columns:
            width, height = (
                STRIDE * max(1, math.ceil((b - a) / STRIDE - 1e-6)) for a, b in ((left, right), (top, bottom))
            )
            linear = axes / scale
            # From the tile's corner: first the middle of the turned photo, which is the photo's own middle.
            corner = np.array([left, top]) - turned * scale / 2
            offset = linear @ (corner + 0.5) + (photo - 1) / 2 + 0.0
            cut = (left > 0, top > 0, right < turned[0] * scale - 0.5, bottom < turned[1] * scale - 0.5)
            yield Tile(np.column_stack([linear, offset]), width, height, cut)


def _pieces(length: float) -> list[tuple[float, float]]:
    """Overlapping pieces of a line."""
    if length <= _TILE + _MARGIN:
        return [(0.0, length)]
    count = math.ceil((length - _MARGIN) / (_TILE - _MARGIN))
    starts = np.linspace(0.0, length - _TILE, count)
    return [(float(start), float(start) + _TILE) for start in starts]


def _is_cut(sighting: Sighting, tile: Tile) -> bool:
    """Whether the tile's border cuts the person, whom another tile shows whole."""
    x0, y0, x1, y1 = sighting.box
    near = 4.0
    beyond = (x0 < near, y0 < near, x1 > tile.width - near, y1 > tile.height - near)
    return any(cut and out for cut, out in zip(tile.cut, beyond))


def with_turned(found: list[Sighting], turned: list[Sighting]) -> list[Sighting]:
    """Those seen upright and those seen turned; where they are at the same place, whoever is clearer."""
    kept: list[Sighting] = []
    for sighting in sorted([*found, *turned], key=lambda s: -s.strength):
        boxes = np.array([other.box for other in kept]).reshape(-1, 4)
        near = overlap(sighting.box, boxes) > _TURNED_OVERLAP
        crossed = any(_are_turned(sighting, kept[number]) for number in np.flatnonzero(near))
        if not crossed and not any(is_same(sighting, other) for other in kept):
            kept.append(sighting)
    return kept


def _are_turned(a: Sighting, b: Sighting) -> bool:
    """Whether two people were seen in pictures that were turned differently."""
    first, second = a.corners[1] - a.corners[0], b.corners[1] - b.corners[0]
    return float(first @ second) < 0.9 * float(np.hypot(*first) * np.hypot(*second))
