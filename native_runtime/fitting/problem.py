"""A body as a least-squares problem: its unknowns, how they move its points, and its terms.

Unknowns, in this order: where the whole body moves, a small rotation of it (3, a rotation vector in MHR axes, so that
no direction is singular) and the camera translation (3, metres); the free model parameters; the free identity
coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import CM_PER_M, MHR_TO_CAMERA, mhr_to_camera
from native_runtime.mhr import Body, ColumnSet, PointSet, Pose
from native_runtime.mhr.rotations import euler_to_matrix, matrix_to_euler, rotation_vector_to_matrix
from native_runtime.mhr.sparse import SparseRows, sorted_rows
from native_runtime.mhr.state import PlacedState

from .solver import Linearisation, Linearised, Residuals, normal_equations

Array = NDArray[np.float64]

ROTATION = slice(0, 3)
TRANSLATION = slice(3, 6)
FIRST_PARAMETER = 6
ROOT_ROTATION = slice(3, 6)
"""Where the root's Euler angles stand among the model parameters."""

CAMERA_PER_MHR = np.diag(MHR_TO_CAMERA) / CM_PER_M
"""What ``camera.mhr_to_camera`` multiplies each axis by, for derivatives."""

NEAREST_DEPTH = 0.1
"""Metres: points nearer than this (or behind the camera) are projected as if they were here."""


def project(points: NDArray, intrinsics: NDArray) -> Array:
    """Pixels (..., 2) of camera points (..., 3); depth is kept above ``NEAREST_DEPTH``."""
    depth = np.maximum(points[..., 2:], NEAREST_DEPTH)
    focal = np.array([intrinsics[0, 0], intrinsics[1, 1]])
    return points[..., :2] / depth * focal + intrinsics[:2, 2]


def projection_jacobian(points: NDArray, intrinsics: NDArray) -> Array:
    """d pixel / d camera point, (N, 2, 3) for points (N, 3)."""
    depth = np.maximum(points[:, 2], NEAREST_DEPTH)
    out = np.zeros((len(points), 2, 3))
    out[:, 0, 0] = intrinsics[0, 0] / depth
    out[:, 1, 1] = intrinsics[1, 1] / depth
    out[:, 0, 2] = -intrinsics[0, 0] * points[:, 0] / depth**2
    out[:, 1, 2] = -intrinsics[1, 1] * points[:, 1] / depth**2
    return out


def named_rows(body: Body, names: Sequence[str]) -> SparseRows:
    """The body's points of the given names, looked for among its landmarks first, then its keypoints.

    Raises:
        KeyError: the body has no point of that name.
    """
    rows, columns, values = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]  # there may be no names
    for target, name in enumerate(names):
        if name in body.landmark_names:
            source, index = body.landmark_rows, body.landmark_names.index(name)
        elif name in body.keypoint_names:
            source, index = body.keypoint_rows, body.keypoint_names.index(name)
        else:
            raise KeyError(name)
        entries = source.rows == index
        rows.append(np.full(int(entries.sum()), target))
        columns.append(source.columns[entries])
        values.append(source.values[entries])
    return sorted_rows(len(names), np.concatenate(rows), np.concatenate(columns), np.concatenate(values))


def vector_residuals(cost: float, residual: Array, jacobian: Array, weight: Array) -> Residuals:
    """Of vectors (m, d) with weights (m,) and derivatives (m, d, n)."""
    d, n = jacobian.shape[1:]
    return Residuals(cost, residual.reshape(-1), jacobian.reshape(-1, n), np.repeat(weight, d))


def whole_motion(points: PointSet, pose: Pose, body: Body, state: PlacedState) -> Array:
    """(N, 3, 6) metres: d camera point / d (rotation vector of the whole body, camera translation)."""
    out = np.zeros((points.count, 3, FIRST_PARAMETER))
    arms = points.arms(pose, body.joint_index("root"), state.identity)
    # u x arm for the three unit vectors u: minus the cross-product matrix of the arm.
    out[:, 1, 0], out[:, 2, 0] = -arms[:, 2], arms[:, 1]
    out[:, 0, 1], out[:, 2, 1] = arms[:, 2], -arms[:, 0]
    out[:, 0, 2], out[:, 1, 2] = -arms[:, 1], arms[:, 0]
    out *= CAMERA_PER_MHR[:, None]
    out[:, :, TRANSLATION] = np.eye(3)
    return out


