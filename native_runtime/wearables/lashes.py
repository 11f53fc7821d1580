"""Lashes along the edges of the lids, which carry them, so that they close with a blink."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body

from .choice import Choice, Style
from .face_map import FaceMap, Spot, face_map
from .strands import Colour, Strands, joined, ribbons
from .wearable import Wearable

Array = NDArray[np.float64]

#: Parts of the distance from the middle of the face to an eye: the length of the longest lashes above and below, and
#: half of their width at the root.
_UPPER, _LOWER, _WIDTH = 0.27, 0.115, 0.0075
#: Of a lash from root to tip: how far forward and how far up (below: down) it reaches, in parts of its length.
_FORWARD, _UPWARD = np.array([0.0, 0.38, 0.66, 0.82]), np.array([0.0, -0.02, 0.14, 0.42])
_TAPER = np.array([1.0, 0.85, 0.55, 0.1])
#: How much farther a row moves than its root against the skin beyond the lid: by that, lashes turn with the lid.
_TURN = np.array([0.0, 0.12, 0.26, 0.4])
#: Parts of the same distance from the edge of the lid to skin that hardly moves with it.
_BEYOND = 0.26
#: Degrees by which the outermost lashes fan out.
_FAN = 38.0
#: Lashes above and below for bodies of so many vertices and more.
_COUNTS = ((10_000, 64, 36), (3_000, 40, 20), (0, 22, 10))


def make_lashes(body: Body, colour: Colour | None = None, length: float = 1.0, name: str = "Lashes") -> Wearable:
    """Lashes for a body at rest.

    Args:
        colour: linear Rec.709; None for that of the kind.
        length: factor.

    Raises:
        Sam3dbError: the body has no eyes that are open.
    """
    _, above, below = next(counts for counts in _COUNTS if body.vertex_count >= counts[0])
    parts = []
    for side in (1, -1):
        half = face_map(body, side)
        upper, lower = half.lids(200)
        parts.append(_row(half, upper, above, _UPPER * length, 1.0))
        parts.append(_row(half, lower, below, _LOWER * length, -1.0))
    return ribbons(name, "lashes", joined(parts), colour)


def _row(half: FaceMap, edge: Array, count: int, length: float, up: float) -> Strands:
    """The lashes of one lid.

    Args:
        edge: (N, 2) places along the lid, from the inner corner.
        length: of the longest, in parts of the eye's distance.
        up: 1 above, -1 below.
    """
    rng = np.random.default_rng(11)
    along = np.clip((np.arange(count) + 0.5) / count + rng.normal(0, 0.15 / count, count), 0.02, 0.98)
    along = 0.06 + 0.92 * along  # none where the tears run
    which = along * (len(edge) - 1)
    roots = np.stack([np.interp(which, np.arange(len(edge)), edge[:, axis]) for axis in (0, 1)], axis=1)
    root = half.at(roots + (0.0, up * 0.03))
    beyond = half.at(roots + (0.0, up * _BEYOND * half.scale))
    long = half.scale * length * np.interp(along, (0, 0.3, 0.75, 1), (0.45, 0.85, 1.0, 0.75))
    long *= rng.uniform(0.85, 1.1, count)
    fan = np.radians(_FAN * (2 * along - 1.0) + 6.0 + rng.normal(0, 3, count)) * half.side
    thin = np.sqrt(_COUNTS[0][1] / _count_of(count))
    side = np.stack([np.cos(fan), np.zeros(count), -np.sin(fan)], axis=1) * half.side
    points, sides, anchors, shares = [], [], [], []
    for forward, upward, taper, turn in zip(_FORWARD, _UPWARD, _TAPER, _TURN):
        reach = np.stack([forward * np.sin(fan), np.full(count, up * upward), forward * np.cos(fan)], axis=1)
        points.append(root.places + long[:, None] * reach)
        sides.append(-up * half.side * _WIDTH * half.scale * thin * taper * side)
        bound = _bound(root, beyond, turn)
        anchors.append(bound[0])
        shares.append(bound[1])
    return Strands(np.stack(points, 1), np.stack(sides, 1), np.stack(anchors, 1), np.stack(shares, 1))


def _count_of(count: int) -> float:
    return float(max(count, 1) if count > 36 else count * _COUNTS[0][1] / 36)


def _bound(root: Spot, beyond: Spot, turn: float) -> tuple[NDArray[np.int64], Array]:
    """Anchors and shares of a row: the root's own, or, beyond it, two of the root's against the skin past the lid."""
    if turn == 0.0:
        return root.anchors, root.shares
    order = np.argsort(-root.shares, axis=1)[:, :2]
    two = np.take_along_axis(root.anchors, order, axis=1)
    parts = np.take_along_axis(root.shares, order, axis=1)
    parts = parts / parts.sum(axis=1, keepdims=True)
    third = np.take_along_axis(beyond.anchors, np.argmax(beyond.shares, axis=1)[:, None], axis=1)
    anchors = np.concatenate([two, third], axis=1)
    return anchors, np.concatenate([(1 + turn) * parts, np.full((len(parts), 1), -turn)], axis=1)


def _style(title: str, length: float) -> Style:
    def make(body: Body, choice: Choice) -> Wearable:
        return make_lashes(body, choice.colour, length * choice.numbers.get("length", 1.0))

    return Style(title, make)


STYLES: Mapping[str, Style] = {"natural": _style("Natural", 1.0), "long": _style("Long", 1.35)}
"""Their number: ``length``, a factor."""
