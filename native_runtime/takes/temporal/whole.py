"""All frames of a take as one least-squares problem, and its solver.

Every frame has the still fit's own terms (``fitting.evidence_terms``) over its rotation, place and pose; frames are
tied by how people move (``smoothness``), and share the skeleton's lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera
from native_runtime.fitting.problem import CAMERA_PER_MHR, FIRST_PARAMETER, ROOT_ROTATION, TRANSLATION, Problem
from native_runtime.mhr import Body, ColumnSet
from native_runtime.mhr.rotations import euler_to_matrix
from native_runtime.mhr.state import PlacedState

from .banded import Banded
from .motion import joint_jacobians
from .smoothness import JOINTS, Smoothness
from .stance import FootPlaces, Stance, add_stance

Array = NDArray[np.float64]
States = list[PlacedState]


@dataclass(frozen=True)
class TakeStep:
    """A change of all unknowns: (F, n) of the frames, (s,) of what they share."""

    own: Array
    shared: Array


@dataclass(frozen=True)
class TakeLinearisation:
    """The problem around states.

    Attributes:
        cost: the robust cost.
        normal: J^T W J.
        gradient: J^T W r.
        below, above: how far each unknown may go; at least 0.
    """

    cost: float
    normal: Banded
    gradient: TakeStep
    below: TakeStep
    above: TakeStep


class TakeProblem:
    """One person in consecutive frames."""

    def __init__(
        self,
        body: Body,
        problems: Sequence[Problem],
        smoothness: Smoothness,
        shared: int,
        to_world: Array | None = None,
        fixed: NDArray[np.bool_] | None = None,
        stance: Stance | None = None,
    ) -> None:
        """Prepare.

        Args:
            body: the body model.
            problems: of each frame alone, all over the same unknowns, the last ones of which are shared.
            smoothness: how people move.
            shared: s, how many are shared.
            to_world: (F, 4, 4) camera to world of each frame; None: the camera stands still.
            fixed: (F,) frames that stay as they are and only hold their neighbours; None for none.
            stance: which feet stand; None: nothing is known of it.
        """
        self.body, self.problems, self.smoothness, self.shared = body, list(problems), smoothness, shared
        self.own = self.problems[0].size - shared
        self._axes = None if to_world is None else np.asarray(to_world, np.float64)
        self._fixed = np.zeros(len(self.problems), bool) if fixed is None else fixed
        self._stance, self._feet = stance, FootPlaces(body, self._axes)
        self._joints = np.array([body.joint_index(name) for name in JOINTS])
        self._root = body.joint_index("root")
        self._columns = ColumnSet.of(body, self.problems[0].parameters)
        self._turning = np.concatenate([np.arange(3), np.arange(FIRST_PARAMETER, self.own)])
        self._posed = self.problems[0].parameters[: self.own - FIRST_PARAMETER]

    def cost(self, states: States) -> float:
        """The robust cost of states of all frames."""
        own = sum(problem.cost(state) for problem, state in zip(self.problems, states, strict=True))
        if self._stance is not None:
            own += self._stance.of_places(self._feet.places(self.problems, states))[0]
        if len(states) < 3:
            return float(own)
        joints, turns = self.smoothness.of_joints(self._places(states)), self._turns(states)
        return float(own) + joints[0] + turns[0]

    def linearise(self, states: States) -> TakeLinearisation:
        """Gauss-Newton's view of the problem around states."""
        count, n = len(states), self.own
        normal = Banded.zeros(count, n, self.shared)
        gradient, common = np.zeros((count, n)), np.zeros(self.shared)
        below, above = (np.zeros((count, n)) for _ in range(2))
        low, high = (np.full(self.shared, np.inf) for _ in range(2))
        cost = 0.0
        for k, (problem, state) in enumerate(zip(self.problems, states, strict=True)):
            around = problem.linearise(state)
            cost += around.cost
            normal.diagonal[k] = around.hessian[:n, :n]
            normal.border[k] = around.hessian[n:, :n]
            normal.corner[:] += around.hessian[n:, n:]
            gradient[k] = around.gradient[:n]
            common += around.gradient[n:]
            below[k], above[k] = around.room_below[:n], around.room_above[:n]
            low, high = np.minimum(low, around.room_below[n:]), np.minimum(high, around.room_above[n:])
        if self._stance is not None:
            cost += add_stance(self._stance, self._feet, self.problems, states, normal, gradient, common)
        if count >= 3:
            part, residual, weight = self.smoothness.of_joints(self._places(states))
            cost += part
            self.smoothness.add_joints(normal, gradient, common, self._motion(states), residual, weight)
            part, residual, weight = self._turns(states)
            cost += part
            self.smoothness.add_turns(normal, gradient, residual, weight, self._turning)
        below[self._fixed], above[self._fixed] = 0.0, 0.0
        if self._fixed.any():
            low, high = np.zeros(self.shared), np.zeros(self.shared)
        return TakeLinearisation(cost, normal, TakeStep(gradient, common), TakeStep(below, low), TakeStep(above, high))

    def retract(self, states: States, step: TakeStep) -> States:
        """The states after a step, inside all limits."""
        return [
            state if self._fixed[k] else problem.retract(state, np.concatenate([step.own[k], step.shared]))
            for k, (problem, state) in enumerate(zip(self.problems, states, strict=True))
        ]

    def _places(self, states: States) -> Array:
        """(F, K, 3) m of the joints in the world."""
        out = np.stack([
            mhr_to_camera(problem.pose(state).translations[self._joints], state.camera_translation)
            for problem, state in zip(self.problems, states, strict=True)
        ])  # fmt: skip
        if self._axes is None:
            return out
        return np.asarray(out @ self._axes[:, :3, :3].transpose(0, 2, 1) + self._axes[:, None, :3, 3])

    def _motion(self, states: States) -> Array:
        """(F, K, 3, n + s) m: d place in the world / d unknowns."""
        poses = [problem.pose(state) for problem, state in zip(self.problems, states, strict=True)]
        places = np.stack([pose.translations[self._joints] for pose in poses])
        moved = joint_jacobians(
            self.body, self._joints, self._columns, np.stack([pose.joints for pose in poses]),
            np.stack([pose.scales for pose in poses]), np.stack([pose.joint_parameters for pose in poses]),
        )  # fmt: skip
        root = np.stack([pose.translations[self._root] for pose in poses])
        # as ``fitting.problem.whole_motion``: all of these joints hang on the root
        arms = places - root[:, None]
        whole = np.zeros((*places.shape, FIRST_PARAMETER))
        whole[..., 1, 0], whole[..., 2, 0] = -arms[..., 2], arms[..., 1]
        whole[..., 0, 1], whole[..., 2, 1] = arms[..., 2], -arms[..., 0]
        whole[..., 0, 2], whole[..., 1, 2] = -arms[..., 1], arms[..., 0]
        out = np.concatenate([whole, moved], axis=3) * CAMERA_PER_MHR[:, None]
        out[..., TRANSLATION] = np.eye(3)
        if self._axes is None:
            return out
        return np.asarray(np.einsum("fab,fkbu->fkau", self._axes[:, :3, :3], out))

    def _turns(self, states: States) -> tuple[float, Array, Array]:
        rotations = euler_to_matrix(np.stack([state.model_parameters[ROOT_ROTATION] for state in states]))
        angles = np.stack([state.model_parameters[self._posed] for state in states])
        return self.smoothness.of_turns(rotation_vectors(rotations[1:] @ rotations[:-1].transpose(0, 2, 1)), angles)


