"""Furniture, posts, balls and bushes: before people, beside them and behind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import things
from .things import Thing
from .views import View

Array = NDArray[np.float64]


def before_them(view: View, points: Array, rng: np.random.Generator) -> Thing:
    """Something between the camera and a part of people.

    Args:
        points: (V, 3) m, their vertices.
    """
    aim = points[int(rng.integers(len(points)))]
    share = float(rng.uniform(0.5, 0.85))
    place = view.place + (aim - view.place) * share
    extent = share * float(np.ptp(points, axis=0).max())
    kind = rng.random()
    if kind < 0.3 and place[2] > 0.1:  # a table, a wall, a counter
        size = np.array([rng.uniform(0.1, 0.9), rng.uniform(0.05, 0.5), place[2]])
        return _put(things.plain(things.mesh(*things.box(size)), rng), place * [1, 1, 0], rng)
    if kind < 0.45:  # a post or a trunk
        height = max(place[2] + rng.uniform(0.3, 1.5), 0.3)
        made = things.plain(things.mesh(*things.post(float(rng.uniform(0.02, 0.12)), float(height))), rng)
        return _put(made, place * [1, 1, 0], rng)
    if kind < 0.6:
        return _put(things.leaves(rng, rng.uniform(0.2, 0.5, 3) * extent, int(rng.integers(80, 300)), share),
                    place - [0, 0, rng.uniform(0.1, 0.3) * extent], rng)  # fmt: skip
    if kind < 0.75:
        return _put(things.plain(things.mesh(*things.ball(float(rng.uniform(0.04, 0.12)) * extent)), rng), place, rng)
    size = rng.uniform(0.06, 0.3, 3) * extent
    return _put(things.plain(things.mesh(*things.box(size)), rng), place - [0, 0, size[2] / 2], rng)


def around(view: View, points: Array, rng: np.random.Generator) -> list[Thing]:
    """A few things that stand on the floor behind people and beside them, clear of them.

    Args:
        points: (V, 3) m, people's vertices.
    """
    made = []
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    middle, radius = (low + high) / 2, float(np.linalg.norm(high - low) / 2)
    away = middle - view.place[:2]
    away = away / max(float(np.linalg.norm(away)), 1e-6)
    for _ in range(int(rng.choice([0, 1, 2, 4], p=[0.3, 0.3, 0.25, 0.15]))):
        turn = float(rng.uniform(-1.8, 1.8))
        c, s = np.cos(turn), np.sin(turn)
        way = np.array([[c, -s], [s, c]]) @ away
        kind = rng.random()
        if kind < 0.5:
            size = np.array([rng.uniform(0.3, 1.4), rng.uniform(0.3, 0.8), rng.uniform(0.3, 1.9)])
            thing, reach = things.plain(things.mesh(*things.box(size)), rng), float(np.hypot(*size[:2]) / 2)
        elif kind < 0.7:
            shape = things.post(float(rng.uniform(0.04, 0.2)), float(rng.uniform(0.8, 3.0)))
            thing, reach = things.plain(things.mesh(*shape), rng), 0.2
        else:
            spread = rng.uniform(0.5, 1.6, 3)
            thing, reach = things.leaves(rng, spread, int(rng.integers(100, 400))), float(spread.max())
        spot = middle + way * (radius + reach + float(rng.uniform(0.05, 2.5)))
        made.append(_put(thing, np.array([*spot, 0.0]), rng))
    return made


def _put(thing: Thing, place: Array, rng: np.random.Generator) -> Thing:
    return things.moved(thing, place, float(rng.uniform(0, 2 * np.pi)))
