"""Poses as directions of limbs, and the MHR angles that give them.

Skeletons of other programs have other proportions and other places of joints, but a thigh that points forward points
forward in all of them. So poses are carried over by directions alone, and solved by the fit's own solver within MHR's
limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import MHR_TO_CAMERA
from native_runtime.fitting.evidence import Directions, Evidence, Points2D
from native_runtime.fitting.evidence_terms import FitProblem, Weights
from native_runtime.fitting.fit import initial_rotation
from native_runtime.fitting.follow import of_fingers
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.problem import ROOT_ROTATION
from native_runtime.fitting.restarts import ARM
from native_runtime.fitting.solver import minimise
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import matrix_to_euler
from native_runtime.mhr.state import PlacedState

Array = NDArray[np.float64]

LIMBS: Mapping[str, tuple[str, str]] = {
    f"{side}_{limb}": (f"{side}_{start}", f"{side}_{end}")
    for side in ("left", "right")
    for limb, start, end in (
        ("upper_arm", "shoulder", "elbow"), ("forearm", "elbow", "wrist"),
        ("thigh", "hip", "knee"), ("shank", "knee", "ankle"), ("foot", "ankle", "big_toe"),
    )
}  # fmt: skip
"""Limb -> the MHR-70 keypoints at its ends."""

LINES = ("hips", "trunk", "shoulders")
"""From the right hip to the left one, from between the hips to between the shoulders, and between the shoulders."""

_SIGMA, _LOOSE = 0.05, 0.1
"""Radians by which a direction is off: of limbs and the trunk, and of feet and the head."""

_PRIOR = 0.15
"""Weight of ``PosePrior``: it settles what directions leave open, such as the twist of a straight arm."""

_BEST_STARTS = 3

_STUCK = 0.25
"""Radians: where a limb of an arm is missed by more, the arms restart from other positions."""


@dataclass(frozen=True)
class LimbPose:
    """How the parts of a person point, in MHR axes (the person's left, up, forward when facing +Z).

    Attributes:
        vectors: unit vectors (3,) by the names of ``LIMBS`` and ``LINES``.
        head: (3, 3) rotation of the head from a head that looks along +Z.
        angles: MHR parameters (radians) that are known in another way, with the deviation of each.
    """

    vectors: Mapping[str, Array]
    head: Array
    angles: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Posed:
    """A pose as MHR has it.

    Attributes:
        model_parameters: (204,) within MHR's limits; lengths and fingers are 0, the root's translation too.
        misses: radians between the wanted direction and MHR's, by part (the trunk's two sides apart).
    """

    model_parameters: Array
    misses: Mapping[str, float]

    @property
    def miss(self) -> float:
        """Root mean square of the misses, radians."""
        return float(np.sqrt(np.mean(np.square(list(self.misses.values())))))


class LimbSolver:
    """Finds the MHR angles of poses that are given as directions."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._prior = PosePrior.load(body)
        names = [body.parameter_names[index] for index in self._prior.parameters]
        self._moving = np.array([not of_fingers(name) and not name.startswith("scale_") for name in names])
        self._slots = {name: slot for slot, name in enumerate(names)}
        rest = body.pose(np.zeros(len(body.parameter_names)))
        keypoints = body.keypoints(rest, body.rest_vertices)
        self._rest = dict(zip(body.keypoint_names, keypoints, strict=True))

    @property
    def foot_pitch(self) -> float:
        """Radians: how far below the horizon the foot's direction points when its sole is flat on the floor."""
        foot = self._rest["left_big_toe"] - self._rest["left_ankle"]
        return float(np.arctan2(-foot[1], np.hypot(foot[0], foot[2])))

    def solve(self, pose: LimbPose) -> Posed:
        """The MHR pose nearest to directions."""
        problem, parts = self._problem(pose)
        natural = self._prior.natural_parameters(self._body)
        natural[ROOT_ROTATION] = matrix_to_euler(initial_rotation(self._body, problem.evidence))
        best = self._descend(problem, self._state(natural))
        if max(self._misses(problem, parts, best[0]).values()) > _STUCK:
            others = [self._state(self._with_arms(best[0].model_parameters, arms)) for arms in ARM.starts]
            others = sorted(others, key=problem.cost)[:_BEST_STARTS]
            best = min([best, *(self._descend(problem, state) for state in others)], key=lambda pair: pair[1])
        parameters = self._body.parameterisation.clamp(best[0].model_parameters)
        return Posed(parameters, self._misses(problem, parts, best[0]))

    def _problem(self, pose: LimbPose) -> tuple[FitProblem, list[str]]:
        """The least-squares problem, and which part each of its directions is about."""
        across = {part: pose.vectors[part] for part in LINES}
        hips = float(self._rest["left_hip"][0]) * across["hips"]
        shoulders = float(self._rest["left_shoulder"][0]) * across["shoulders"]
        trunk = float(self._rest["left_shoulder"][1] - self._rest["left_hip"][1]) * across["trunk"]
        wanted: list[tuple[str, str, str, Array, float]] = [
            ("hips", "right_hip", "left_hip", across["hips"], _SIGMA),
            ("shoulders", "right_shoulder", "left_shoulder", across["shoulders"], _SIGMA),
            ("left_trunk", "left_hip", "left_shoulder", trunk + shoulders - hips, _SIGMA),
            ("right_trunk", "right_hip", "right_shoulder", trunk - shoulders + hips, _SIGMA),
        ]
        for part, (first, last) in LIMBS.items():
            wanted.append((part, first, last, pose.vectors[part], _LOOSE if part.endswith("foot") else _SIGMA))
        for first, last in (("right_ear", "left_ear"), ("left_ear", "nose"), ("right_ear", "nose")):
            wanted.append(("head", first, last, pose.head @ (self._rest[last] - self._rest[first]), _LOOSE))
        parts, starts, ends, vectors, sigmas = zip(*wanted, strict=True)
        units = np.array([vector / np.linalg.norm(vector) for vector in vectors]) * np.diag(MHR_TO_CAMERA)
        seen = Directions(starts, ends, units, np.array(sigmas), np.ones(len(parts)))
        nothing = Points2D((), np.zeros((0, 2)), np.zeros(0), np.zeros(0), np.zeros(0, bool))
        means, deviations = self._prior.means.copy(), self._prior.deviations.copy()
        for name, (value, deviation) in pose.angles.items():
            means[self._slots[name]], deviations[self._slots[name]] = value, deviation * np.sqrt(_PRIOR)
        prior = replace(self._prior, means=means, deviations=deviations)
        weights = Weights(prior=_PRIOR)
        problem = FitProblem(self._body, Evidence(nothing, seen, 1.0), np.eye(3), prior, self._moving, weights=weights)
        return problem, list(parts)

    def _state(self, parameters: Array) -> PlacedState:
        body = self._body
        return PlacedState(
            parameters, np.zeros(body.identity_count), np.zeros(body.expression_count), np.array([0.0, 0.0, 3.0])
        )

    def _descend(self, problem: FitProblem, state: PlacedState) -> tuple[PlacedState, float]:
        solution = minimise(state, problem.linearise, problem.cost, problem.retract, 30, 1e-3, 1e-2)
        return solution.state, solution.cost

    def _with_arms(self, parameters: Array, arms: Mapping[str, float]) -> Array:
        out = parameters.copy()
        for name, value in arms.items():
            for side in "lr":
                out[self._body.parameter_index(f"{side}_{name}")] = value
        return self._body.parameterisation.clamp(out)

    def _misses(self, problem: FitProblem, parts: list[str], state: PlacedState) -> dict[str, float]:
        pose, directions = problem.pose(state), problem.evidence.directions
        place = {name: row for row, name in enumerate(dict.fromkeys([*directions.starts, *directions.ends]))}
        points = problem.points.camera(pose, state)
        out: dict[str, float] = {}
        for part, start, end, wanted in zip(parts, directions.starts, directions.ends, directions.vectors, strict=True):
            vector = points[place[end]] - points[place[start]]
            angle = float(np.arccos(np.clip(vector @ wanted / np.linalg.norm(vector), -1.0, 1.0)))
            out[part] = max(angle, out.get(part, 0.0))
        return out
