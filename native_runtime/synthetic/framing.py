"""Cameras for people: level, from above and from below, near and far, with parts of people beyond the picture."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project

from .views import View, look

Array = NDArray[np.float64]

SIDES = 240, 360
"""About the longer side of pictures, px: networks' own windows have 256."""
_LENSES = 0.5, 0.9
"""Focal lengths as shares of the picture's diagonal; a part of cameras has wider and longer ones."""
_ODD_LENSES, _ODD = (0.4, 2.4), 0.25
_SMALL, _SMALLEST = 0.25, 2.5
"""The share of people who are small, as if their surroundings were cut out of a larger picture; how small."""
_NEAREST = 1.2
"""Metres."""
_LOWEST = 0.08
"""Metres over the floor."""
_CUT = 0.22
"""The share of pictures that show a part of somebody."""
_TURNED = 0.03
"""The share of pictures that lie on a side, or upside down."""


def random_view(points: Array, rng: np.random.Generator) -> View:
    """A camera around world points (N, 3) m, above the floor at z = 0 as a rule."""
    side = int(rng.integers(*SIDES))
    shape = float(rng.choice([0.66, 0.8, 1.0]))
    extent = np.ptp(points, axis=0)
    upright = extent[2] > max(extent[0], extent[1])
    size = (round(side * shape), side) if upright or shape == 1 else (side, round(side * shape))
    lens = math.exp(rng.uniform(*np.log(_ODD_LENSES if rng.random() < _ODD else _LENSES)))
    focal = lens * math.hypot(*size)
    cut = rng.random() < _CUT
    fill = float(rng.uniform(1.1, 2.3) if cut else rng.uniform(0.6, 0.95))
    if not cut and rng.random() < _SMALL:
        fill /= float(rng.uniform(1.0, _SMALLEST))
    roll = float(rng.normal(0.0, 0.06))
    if rng.random() < _TURNED:
        roll += float(rng.choice([0.5, 1.0, 1.5])) * math.pi
    intrinsics = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1.0]])
    pitch, below = _pitch(rng), rng.random() < 0.3
    aim = rng.uniform(-0.5, 0.5, 2)
    some = points[::5]
    for _ in range(12):
        view = _framed(some, size, intrinsics, look(pitch, roll), fill, aim, cut)
        if view.place[2] > _LOWEST or pitch < -0.2 or (below and pitch > 0.35):
            break
        pitch -= 0.08
    return view


def _pitch(rng: np.random.Generator) -> float:
    kind = rng.random()
    if kind < 0.6:
        return float(np.clip(rng.normal(-0.08, 0.15), -0.6, 0.6))
    if kind < 0.8:
        return float(rng.uniform(-0.61, 0.61))
    if kind < 0.91:
        return float(rng.uniform(-1.45, -0.55))
    return float(rng.uniform(0.3, 1.0))


def _framed(
    points: Array, size: tuple[int, int], intrinsics: Array, rotation: Array, fill: float, aim: Array, cut: bool
) -> View:
    distance, middle = 4.0, (points.min(axis=0) + points.max(axis=0)) / 2
    limits, focal = np.array(size), float(intrinsics[0, 0])
    local = (points - middle) @ rotation.T
    for _ in range(8):
        pixels = project(np.maximum(local + [0, 0, distance], [-np.inf, -np.inf, 0.05]), intrinsics)
        extent = np.ptp(pixels, axis=0)
        distance = max(distance * float(np.clip(np.max(extent / limits) / fill, 0.6, 1.6)), _NEAREST)
    # What is spare on either side may lie anywhere; of somebody who is cut, either end may be beyond the picture.
    spare = np.abs(limits - extent) if cut else np.maximum(limits - extent, 0.0)
    offset = np.append(((limits - 1) / 2 - (pixels.min(axis=0) + pixels.max(axis=0)) / 2 + aim * spare) / focal, 0.0)
    return View(size, intrinsics, rotation, middle - rotation[2] * distance - rotation.T @ offset * distance)
