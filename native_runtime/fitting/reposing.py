"""A body that is moved a little, as a least-squares problem: some of its parameters, and its place if need be.

Unknowns, in this order: where the whole body moves, a small rotation of it (3, a rotation vector in MHR axes) and the
camera translation (3, metres); then the free model parameters. All else comes from terms (``pins``, ``hold``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body, ColumnSet, PointSet, Pose
from native_runtime.mhr.rotations import euler_to_matrix, matrix_to_euler, rotation_vector_to_matrix

from .problem import (
    CAMERA_PER_MHR,
    FIRST_PARAMETER,
    ROOT_ROTATION,
    ROTATION,
    TRANSLATION,
    FitState,
    Term,
    whole_motion,
)
from .solver import Linearisation, normal_equations

Array = NDArray[np.float64]


class Reposing:
    """The problem for some parameters of one body and some terms."""

    def __init__(
        self, body: Body, parameters: NDArray[np.int64], terms: Sequence[Term], home: Array, whole: bool
    ) -> None:
        """Prepare the problem.

        Args:
            body: the body model.
            parameters: (n,) indices of the model parameters that move.
            terms: what the body is drawn to and held by.
            home: (204,) model parameters that are possible whatever MHR's limits say.
            whole: whether the body's rotation and place move, too.
        """
        self.body, self.parameters, self.terms, self.whole = body, np.asarray(parameters, np.int64), terms, whole
        self.first = FIRST_PARAMETER if whole else 0
        self.size = self.first + len(self.parameters)
        self._posed: tuple[FitState, Pose] | None = None
        self._moved: tuple[PointSet, Pose, Array] | None = None
        self._columns = ColumnSet.of(body, self.parameters)
        self._low = np.minimum(body.limit_min[self.parameters], home[self.parameters])
        self._high = np.maximum(body.limit_max[self.parameters], home[self.parameters])

    def motion(self, points: PointSet, pose: Pose, state: FitState) -> Array:
        """d camera point / d unknowns, (N, 3, size), metres; terms on the same points share it."""
        if self._moved is None or self._moved[0] is not points or self._moved[1] is not pose:
            moved = points.parameter_jacobian(pose, self._columns, state.identity) * CAMERA_PER_MHR[:, None]
            if self.whole:
                moved = np.concatenate([whole_motion(points, pose, self.body, state), moved], axis=2)
            self._moved = points, pose, moved
        return self._moved[2]

    def _pose(self, state: FitState) -> Pose:
        """The body posed; the last one is remembered, as the solver asks for a good step's cost and slope in turn."""
        if self._posed is None or self._posed[0] is not state:
            self._posed = state, self.body.pose(state.model_parameters)
        return self._posed[1]

    def cost(self, state: FitState) -> float:
        """The cost of a state."""
        pose = self._pose(state)
        return sum(term.cost(pose, state) for term in self.terms)

    def linearise(self, state: FitState) -> Linearisation:
        """Gauss-Newton's view of the problem around a state."""
        pose = self._pose(state)
        cost, hessian, gradient = normal_equations(
            (term.linearise(self, pose, state) for term in self.terms), self.size
        )
        values = state.model_parameters[self.parameters]
        below, above = np.full(self.size, np.inf), np.full(self.size, np.inf)
        below[self.first :] = np.maximum(values - self._low, 0.0)
        above[self.first :] = np.maximum(self._high - values, 0.0)
        return Linearisation(cost, hessian, gradient, below, above)

    def retract(self, state: FitState, step: NDArray) -> FitState:
        """The state after a step of the unknowns (size,), inside all limits."""
        parameters, translation = state.model_parameters.copy(), state.camera_translation
        moved = parameters[self.parameters] + step[self.first :]
        parameters[self.parameters] = np.clip(moved, self._low, self._high)
        if self.whole:
            turned = rotation_vector_to_matrix(step[ROTATION]) @ euler_to_matrix(parameters[ROOT_ROTATION])
            parameters[ROOT_ROTATION] = matrix_to_euler(turned)
            translation = translation + step[TRANSLATION]
        return replace(state, model_parameters=parameters, camera_translation=translation)
