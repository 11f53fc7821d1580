"""The sets of pictures: of known kinds, and ordinary ones with failures among them."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body
from native_runtime.synthetic.library import library, pose_parameters

from .pictures import Difficulty
from .poses import KNOWN, OF_PICTURES, Half, KnownPoses

Array = NDArray[np.float64]
SetName = Literal["kinds", "scores"]

KINDS = ("plain", *KNOWN, *OF_PICTURES)

PLANTED = ("hidden", "blurred", "tiny", "dark", "from_above", "upside_down", "contorted", "crowded")
"""What is meant to make the engine fail."""

_HARD_SHARE = {"tuned": 3, "held": 4}
"""Of the set of scores, one picture in so many is meant to fail."""


@dataclass(frozen=True)
class Planned:
    """A picture to be taken: a pose (204,), what is hard about it, and what it is called."""

    name: str
    kind: str
    pose: Array
    how: Difficulty
    rng: np.random.Generator


def planned(body: Body, what: SetName, half: Half, seed: int, count: int) -> Iterator[Planned]:
    """The first pictures of a set; the same for the same seed."""
    poses, salt = KnownPoses(body), zlib.crc32(f"{what}/{half}".encode())
    for number in range(count):
        rng = np.random.default_rng([seed, salt, number])
        if what == "kinds":
            kind = KINDS[number % len(KINDS)]
            yield Planned(f"{number:04d}", kind, poses.pose(kind, half, rng), _of_kind(kind, rng), rng)
        elif number % _HARD_SHARE[half]:
            yield Planned(f"{number:04d}", "ordinary", _ordinary(body, poses, half, rng), _usual(rng), rng)
        else:
            plant = PLANTED[number // _HARD_SHARE[half] % len(PLANTED)]
            kind = {"upside_down": "inverted", "contorted": "contortion"}.get(plant)
            pose = _ordinary(body, poses, half, rng) if kind is None else poses.pose(kind, half, rng)
            yield Planned(f"{number:04d}", plant, pose, _planted(plant, rng), rng)


def _usual(rng: np.random.Generator) -> Difficulty:
    yaw = float(rng.uniform(-1.1, 1.1) if rng.random() < 0.7 else rng.uniform(-math.pi, math.pi))
    pitch = float(np.clip(rng.normal(-0.06, 0.1), -0.3, 0.2))
    return Difficulty(yaw=yaw, pitch=pitch, fill=float(rng.uniform(0.6, 0.9)))


def _of_kind(kind: str, rng: np.random.Generator) -> Difficulty:
    usual = replace(_usual(rng), yaw=float(rng.uniform(-1.0, 1.0)))
    sign = 1.0 if rng.random() < 0.5 else -1.0
    changes: dict[str, Difficulty] = {
        "back_view": replace(usual, yaw=math.pi + float(rng.uniform(-0.6, 0.6))),
        "top_down": replace(usual, pitch=float(rng.uniform(-1.1, -0.75))),
        "bottom_up": replace(usual, pitch=float(rng.uniform(0.5, 0.75))),
        "truncation": replace(usual, fill=float(rng.uniform(1.6, 2.4))),
        "occlusion": replace(usual, hidden=float(rng.uniform(0.45, 0.6))),
        "crowd": replace(usual, others=int(rng.integers(4, 7)), fill=0.75),
        "motion_blur": replace(usual, blur=float(rng.uniform(0.045, 0.09))),
        "lying": replace(usual, yaw=sign * float(rng.uniform(0.5, 2.6))),
    }
    return changes.get(kind, usual)


def _planted(plant: str, rng: np.random.Generator) -> Difficulty:
    usual = _usual(rng)
    return {
        "hidden": replace(usual, hidden=float(rng.uniform(0.55, 0.75))),
        "blurred": replace(usual, blur=float(rng.uniform(0.12, 0.2))),
        "tiny": replace(usual, small=int(rng.integers(26, 42))),
        "dark": replace(usual, dark=float(rng.uniform(0.04, 0.1))),
        "from_above": replace(usual, pitch=float(rng.uniform(-1.35, -1.1))),
        "crowded": replace(usual, others=3, hidden=0.3),
    }.get(plant, usual)


def _ordinary(body: Body, poses: KnownPoses, half: Half, rng: np.random.Generator) -> Array:
    """A plain pose, or one of half of the accuracy bench's library."""
    if rng.random() < 0.4:
        return poses.pose("plain", half, rng)
    names = list(library()["poses"])[half == "held" :: 2]
    parameters = pose_parameters(body, str(rng.choice(names)))
    return np.where(np.array([name.startswith("scale_") for name in body.parameter_names]), 0.0, parameters)
