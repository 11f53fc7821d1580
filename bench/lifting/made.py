"""Readings that nobody rendered: many more poses than there are pictures, with errors as the network makes them.

What the network says is, to the first order, a linear function of what is true; what is left differs from pose to pose.
So a pose without a picture gets the linear answer, and what was left of one of the pictures in which somebody's limbs
point alike. Tested on clips that nothing was learnt from, maps that also learn from these are better than those that
learn from pictures alone, and bend knees nearly as far as people do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from native_runtime.camera import project
from native_runtime.detection.crops import upright_angle
from native_runtime.detection.landmarks import BODY_POINTS
from native_runtime.detection.lifting import POINTS, Sight
from native_runtime.mhr import Body
from native_runtime.mhr.bodyfile import write_arrays
from native_runtime.synthetic.pictures import before_camera
from native_runtime.synthetic.poses import Pose

from .readings import blazepose
from .stances import Example, Stance

Array = NDArray[np.float64]

_ALIKE = 6
"""Pictures among which one is chosen, the likelier the more the limbs point alike."""
_RIDGE = 60.0
"""Weight of the squared coefficients of the linear part, in standard deviations, a thousand people."""
_SIDES = [[BODY_POINTS.index(f"{side}_{joint}") for side in ("left", "right")] for joint in ("hip", "shoulder")]


@dataclass(frozen=True)
class Stances:
    """What is true of N people: arrays of ``Stance``, and the names of their poses."""

    vectors: Array
    places: Array
    flat: Array
    nearness: Array
    group: NDArray[np.str_]

    def save(self, path: Path) -> None:
        """Write an ``.npz``; it appears whole or not at all."""
        write_arrays(path, {field.name: getattr(self, field.name) for field in fields(self)})

    @staticmethod
    def load(path: Path) -> Stances:
        """Read it."""
        with np.load(path, allow_pickle=False) as archive:
            return Stances(**{field.name: archive[field.name] for field in fields(Stances)})

    def some(self, mask: NDArray[np.bool_]) -> list[Stance]:
        """Those of a mask."""
        return [
            Stance(self.vectors[k], self.places[k], self.flat[k], float(self.nearness[k])) for k in np.flatnonzero(mask)
        ]


def stances_of(body: Body, poses: Sequence[Pose], seed: int, tell: Callable[[int], None]) -> Stances:
    """What would be true of people in these poses before random cameras."""
    rows = []
    for number, pose in enumerate(poses):
        rng = np.random.default_rng([seed, number, *pose.group.encode()])
        person, view = before_camera(body, pose.parameters, rng)
        landmarks = blazepose(body, person)
        hips, shoulders = (project(landmarks, view.intrinsics)[pair].mean(axis=0) for pair in _SIDES)
        angle = upright_angle(hips, shoulders)
        axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        rows.append(Stance.of(landmarks, view.intrinsics, axes, person.box))
        tell(number)
    vectors, places, flat, nearness = (
        np.array([getattr(row, name) for row in rows]) for name in ("vectors", "places", "flat", "nearness")
    )
    return Stances(vectors, places, flat, nearness, np.array([pose.group for pose in poses]))


def made(pictures: Sequence[Example], stances: Sequence[Stance], rng: np.random.Generator) -> list[Example]:
    """What the network would say of people in other poses.

    Args:
        pictures: people whom it saw, mirror images included.
        stances: what is true of the others.
    """
    known, wanted = (np.array([s.features() for s in given]) for given in ([p.stance for p in pictures], stances))
    said = np.array([_flattened(p.sight) for p in pictures])
    centre, scale = known.mean(axis=0), np.maximum(known.std(axis=0), 1e-6)
    known, wanted = (known - centre) / scale, (wanted - centre) / scale
    mean = said.mean(axis=0)
    penalty = _RIDGE * len(known) / 1000.0 * np.eye(known.shape[1])
    linear = np.linalg.solve(known.T @ known + penalty, known.T @ (said - mean))
    left = said - mean - known @ linear
    ways = [np.array([s.vectors.ravel() for s in given]) for given in ([p.stance for p in pictures], stances)]
    distance, index = cKDTree(ways[0]).query(ways[1], _ALIKE)
    chances = np.exp(-((distance / distance[:, :1]) ** 2))
    chosen = [rng.choice(row, p=share / share.sum()) for row, share in zip(index, chances)]
    answers = mean + wanted @ linear + left[chosen]
    return [Example(_sight(answer), stance) for answer, stance in zip(answers, stances)]


def _flattened(sight: Sight) -> Array:
    return np.concatenate([sight.space.ravel(), sight.flat.ravel(), sight.visibility, [sight.nearness]])


def _sight(values: Array) -> Sight:
    count = len(POINTS)
    space, flat = values[: 3 * count].reshape(-1, 3), values[3 * count : 5 * count].reshape(-1, 2)
    flat = flat / max(float(np.sqrt((flat**2).sum() / max((space[:, :2] ** 2).sum(), 1e-9))), 1e-9)
    return Sight(space, flat, np.clip(values[5 * count : 6 * count], 0.0, 1.0), float(values[-1]))
