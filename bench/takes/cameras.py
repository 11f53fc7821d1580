"""Cameras of takes: standing on a tripod, or moving slowly in a hand."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.views import FULL_FRAME_DIAGONAL
from native_runtime.camera import project
from native_runtime.synthetic.views import View

Array = NDArray[np.float64]

SIZE = (1280, 720)
_LENS = (24.0, 50.0)
"""mm of a 36 x 24 mm frame."""
_NEAREST = 2.2


def looking(place: Array, target: Array, roll: float = 0.0) -> Array:
    """(3, 3) world vectors (z up) to camera axes of a camera at ``place`` that looks at ``target``."""
    forward = (target - place) / np.linalg.norm(target - place)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    level = np.stack([right, np.cross(forward, right), forward])
    c, s = math.cos(roll), math.sin(roll)
    return np.asarray(np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) @ level)


def fixed(points: Array, rng: np.random.Generator) -> View:
    """A camera from anywhere around that has world points (N, 3) m in its frame."""
    size = SIZE
    millimetres = math.exp(rng.uniform(*np.log(_LENS)))
    focal = millimetres / FULL_FRAME_DIAGONAL * math.hypot(*size)
    intrinsics = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1.0]])
    turn, height = float(rng.uniform(-math.pi, math.pi)), float(rng.uniform(0.8, 2.0))
    fill, roll = float(rng.uniform(0.72, 0.94)), float(rng.normal(0, 0.012))
    target = (points.min(axis=0) + points.max(axis=0)) / 2
    way, distance = np.array([math.cos(turn), math.sin(turn), 0.0]), 4.0
    for _ in range(40):
        place = target + way * distance
        place[2] = height
        rotation = looking(place, target, roll)
        camera = (points - place) @ rotation.T
        if camera[:, 2].min() < 0.8:
            distance *= 1.3
            continue
        pixels = project(camera, intrinsics)
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        off = np.append(((low + high) / 2 - np.array(size) / 2) / focal * distance * 0.7, 0.0) @ rotation
        target = target + off
        distance = max(distance * float(np.clip(np.max((high - low) / np.array(size)) / fill, 0.7, 1.4)), _NEAREST)
    return View(size, intrinsics, rotation, place)


def moving(first: View, points: Array, frames: int, rate: float, rng: np.random.Generator) -> list[View]:
    """A hand that carries ``first`` sideways and a little up or down within the take, with an unsteady grip.

    Args:
        points: (N, 3) m, what the camera keeps looking at.
    """
    middle = points.mean(axis=0)
    right = first.rotation[0]
    drift = right * float(rng.choice([-1, 1]) * rng.uniform(0.4, 0.9)) + [0.0, 0.0, float(rng.uniform(-0.15, 0.25))]
    share = 0.5 - 0.5 * np.cos(np.pi * np.arange(frames) / (frames - 1))
    times = np.arange(frames) / rate
    shake = sum(
        amplitude * np.sin(2 * np.pi * (frequency * times[:, None] + rng.random(6)))
        for frequency, amplitude in ((0.4, 0.004), (1.1, 0.002), (2.3, 0.0008))
    )
    start = (middle - first.place) @ first.rotation.T
    out = []
    for k in range(frames):
        place = first.place + share[k] * drift + shake[k, :3] - shake[0, :3]
        # turned so that what it looks at stays where it was in the first frame, more or less
        goal = (middle - place) @ first.rotation.T
        turn = _between(goal, start + (goal - start) * 0.15)
        grip = shake[k, 3:] - shake[0, 3:]
        tilt = np.array([[1, -grip[2], grip[1]], [grip[2], 1, -grip[0]], [-grip[1], grip[0], 1]])
        u, _, vt = np.linalg.svd(tilt @ turn @ first.rotation)
        out.append(View(first.size, first.intrinsics, u @ vt, place))
    return out


def _between(a: Array, b: Array) -> Array:
    """(3, 3) the smallest rotation from the direction of a to that of b."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    v, c = np.cross(a, b), float(a @ b)
    cross = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.asarray(np.eye(3) + cross + cross @ cross / (1 + c))