def rotation_vectors(matrices: Array) -> Array:
    """Axis times angle (..., 3) of rotations (..., 3, 3) by less than half a turn."""
    vector = 0.5 * np.stack(
        [
            matrices[..., 2, 1] - matrices[..., 1, 2],
            matrices[..., 0, 2] - matrices[..., 2, 0],
            matrices[..., 1, 0] - matrices[..., 0, 1],
        ],
        axis=-1,
    )
    sine = np.linalg.norm(vector, axis=-1)
    angle = np.arctan2(sine, 0.5 * (np.trace(matrices, axis1=-2, axis2=-1) - 1.0))
    return np.asarray(vector * np.where(sine > 1e-9, angle / np.maximum(sine, 1e-9), 1.0)[..., None])


@dataclass(frozen=True)
class TakeSolution:
    """Where the solver ended: the best states, their cost, and the steps tried."""

    states: States
    cost: float
    iterations: int


_MOST_DAMPING = 1e8


def minimise_take(
    problem: TakeProblem,
    states: States,
    iterations: int,
    tolerance: float = 1e-3,
    damping: float = 1e-3,
    cancelled: Callable[[], bool] = lambda: False,
    told: Callable[[], None] = lambda: None,
) -> TakeSolution:
    """Levenberg-Marquardt as ``fitting.solver.minimise`` has it, over all frames of a take.

    Args:
        problem: the take.
        states: where to start, inside all limits.
        iterations: at most so many steps are tried.
        tolerance: two steps in a row that lower the cost by less than this part of it end the walk.
        damping: first damping, relative to the diagonal.
        cancelled: asked before each step.
        told: called after each step.
    """
    around = problem.linearise(states)
    growth, lazy = 2.0, 0
    for iteration in range(iterations):
        if cancelled():
            return TakeSolution(states, around.cost, iteration)
        step, predicted = _bounded_step(around, damping)
        told()
        candidate = problem.retract(states, step) if predicted > 0 else states
        cost = problem.cost(candidate) if predicted > 0 else np.inf
        gain = (around.cost - cost) / predicted if predicted > 0 else -1.0
        if gain > 1e-4:
            lazy = lazy + 1 if around.cost - cost < tolerance * around.cost else 0
            states = candidate
            if lazy == 2 or iteration + 1 == iterations:
                return TakeSolution(states, cost, iteration + 1)
            around = problem.linearise(states)
            damping = max(damping * max(1 / 3, 1 - (2 * min(gain, 1.0) - 1) ** 3), 1e-8)
            growth = 2.0
        else:
            damping *= growth
            growth *= 2.0
            if damping > _MOST_DAMPING:
                return TakeSolution(states, around.cost, iteration + 1)
    return TakeSolution(states, around.cost, iterations)


