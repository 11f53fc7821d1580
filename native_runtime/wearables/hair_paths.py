"""Where locks of hair grow, and which way they take over the head and down from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .hair_head import Head, Surface, unit

Array = NDArray[np.float64]
Flow = Callable[[Head, Array], Array]
"""Unit-ish directions (N, 3) in which hair is combed at places (N, 3)."""

_DOWN = np.array([0.0, -1.0, 0.0])
_CANDIDATES = 12
#: What hair keeps free, cm from the eyes: to both sides, up, down, and back from them.
_FACE_WIDTH, _FACE_TOP, _FACE_BOTTOM, _FACE_DEPTH = 6.6, 5.6, -13.0, 5.0


@dataclass(frozen=True, eq=False)
class Way:
    """How locks run. Lengths in cm of a grown-up; what changes along them runs from root to tip.

    Attributes:
        steps: points of each path.
        flow: how it is combed.
        heights: above the ground, at evenly spread places of the path; it is never nearer than that.
        weight: 0..1, how far it falls instead of being combed, at the same places.
        held: 0..1, how closely it is kept at its height, at the same places.
        curl: cm, the radius of its curls; turns: how many of them.
        stray: how far the directions of locks differ, radians.
    """

    steps: int
    flow: Flow
    heights: tuple[float, ...]
    weight: tuple[float, ...] = (0.0,)
    held: tuple[float, ...] = (1.0,)
    curl: float = 0.0
    turns: float = 0.0
    stray: float = 0.15


def spread(surface: Surface, weights: Array, count: int, rng: np.random.Generator) -> Array:
    """(count, 3) places of a surface, evenly spread where ``weights`` (S,) are even, and denser where they are higher.

    Each next one is the place that lies farthest from those before it.
    """
    some = rng.choice(len(weights), min(_CANDIDATES * count, int((weights > 0).sum())), replace=False,
                      p=weights / weights.sum())  # fmt: skip
    places = surface.points[some]
    nearness = np.full(len(places), np.inf)
    chosen = [int(rng.integers(len(places)))]
    while len(chosen) < min(count, len(places)):
        nearness = np.minimum(nearness, np.linalg.norm(places - places[chosen[-1]], axis=1))
        chosen.append(int(np.argmax(nearness)))
    return places[chosen]


def paths(
    head: Head, ground: Surface, roots: Array, lengths: Array, way: Way, rng: np.random.Generator
) -> tuple[Array, Array]:
    """The paths of locks (K, S, 3), cm, and the directions away from the head at each of their points.

    Args:
        ground: what they lie on.
        roots: (K, 3); lengths: (K,) cm.
    """
    size, steps = head.size, way.steps
    heights, weight, held = (_along(values, steps) for values in (way.heights, way.weight, way.held))
    lift = rng.uniform(0.8, 1.25, len(roots))
    turn = rng.normal(0, way.stray, len(roots))
    height, normal = ground.height(roots)
    place = roots + normal * (heights[0] * size - height)[:, None]
    points, outwards = [place], [normal]
    last = unit(_tangent(way.flow(head, place), normal))
    for step in range(1, steps):
        combed = unit(_tangent(way.flow(head, place), normal))
        aside = np.cross(normal, combed)
        combed = combed * np.cos(turn)[:, None] + aside * np.sin(turn)[:, None]
        way_on = unit((1 - weight[step]) * combed + weight[step] * _DOWN + 0.6 * last)
        place = _beside_face(head, place + way_on * (lengths / (steps - 1))[:, None])
        height, normal = ground.height(place)
        wanted = heights[step] * lift * size
        change = np.where(height < wanted, wanted - height, held[step] * (wanted - height))
        place = place + normal * change[:, None]
        last = unit(place - points[-1])
        points.append(place)
        outwards.append(normal)
    way_taken, out = np.stack(points, axis=1), _smooth(np.stack(outwards, axis=1))
    if way.curl:
        way_taken = way_taken + _curls(way_taken, out, way, size, rng)
    return way_taken, out


def _beside_face(head: Head, places: Array) -> Array:
    """Places (N, 3) that lie before the face are moved to its side."""
    x, y, z = ((places - head.eyes) / head.size).T
    share = np.clip((z + _FACE_DEPTH) / 2, 0, 1) * np.clip((_FACE_TOP - y) / 2, 0, 1) * (y > _FACE_BOTTOM)
    aside = share * np.maximum(_FACE_WIDTH - np.abs(x), 0) * np.where(x < 0, -1.0, 1.0) * head.size
    return np.asarray(places + aside[:, None] * np.array([1.0, 0.0, 0.0]))


def part_before(outside: NDArray[np.bool_]) -> Array:
    """(K,) which part of each path lies before its first point that is outside, for (K, S)."""
    steps = outside.shape[1]
    first = np.where(outside.any(axis=1), outside.argmax(axis=1), steps - 1)
    return np.asarray(first / (steps - 1))


def _along(values: tuple[float, ...], steps: int) -> Array:
    return np.asarray(np.interp(np.linspace(0, 1, steps), np.linspace(0, 1, len(values)), values))


def _tangent(vectors: Array, normals: Array) -> Array:
    return np.asarray(vectors - normals * np.einsum("nc,nc->n", vectors, normals)[:, None])


def _smooth(vectors: Array) -> Array:
    """Unit vectors (K, S, 3) that turn less from one point of a path to the next."""
    for _ in range(2):
        padded = np.concatenate([vectors[:, :1], vectors, vectors[:, -1:]], axis=1)
        vectors = unit(padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:])
    return vectors


def _curls(points: Array, out: Array, way: Way, size: float, rng: np.random.Generator) -> Array:
    """(K, S, 3) cm: a helix about each path that opens from its root."""
    count, steps = points.shape[:2]
    share = np.linspace(0, 1, steps)
    sense = rng.choice([-1.0, 1.0], count)[:, None]
    phase = rng.uniform(0, 2 * np.pi, count)[:, None] + sense * 2 * np.pi * way.turns * share
    across = unit(np.cross(unit(np.gradient(points, axis=1)), out))
    radius = way.curl * size * np.minimum(share * 3, 1.0)
    return np.asarray(
        across * (np.cos(phase) * radius)[..., None] + out * ((0.6 + 0.6 * np.sin(phase)) * radius)[..., None]
    )
