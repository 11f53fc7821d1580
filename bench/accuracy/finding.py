"""Who was found in a picture: people matched with true ones, and duplicates, mergers and false people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .metrics import match

Array = NDArray[np.float64]

LIMIT = 0.25
"""Of a true person's diagonal: somebody found farther off on average than this is somebody else, or nobody."""
_NEAR = 0.08
"""Of a person's diagonal: a point this near to somebody's point is theirs."""
_SHARE = 0.25
"""Of a found person's points that belong to a second person from which on two were merged."""


@dataclass(frozen=True)
class Figure2D:
    """A true person in the picture.

    Attributes:
        points: (P, 2) px.
        inside: (P,) which of them lie in the frame.
        size: the diagonal of the whole person, px.
    """

    points: Array
    inside: NDArray[np.bool_]
    size: float


@dataclass(frozen=True)
class Finding:
    """Attributes: ``pairs`` true person -> found; of the found, ``duplicates`` of somebody who has a match already,
    ``merged`` of two people's points, and ``false``, where nobody is."""

    pairs: dict[int, int]
    duplicates: tuple[int, ...]
    merged: tuple[int, ...]
    false: tuple[int, ...]


def sorted_out(true: Sequence[Figure2D], found: Sequence[Array]) -> Finding:
    """Match found people's points (P, 2) px with the true ones, at most one each, by the least total distance."""
    costs = np.array([[_cost(person, points) for points in found] for person in true], np.float64)
    costs = costs.reshape(len(true), len(found))
    pairs = dict(match(costs, LIMIT))
    left = [index for index in range(len(found)) if index not in pairs.values()]
    twice = [index for index in left if len(true) and costs[:, index].min() <= LIMIT]
    merged = [index for index in range(len(found)) if len(true) > 1 and _is_merged(true, found[index])]
    return Finding(pairs, tuple(twice), tuple(merged), tuple(index for index in left if index not in twice))


def _cost(person: Figure2D, points: Array) -> float:
    """The mean distance over points in the frame, in the true person's diagonals."""
    if person.inside.sum() < 3:
        return float("inf")
    away = np.linalg.norm(np.asarray(points)[person.inside] - person.points[person.inside], axis=1)
    return float(away.mean() / max(person.size, 1.0))


def _is_merged(true: Sequence[Figure2D], points: Array) -> bool:
    """Whether a good part of the points is one person's and another good part somebody else's.

    Where two people's points lie together, a point is nobody's in particular.
    """
    away = np.array([np.linalg.norm(points - person.points, axis=1) / max(person.size, 1.0) for person in true])
    order = np.sort(away, axis=0)
    owner = np.where((order[0] < _NEAR) & (order[1] > 2 * order[0]) & (order[1] > _NEAR), away.argmin(axis=0), -1)
    counts = np.bincount(owner[owner >= 0], minlength=len(true))
    if counts.sum() < 6:
        return False
    second = np.sort(counts)[-2]
    return bool(second >= max(_SHARE * counts.sum(), 2))