def _bounded_step(around: TakeLinearisation, damping: float) -> tuple[TakeStep, float]:
    """The damped step inside the box, and by how much it should lower the cost.

    Unknowns on a wall that they are pushed against stay; those that would cross one stop there while the others are
    solved again.
    """
    gradient, below, above = around.gradient, around.below, around.above
    own, shared = around.normal.diagonals()
    damped = around.normal.damped(damping * np.maximum(own, 1e-12), damping * np.maximum(shared, 1e-12))
    fixed = _blocked(gradient.own, below.own, above.own)
    fixed_shared = _blocked(gradient.shared, below.shared, above.shared)
    step, step_shared = np.zeros_like(gradient.own), np.zeros_like(gradient.shared)
    for _ in range(_ROUNDS):
        pull, pull_shared = damped.times(step * fixed, step_shared * fixed_shared)
        right = np.where(fixed, step, -(gradient.own + pull))
        right_shared = np.where(fixed_shared, step_shared, -(gradient.shared + pull_shared))
        step, step_shared = damped.without(fixed, fixed_shared).solve(right, right_shared)
        clipped = np.clip(step, -below.own, above.own)
        clipped_shared = np.clip(step_shared, -below.shared, above.shared)
        crossing, crossing_shared = clipped != step, clipped_shared != step_shared
        step, step_shared = clipped, clipped_shared
        if not crossing.any() and not crossing_shared.any():
            break
        fixed, fixed_shared = fixed | crossing, fixed_shared | crossing_shared
    along, along_shared = around.normal.times(step, step_shared)
    predicted = -float(
        np.sum(step * (gradient.own + 0.5 * along)) + step_shared @ (gradient.shared + 0.5 * along_shared)
    )
    return TakeStep(step, step_shared), predicted


_ROUNDS = 3
"""Solutions of a step at most while unknowns stop at walls."""


def _blocked(gradient: Array, below: Array, above: Array) -> NDArray[np.bool_]:
    return ((below <= 0) & (gradient >= 0)) | ((above <= 0) & (gradient <= 0))
