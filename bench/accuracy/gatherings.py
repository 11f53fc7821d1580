"""Pictures for finding people, and pictures for finding the camera.

``crowds``: crowds of 10 to 30 people who are 60 to 400 px tall, panoramas of 16:1, a small person in a very large
picture, people seen from behind, lying and upside down, and rooms where nobody is, with lamps, coats and chairs.
``lens``: rooms and streets through lenses of 0.45 to 1.6 of the diagonal, held level, pitched and rolled.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body
from native_runtime.synthetic.library import library
from native_runtime.synthetic.views import View, about_z, look

from .figures import random_figure
from .plan import Plan
from .views import Placed, placed_on_floor, random_view

Array = NDArray[np.float64]

CROWDS = ("crowd",) * 9 + ("panorama",) * 4 + ("behind",) * 3 + ("lying",) * 3 + ("upside down",) * 3 + (
    "lamps",) * 2 + ("coats",) * 3 + ("chairs",) * 2 + ("small",) * 2  # fmt: skip
"""What the pictures 0, 1, ... show."""
LENSES = 40
"""Pictures of the lens set: even ones rooms, odd ones streets; a third of them with somebody in it."""
EMPTY = ("lamps", "coats", "chairs")


def crowd_plan(body: Body, number: int, rng: np.random.Generator) -> Plan:
    """The picture of a number, below ``len(CROWDS)``."""
    kind = CROWDS[number]
    about = {"scene": kind}
    if kind == "crowd":
        view, people = _crowd(body, rng, (1280, 853), int(rng.integers(10, 31)), (60.0, 400.0), 0.62)
    elif kind == "panorama":
        view, people = _crowd(body, rng, (3200, 200), int(rng.integers(3, 7)), (70.0, 165.0), 0.62)
    elif kind == "small":
        view, people = _crowd(body, rng, (4000, 3000), 1, (200.0, 200.1), 0.7)
    elif kind in EMPTY:
        view, people = _level_view((1000, 750), 0.65, 1.5, -0.08, 0.0), []
        focus = np.array([[-0.6, 3.6, 0.0], [0.6, 4.0, 1.5]])
        return Plan((), view, "room", False, False, about, focus, kind)
    else:
        return _single(body, kind, rng)
    surroundings = "outdoors" if kind != "small" or rng.random() < 0.5 else "room"
    return Plan(tuple(people), view, surroundings, False, False, about)


def lens_plan(body: Body, number: int, rng: np.random.Generator) -> Plan:
    """A room or a street with known focal length and way up."""
    size = ((1000, 750), (750, 1000), (1080, 720), (900, 900))[int(rng.integers(4))]
    share = math.exp(rng.uniform(math.log(0.45), math.log(1.6)))
    pitch = float(np.clip(rng.normal(-0.03, 0.2), -0.5, 0.5))
    roll = float(rng.normal(0, 0.12 if rng.random() < 0.3 else 0.03))
    room = number % 2 == 0
    view = _level_view(size, share, float(rng.uniform(1.0, 1.9)), pitch, roll)
    away = float(rng.uniform(2.5, 4.5) if room else rng.uniform(4.0, 9.0))
    people: list[Placed] = []
    if number % 3 == 0:
        spot = np.array([rng.uniform(-0.2, 0.2) * away / share, away])
        people = [placed_on_floor(body, random_figure(body, rng), rng, spot)]
    focus = np.array([[0.0, away, 0.0], [0.0, away + 0.3, 1.7]])
    about = {"scene": "room" if room else "street"}
    return Plan(tuple(people), view, "room" if room else "street", False, False, about, focus)


def _level_view(size: tuple[int, int], share: float, height: float, pitch: float, roll: float) -> View:
    """A camera ``height`` m above the floor at the origin, looking along +y; its focal length is a share of the
    diagonal."""
    focal = share * math.hypot(*size)
    intrinsics = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1.0]])
    return View(size, intrinsics, look(pitch, roll), np.array([0.0, 0.0, height]))


def _crowd(
    body: Body, rng: np.random.Generator, size: tuple[int, int], count: int, tall: tuple[float, float], share: float
) -> tuple[View, list[Placed]]:
    """People on one floor, each about as tall in the picture as drawn, none standing within another."""
    share = share if size[0] < 3 * size[1] else 0.8
    wide = size[0] > 3 * size[1]
    height = float(rng.uniform(0.9, 1.1) if wide else rng.uniform(1.5, 2.6))
    view = _level_view(size, share, height, 0.0 if wide else float(rng.uniform(-0.1, -0.02)), 0.0)
    focal = float(view.intrinsics[0, 0])
    people: list[Placed] = []
    spots: list[Array] = []
    for _ in range(40 * count):
        if len(people) == count:
            break
        away = 1.68 * focal / math.exp(rng.uniform(*np.log(tall)))
        aside = float(rng.uniform(-0.46, 0.46)) * size[0] / focal * away
        spot = np.array([aside, away])
        if any(np.linalg.norm(spot - other) < 0.75 for other in spots):
            continue
        placed = placed_on_floor(body, random_figure(body, rng, _standing(rng)), rng, spot)
        ends = view.from_world(np.array([[*spot, 0.0], [*spot, 1.8]]))
        rows = view.intrinsics[1, 2] + focal * ends[:, 1] / ends[:, 2]
        if min(rows) < 1 or max(rows) > size[1] - 2:
            continue
        people.append(placed)
        spots.append(spot)
    return view, people


_STANDING = ("standing", "waving", "contrapposto", "explaining", "walk_passing", "looking_at_phone", "running",
             "hands_behind_back", "one_hand_on_hip", "arms_crossed")  # fmt: skip


def _standing(rng: np.random.Generator) -> str:
    return str(rng.choice(_STANDING))


def _single(body: Body, kind: str, rng: np.random.Generator) -> Plan:
    """One person as networks seldom see people."""
    lying = [name for name, entry in library()["poses"].items() if entry["tags"][0] == "lying"]
    names = lying if kind == "lying" else list(_STANDING)
    placed = placed_on_floor(body, random_figure(body, rng, str(rng.choice(names))), rng, np.zeros(2))
    if kind == "behind":
        placed = replace(placed, yaw=math.pi + float(rng.uniform(-0.4, 0.4)))
    points = np.asarray(placed.vertices(body), np.float64)[::7]
    view = random_view(points, rng, False)
    if kind == "upside down":  # the picture is turned, as a phone's is
        width, height = view.size
        half = about_z(math.pi)
        view = View((width, height), view.intrinsics, half @ view.rotation, view.place)
    return Plan((placed,), view, str(rng.choice(["room", "outdoors"])), False, False, {"scene": kind})
