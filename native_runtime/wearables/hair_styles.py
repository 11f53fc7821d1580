"""The hair styles that characters can have: what grows where, how long, and how it is combed.

Lengths are cm of a grown-up's head; a child's hair is smaller with its head.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .hair_head import Head, unit
from .hair_mesh import Mesh, ball, tail
from .hair_paths import Flow, Way

Array = NDArray[np.float64]
Hairline = tuple[tuple[float, float], ...]
Region = Callable[[Head, Array], Array]
"""How densely locks grow at places (N, 3): weights (N,), 0 for nowhere."""

#: Degrees about the vertical and cm above the eyes: forehead, temple, in front of the ear, behind it, nape.
HAIRLINE: Hairline = (
    (0, 6.4), (14, 6.7), (28, 6.6), (39, 5.5), (49, 3.3), (56, 1.5), (61, -0.2), (68, -1.8), (76, -1.6), (84, 0.5),
    (105, -2.0), (125, -5.0), (145, -6.6), (180, -6.9),
)  # fmt: skip
RECEDING: Hairline = (
    (0, 7.7), (12, 8.1), (28, 9.3), (42, 7.4), (53, 3.6), (59, 0.9), (64, -0.5), (70, -1.8), (77, -1.5), (84, 0.5),
    (105, -2.0), (125, -5.0), (145, -6.2), (180, -6.4),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Locks:
    """Locks of one kind.

    Attributes:
        count, region: how many, and where they grow.
        length: shortest and longest, cm; a number, or what it is at the roots (N, 3).
        width, thickness: of a lock's middle, cm.
        way: how they run.
        beyond: cm over the hairline at which they are cut; None: not there.
        until: cm below the eyes at which they are cut, the highest and the lowest; None: not there.
        taper: how pointed the tips are: the part of a lock's length on which it gets narrower.
    """

    count: int
    region: Region
    length: tuple[float, float]
    width: float
    thickness: float
    way: Way
    beyond: float | None = None
    until: tuple[float, float] | None = None
    taper: float = 0.5


@dataclass(frozen=True, eq=False)
class HairStyle:
    """A hair style.

    Attributes:
        name: as files and commands call it; label: as people do.
        length: ``short`` or ``long``, of what is seen beside the face and below it.
        hairline: see ``Head.within``.
        cap: cm, the height of the layer over the scalp; lumps: how uneven it is.
        locks: what lies on it.
        rough: how uneven the hairline is, cm.
        columns, rows: of the cap's quads; strands: how often the picture repeats around it.
        extras: what else belongs to it.
        seed: of all that is uneven.
    """

    name: str
    label: str
    length: str
    hairline: Hairline
    cap: float
    locks: tuple[Locks, ...]
    lumps: float = 0.15
    rough: float = 0.2
    columns: int = 60
    rows: int = 13
    strands: float = 6.0
    extras: tuple[Callable[[Head, np.random.Generator], Mesh], ...] = ()
    seed: int = 1


def everywhere(head: Head, places: Array) -> Array:
    return np.ones(len(places))


def _top(head: Head, places: Array) -> Array:
    """Above the widest part of the head."""
    return np.clip((places[:, 1] - head.eyes[1]) / head.size - 3.0, 0, 2)


def _front(head: Head, places: Array) -> Array:
    return np.clip((places[:, 2] - head.centre[2]) / head.size - 1.0, 0, 3) * _top(head, places)


def grown(head: Head, places: Array) -> Array:
    """As it grows: away from the whorl."""
    return head.away_from_whorl(places)


def cropped(head: Head, places: Array) -> Array:
    """Forwards on top, with a turn to one side; down and back on the sides."""
    way = head.away_from_whorl(places)
    side = np.clip((head.eyes[1] + 6 * head.size - places[:, 1]) / (6 * head.size), 0, 1)[:, None]
    return np.asarray(way + side * np.array([0.0, -0.5, -0.55]) + (1 - side) * np.array([0.35, 0.1, 0.0]))


def parted(across: float, back: float) -> Flow:
    """To both sides of a parting at ``across`` cm to the left; ``back``: how far backwards in front."""

    def flow(head: Head, places: Array) -> Array:
        x = (places[:, 0] - head.centre[0]) / head.size - across
        ahead = np.clip((places[:, 2] - head.centre[2]) / (6 * head.size), -1, 1)
        side = np.tanh(x / 0.8)
        way = np.stack([1.1 * side, np.full(len(x), -0.25), -back * np.clip(ahead + 0.4, 0, 1.2)], axis=1)
        grown_way = head.away_from_whorl(places)
        behind = np.clip(-ahead, 0, 1)[:, None]
        return np.asarray((1 - behind) * way + behind * grown_way)

    return flow


def towards(place: tuple[float, float, float]) -> Flow:
    """Combed tightly to one place, cm from the middle of the skull."""

    def flow(head: Head, places: Array) -> Array:
        return unit(head.centre + head.size * np.array(place) - places)

    return flow


def frizzy(head: Head, places: Array) -> Array:
    """In all directions."""
    rng = np.random.default_rng(len(places))
    return np.asarray(rng.normal(size=places.shape) + 0.4 * head.away_from_whorl(places))


#: Where nothing else is said, so that a direction is never 0.
_BELOW = np.array([0.0, -0.05, 0.0])


def hanging(across: float) -> Flow:
    """Parted at ``across`` cm to the left and falling: beside the face where it grows in front, else behind the
    shoulders.
    """
    above = parted(across, 0.75)

    def flow(head: Head, places: Array) -> Array:
        height = (places[:, 1] - head.neck[1]) / head.size
        near = np.interp(height, [-9.0, -4.0, 3.0, 6.0], [0.0, 1.0, 1.0, 0.0])[:, None]
        x = (places[:, 0] - head.centre[0]) / head.size
        z = (places[:, 2] - head.centre[2]) / head.size
        inwards = -0.1 * x - 0.5 * np.sign(x) * np.maximum(np.abs(x) - 6.0, 0)
        beside = np.stack([inwards, np.zeros(len(x)), np.where(z > 0.5, 0.7, -1.0)], axis=1)
        return np.asarray((1 - near) * above(head, places) * (height > 6.0)[:, None] + near * beside + _BELOW)

    return flow


def _edge(head: Head, places: Array) -> Array:
    """Along the hairline."""
    return (head.within(places, HAIRLINE) < 0.9 * head.size).astype(np.float64)


def _receding_edge(head: Head, places: Array) -> Array:
    return (head.within(places, RECEDING) < 0.9 * head.size).astype(np.float64)


def _facing(head: Head, places: Array) -> Array:
    """Everywhere, and more of it along the forehead."""
    ahead = (places[:, 2] - head.centre[2] > 2 * head.size) & (places[:, 1] > head.eyes[1] + 2 * head.size)
    within = head.within(places, HAIRLINE) / head.size
    return (1.0 + 4.0 * (ahead & (within < 2.5))) * (within > 0.7)


def _along_parting(across: float) -> Region:
    """On both sides of a parting at ``across`` cm to the left, up to the whorl."""

    def region(head: Head, places: Array) -> Array:
        away = (places - head.centre) / head.size
        near = (np.abs(away[:, 0] - across) < 1.6) & (away[:, 2] > -2.0)
        return (near & (head.within(places, HAIRLINE) > 0.7 * head.size)).astype(np.float64)

    return region


_TIE = np.array([0.0, 2.5, -9.6])


def _bun(head: Head, rng: np.random.Generator) -> Mesh:
    return ball(head.centre + head.size * (_TIE + (0.0, 0.9, -1.8)), 3.1 * head.size, rng)


def _tail(head: Head, rng: np.random.Generator) -> Mesh:
    shape = np.array([(0, 0, 0.6), (0, 0.9, -1.6), (0, 0.6, -3.6), (0, -2.0, -5.0), (0, -6, -5.2), (0, -11, -5.0),
                      (0, -16.5, -5.2), (0, -22, -5.6)])  # fmt: skip
    return tail(head.centre + head.size * (_TIE + shape), 2.3 * head.size, rng)


_LYING = (-0.25, 0.1, 0.22, 0.2, 0.05)
_HANGING = Way(
    11, hanging(1.5), (-0.1, 0.3, 0.4, 0.6, 0.6, 0.5), weight=(0.1, 0.3, 0.6, 0.9, 1.0), held=(1.0, 0.8, 0.2, 0.0, 0.0),
    stray=0.07,
)  # fmt: skip
_LONG = Way(
    14, hanging(0.3), (-0.1, 0.3, 0.4, 0.6, 0.7, 0.7, 0.7, 0.7),
    weight=(0.1, 0.35, 0.7, 0.95, 0.85, 0.6, 0.6, 0.7, 0.8), held=(1.0, 0.7, 0.0, 0.0, 0.0, 0.0), stray=0.07,
)  # fmt: skip
_SLEEK = Way(10, towards((0.0, 2.5, -9.6)), (-0.15, 0.06, 0.1, 0.1), stray=0.04)
_EDGES = Locks(150, _edge, (0.7, 1.2), 0.55, 0.1, Way(4, grown, (-0.1, 0.05, 0.05, 0.0), stray=0.3), taper=0.9)
_CROP = Locks(125, everywhere, (4.6, 6.4), 2.4, 0.3, Way(7, cropped, _LYING, stray=0.13), beyond=0.35, taper=0.6)
_SIDES = Locks(80, everywhere, (3.6, 5.4), 2.4, 0.26, Way(7, parted(3.2, 0.35), _LYING, stray=0.12), beyond=0.25)
_SWEPT = Locks(
    60, _top, (7.0, 10.0), 2.6, 0.34, Way(9, parted(3.2, 0.45), (-0.2, 0.4, 0.6, 0.4, 0.1), stray=0.08), beyond=0.5
)
_CURLS = Locks(
    200, _facing, (4.0, 5.0), 1.5, 0.55,
    Way(7, frizzy, (-0.4, 0.15, 0.3, -0.1), curl=0.5, turns=1.2, stray=0.8), beyond=0.6,
)  # fmt: skip
_BOB = Locks(85, _facing, (26.0, 26.0), 3.0, 0.45, _HANGING, until=(9.5, 12.0), taper=0.25)
_FLOWING = Locks(72, _facing, (50.0, 50.0), 3.2, 0.5, _LONG, until=(27.0, 35.0), taper=0.35)
_WAVES = Locks(
    58, _facing, (46.0, 46.0), 3.6, 0.7,
    replace(_LONG, steps=18, flow=hanging(1.2), curl=0.95, turns=5.0, stray=0.12), until=(17.0, 25.0), taper=0.3,
)  # fmt: skip
_COMBED = Locks(110, _facing, (8.0, 14.0), 2.2, 0.25, _SLEEK, taper=0.3)

HAIR_STYLES: tuple[HairStyle, ...] = (
    HairStyle("buzz", "Buzz Cut", "short", HAIRLINE, 0.32, (_EDGES,), 0.08, 0.3, columns=84, rows=20, strands=22.0),
    HairStyle("receding", "Receding", "short", RECEDING, 0.5, (
        replace(_EDGES, region=_receding_edge),
        replace(_CROP, count=110, length=(2.6, 4.0), width=2.0, thickness=0.2),
    )),
    HairStyle("short", "Short", "short", HAIRLINE, 1.1, (_CROP,)),
    HairStyle("side_part", "Side Parting", "short", HAIRLINE, 1.3, (_SIDES, _SWEPT)),
    HairStyle("curly", "Curly", "short", HAIRLINE, 3.0, (_CURLS,), lumps=0.25),
    HairStyle("bob", "Bob", "long", HAIRLINE, 1.2, (
        replace(_BOB, count=25, region=_along_parting(1.5), width=2.4, thickness=0.35), _BOB,
    )),
    HairStyle("long", "Long", "long", HAIRLINE, 1.1, (
        replace(_FLOWING, count=20, region=_along_parting(0.3), width=2.6, thickness=0.4), _FLOWING,
    )),
    HairStyle("wavy", "Long and Wavy", "long", HAIRLINE, 1.6, (
        replace(_WAVES, count=15, region=_along_parting(1.2), width=2.8, thickness=0.5), _WAVES,
    ), lumps=0.2),
    HairStyle("bun", "Bun", "long", HAIRLINE, 0.7, (_COMBED,), extras=(_bun,)),
    HairStyle("ponytail", "Ponytail", "long", HAIRLINE, 0.7, (replace(_COMBED, count=85, width=2.4),), extras=(_tail,)),
)  # fmt: skip