class Problem:
    """The sum of terms, over some unknowns of one body."""

    def __init__(
        self,
        body: Body,
        parameters: NDArray[np.int64],
        terms: Sequence[Term],
        home: Array,
        whole: bool = True,
        identity: NDArray[np.int64] | None = None,
        skeleton: Array | None = None,
    ) -> None:
        """Prepare the problem.

        Args:
            body: the body model.
            parameters: (n,) indices of the model parameters that move.
            terms: what the body is drawn to and held by.
            home: (204,) model parameters that are possible whatever MHR's limits say.
            whole: whether the body's rotation and place move, too.
            identity: indices of the identity coefficients that move; None for none.
            skeleton: (204,) by which MHR's limits, an adult's, are moved; None for nothing.
        """
        self.body, self.parameters, self.terms, self.whole = body, np.asarray(parameters, np.int64), terms, whole
        self.identity = np.zeros(0, np.int64) if identity is None else np.asarray(identity, np.int64)
        self.first = FIRST_PARAMETER if whole else 0
        self.stop = self.first + len(self.parameters)
        self.size = self.stop + len(self.identity)
        self._posed: tuple[PlacedState, Pose] | None = None
        self._moved: tuple[PointSet, Pose, Array] | None = None
        self._columns = ColumnSet.of(body, self.parameters)
        moved = 0.0 if skeleton is None else skeleton[self.parameters]
        low, high = body.limit_min[self.parameters] + moved, body.limit_max[self.parameters] + moved
        self._low, self._high = np.minimum(low, home[self.parameters]), np.maximum(high, home[self.parameters])
        self._identity_low, self._identity_high = body.identity_min[self.identity], body.identity_max[self.identity]

    def motion(self, points: PointSet, pose: Pose, state: PlacedState) -> Array:
        """d camera point / d unknowns, (N, 3, size), metres; terms on the same points share it."""
        if self._moved is None or self._moved[0] is not points or self._moved[1] is not pose:
            moved = points.parameter_jacobian(pose, self._columns, state.identity) * CAMERA_PER_MHR[:, None]
            if self.whole:
                moved = np.concatenate([whole_motion(points, pose, self.body, state), moved], axis=2)
            if len(self.identity):
                shaped = points.identity_jacobian(pose)[:, :, self.identity] * CAMERA_PER_MHR[:, None]
                moved = np.concatenate([moved, shaped], axis=2)
            self._moved = points, pose, moved
        return self._moved[2]

    def pose(self, state: PlacedState) -> Pose:
        """The body posed; the last one is remembered, as the solver asks for a good step's cost and slope in turn."""
        if self._posed is None or self._posed[0] is not state:
            self._posed = state, self.body.pose(state.model_parameters)
        return self._posed[1]

    def cost(self, state: PlacedState) -> float:
        """The robust cost of a state."""
        pose = self.pose(state)
        return sum(term.cost(pose, state) for term in self.terms)

    def linearise(self, state: PlacedState) -> Linearisation:
        """Gauss-Newton's view of the problem around a state."""
        pose = self.pose(state)
        cost, hessian, gradient = normal_equations(
            (part for term in self.terms for part in term.linearise(self, pose, state)), self.size
        )
        values, coefficients = state.model_parameters[self.parameters], state.identity[self.identity]
        below, above = np.full(self.size, np.inf), np.full(self.size, np.inf)
        below[self.first :] = np.maximum(np.concatenate([values - self._low, coefficients - self._identity_low]), 0.0)
        above[self.first :] = np.maximum(np.concatenate([self._high - values, self._identity_high - coefficients]), 0.0)
        return Linearisation(cost, hessian, gradient, below, above)

    def retract(self, state: PlacedState, step: NDArray) -> PlacedState:
        """The state after a step of the unknowns (size,), inside all limits."""
        parameters, translation, identity = state.model_parameters.copy(), state.camera_translation, state.identity
        moved = parameters[self.parameters] + step[self.first : self.stop]
        parameters[self.parameters] = np.clip(moved, self._low, self._high)
        if self.whole:
            turned = rotation_vector_to_matrix(step[ROTATION]) @ euler_to_matrix(parameters[ROOT_ROTATION])
            parameters[ROOT_ROTATION] = matrix_to_euler(turned)
            translation = translation + step[TRANSLATION]
        if len(self.identity):
            identity = identity.copy()
            shaped = identity[self.identity] + step[self.stop :]
            identity[self.identity] = np.clip(shaped, self._identity_low, self._identity_high)
        return replace(state, model_parameters=parameters, camera_translation=translation, identity=identity)


class SeenPoints:
    """Points of a body before the camera, shared by terms: each pose's are computed once."""

    def __init__(self, points: PointSet) -> None:
        self.points = points
        self._last: tuple[Pose, PlacedState, Array] | None = None

    def camera(self, pose: Pose, state: PlacedState) -> Array:
        """(N, 3) m, camera axes."""
        if self._last is None or self._last[0] is not pose or self._last[1] is not state:
            placed = mhr_to_camera(self.points.positions(pose, state.identity), state.camera_translation)
            self._last = pose, state, placed
        return self._last[2]


class Term(Protocol):
    """A part of the cost: an outline (``silhouette``), pins (``pins``), what stays in place (``hold``)."""

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """Its robust cost at a state."""
        ...

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """What it is around a state, by the problem's unknowns; the cost is shared among the parts."""
        ...
