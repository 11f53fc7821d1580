"""Which poses are rendered: of motion capture, and of the project's own libraries for what nobody captured."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.build.pose_prior.authored import authored_poses
from native_runtime.build.pose_prior.limbs import LimbSolver
from native_runtime.build.pose_prior.mocap import recording
from native_runtime.build.pose_prior.poses import PoseSet
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import rotation_vector_to_matrix

from .capsules import penetration
from .library import library, mirror, part_of, pose_parameters, turned, varied

Array = NDArray[np.float64]

LIBRARY, AUTHORED = "library/", "authored/"
"""Beginnings of the names of what is from ``poses.json``, and from ``rig_templates/fit/authored_poses.json``."""
MIXED = " + "
"""Between the names of two clips, where a pose has the arms or the legs of another."""
FAULTY = "cmu_expmap/"
"""A conversion whose joints' rotations do not belong together: nothing is learnt from it."""
FOLDS = 5
"""Parts of the clips that may be learnt from: models are chosen on one of them. A pose mixes clips of one part only."""

_HELD_OUT = 8
"""One pose is held out for so many that are learnt from."""
_MOST_OFF = np.radians(20.0)
"""Poses that MHR takes with a limb off by more are left out."""
_OVERLAP = 1.5
"""cm by which capsules of a mixed pose may overlap."""
_ARMS, _LEGS = ("clavicle", "uparm", "elbow", "lowarm", "wrist"), ("upleg", "knee", "lowleg", "foot", "ball")
_OTHER_ARMS, _OTHER_LEGS = 0.3, 0.15
"""Shares of poses of motion capture that get the arms, or the legs, of another one."""
_SPREAD = {"spine": 0.05, "neck": 0.08, "head": 0.08, "clavicle": 0.04, "uparm": 0.1, "elbow": 0.12, "lowarm": 0.2,
           "wrist": 0.15, "upleg": 0.06, "knee": 0.09, "lowleg": 0.05, "foot": 0.07, "ball": 0.04}  # fmt: skip
"""Standard deviations in radians of what is added to a pose, by a parameter's part."""
_TILTED, _TILT = 0.15, 0.45
"""The share of people who are tilted as a whole, and by how much, radians: nobody falls in motion capture."""


def fold_of(group: str) -> int:
    """0 to ``FOLDS`` - 1: the part that a pose's group belongs to; copies of one recording belong to the same."""
    name = group.split(MIXED)[0]
    source, _, clip = name.partition("/")
    return zlib.crc32((recording(source, clip) or name).encode()) % FOLDS


@dataclass(frozen=True)
class Pose:
    """A pose of somebody: (204,) model parameters, where it is from, and whether it is held out of training."""

    parameters: Array
    group: str
    held_out: bool


@dataclass(frozen=True)
class _Pool:
    """Poses (n, 204) and the names (n,) of their clips, or of what they are."""

    parameters: Array
    names: NDArray[np.str_]

    def some(self, mask: NDArray[np.bool_]) -> _Pool:
        return _Pool(self.parameters[mask], self.names[mask])

    def even(self, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
        """``count`` indices, each name about equally often."""
        _, inverse, sizes = np.unique(self.names, return_inverse=True, return_counts=True)
        share = 1.0 / sizes[inverse] ** 0.7
        return np.asarray(rng.choice(len(self.names), count, replace=True, p=share / share.sum()))


class Poses:
    """Makes poses. Everything of a pose follows from its number and the seed."""

    def __init__(self, body: Body, path: Path, authored: float, seed: int) -> None:
        """
        Args:
            body: the body model.
            path: a file of ``python -m native_runtime.build.pose_prior poses``.
            authored: the share of poses that are variations of the project's own.
            seed: of all choices.
        """
        found = PoseSet.load(path)
        sound = (found.worst < _MOST_OFF) & ~np.char.startswith(found.names, FAULTY)
        everything = _Pool(found.model_parameters, found.names)
        self._learnt, self._held = (everything.some(sound & mask) for mask in (found.learnt_from, found.held_out))
        self._solver, self._own = LimbSolver(body), authored_poses()
        self._solved: dict[int, Array] = {}
        self._body, self._authored, self._seed = body, authored, seed
        parts = [part_of(name) for name in body.parameter_names]
        self._arms, self._legs = (np.isin(parts, limbs) for limbs in (_ARMS, _LEGS))
        self._spread = np.array([_SPREAD.get(part, 0.0) for part in parts])

    def pose(self, number: int, other: int = 0) -> Pose:
        """The pose of a number; one in nine is held out of training.

        Args:
            other: further poses of the same number, all of them held out or none: people of one picture.
        """
        rng = np.random.default_rng([self._seed, number, other] if other else [self._seed, number])
        held = number % (_HELD_OUT + 1) == _HELD_OUT
        if rng.random() < self._authored:
            return self._of_libraries(rng, held)
        pool = self._held if held else self._learnt
        index = int(pool.even(rng, 1)[0])
        parameters, group = pool.parameters[index], str(pool.names[index])
        if not held:
            parameters, group = self._mixed(pool, parameters, group, rng)
        if rng.random() < 0.5:
            parameters = mirror(self._body, parameters)
        return Pose(self._tilted(parameters, rng), group, held)

    def _of_libraries(self, rng: np.random.Generator, held: bool) -> Pose:
        """Every second pose of each library is held out."""
        if rng.random() < 0.4:
            names = list(library()["poses"])[1::2] if held else list(library()["poses"])[::2]
            name = str(rng.choice(names))
            plain = pose_parameters(self._body, name, mirrored=bool(rng.random() < 0.5))
            return Pose(varied(self._body, rng, name, plain)[0], LIBRARY + name, held)
        index = int(rng.choice(np.arange(len(self._own))[int(held) :: 2]))
        if index not in self._solved:  # which takes a while, so that it is done for those that are wanted
            self._solved[index] = self._solver.solve(self._own[index].pose).model_parameters
        parameters = self._noisy(self._solved[index], rng)
        if rng.random() < 0.5:
            parameters = mirror(self._body, parameters)
        return Pose(parameters, AUTHORED + self._own[index].name, held)

    def _mixed(self, pool: _Pool, parameters: Array, group: str, rng: np.random.Generator) -> tuple[Array, str]:
        """A variation of a pose, in part with the arms or legs of another of the same fold; the limbs keep apart."""
        for _ in range(4):
            candidate, name = parameters.copy(), group
            for share, limbs in ((_OTHER_ARMS, self._arms), (_OTHER_LEGS, self._legs)):
                if MIXED not in name and rng.random() < share:
                    other = int(pool.even(rng, 1)[0])
                    if fold_of(str(pool.names[other])) == fold_of(group):
                        candidate[limbs] = pool.parameters[other][limbs]
                        name = group + MIXED + str(pool.names[other])
            candidate = self._noisy(candidate, rng)
            if penetration(self._body, self._body.pose(candidate)) <= _OVERLAP:
                return candidate, name
        return parameters, group

    def _noisy(self, parameters: Array, rng: np.random.Generator) -> Array:
        noisy = np.clip(
            parameters + self._spread * rng.normal(size=len(parameters)), self._body.limit_min, self._body.limit_max
        )
        return np.where(self._spread > 0, noisy, parameters)

    def _tilted(self, parameters: Array, rng: np.random.Generator) -> Array:
        if rng.random() >= _TILTED:
            return parameters
        turn, way = rng.normal(0.0, _TILT), rng.uniform(-np.pi, np.pi)
        return turned(
            self._body, parameters, rotation_vector_to_matrix(turn * np.array([np.cos(way), 0.0, np.sin(way)]))
        )
