"""The fit as a least-squares problem: residuals of the evidence and the prior, with analytic derivatives.

Unknowns, in this order: a small rotation of the whole body (3, a rotation vector in MHR axes, so that no direction is
singular), the camera translation (3, metres), the free model parameters, the free identity coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import CM_PER_M, MHR_TO_CAMERA, mhr_to_camera
from native_runtime.mhr import Body, ColumnSet, PointSet, Pose
from native_runtime.mhr.rotations import euler_to_matrix, matrix_to_euler, rotation_vector_to_matrix
from native_runtime.mhr.sparse import SparseRows, sorted_rows

from .evidence import Evidence
from .prior import PosePrior
from .solver import Linearisation, Quadratics, Residuals, normal_equations

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


@dataclass(frozen=True)
class FitState:
    """One guess at everything.

    Attributes:
        model_parameters: (204,), root translation 0.
        camera_translation: (3,) m, camera axes.
        identity: (n_id,)
    """

    model_parameters: Array
    camera_translation: Array
    identity: Array


@dataclass(frozen=True)
class Weights:
    """How much each kind of evidence counts in a stage.

    Attributes:
        points: factor on the sigmas of 2D points (2 = half as strict).
        outlier: residuals of this many sigmas count half (Geman-McClure); infinite for plain squares.
        directions: factor on the sigmas of directions.
        prior: weight of the pose prior.
        identity: weight of the identity prior (unit normal).
    """

    points: float = 1.0
    outlier: float = 4.0
    directions: float = 1.0
    prior: float = 0.4
    identity: float = 1.0


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
    rows, columns, values = [], [], []
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


def whole_motion(points: PointSet, pose: Pose, body: Body, state: FitState) -> Array:
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


class FitProblem:
    """The problem for one person, one choice of free unknowns and one set of weights."""

    def __init__(
        self,
        body: Body,
        evidence: Evidence,
        intrinsics: NDArray,
        prior: PosePrior,
        free: NDArray[np.bool_] | None = None,
        identity: NDArray[np.int64] | None = None,
        weights: Weights | None = None,
        extras: tuple[Term, ...] = (),
    ) -> None:
        """Prepare the problem.

        Args:
            body: the body model.
            evidence: what was seen.
            intrinsics: (3, 3) px.
            prior: the pose prior; it also says which parameters may move at all.
            free: (n,) which of the prior's parameters move in this stage; None for all.
            identity: indices of the identity coefficients that move; None for none.
            weights: the stage's weights.
            extras: further terms (an outline, pins).
        """
        self.body, self.evidence, self.prior = body, evidence, prior
        self.intrinsics = np.asarray(intrinsics, np.float64)
        self.weights = weights or Weights()
        self.slots = np.flatnonzero(np.ones(len(prior.parameters), bool) if free is None else free)
        self.identity = np.zeros(0, np.int64) if identity is None else np.asarray(identity, np.int64)
        self.parameters = prior.parameters[self.slots]
        # What the prior is centred on is always possible: other engines' bodies may stand beyond MHR's limits.
        means = prior.means[self.slots]
        self.low = np.minimum(body.limit_min[self.parameters], means)
        self.high = np.maximum(body.limit_max[self.parameters], means)
        self.columns = ColumnSet.of(body, self.parameters)
        self.extras = extras
        names = list(dict.fromkeys([*evidence.points.names, *evidence.directions.starts, *evidence.directions.ends]))
        index = {name: i for i, name in enumerate(names)}
        self.points = PointSet.from_rows(body, named_rows(body, names))
        self.seen = np.array([index[name] for name in evidence.points.names], np.int64)
        self.starts = np.array([index[name] for name in evidence.directions.starts], np.int64)
        self.ends = np.array([index[name] for name in evidence.directions.ends], np.int64)
        self.size = FIRST_PARAMETER + len(self.parameters) + len(self.identity)
        self._pairs, self._pair_slopes = self._coupled_unknowns()

    # the evidence at a state

    def _point_terms(self, camera: Array) -> tuple[Array, Array, float]:
        """Residuals (n, 2) in sigmas, their weights (n,) and the robust cost."""
        seen = self.evidence.points
        residual = (project(camera[self.seen], self.intrinsics) - seen.positions) / (seen.sigmas * self.weights.points)[
            :, None
        ]
        square = np.sum(residual**2, axis=1)
        limit = np.where(seen.trusted, np.inf, self.weights.outlier**2)
        with np.errstate(invalid="ignore"):
            ratio = np.where(np.isinf(limit), 1.0, limit / (limit + square))
        # Geman-McClure: rho = s c^2 / (s + c^2), so that d rho / d s = (c^2 / (s + c^2))^2.
        return residual, seen.weights * ratio**2, float(0.5 * np.sum(seen.weights * square * ratio))

    def _direction_terms(self, camera: Array) -> tuple[Array, Array, float, Array, Array]:
        """Residuals (m, 3) in sigmas, weights (m,), cost, unit vectors (m, 3) and lengths (m,)."""
        seen = self.evidence.directions
        vector = camera[self.ends] - camera[self.starts]
        length = np.maximum(np.linalg.norm(vector, axis=1), 1e-6)
        unit = vector / length[:, None]
        residual = (unit - seen.vectors) / (seen.sigmas * self.weights.directions)[:, None]
        return residual, seen.weights, float(0.5 * np.sum(seen.weights * np.sum(residual**2, axis=1))), unit, length

    def _coupled_unknowns(self) -> tuple[NDArray[np.int64], Array]:
        """Columns (q, 2) of the prior's pairs and their residuals' slopes; 0 for what does not move in this stage."""
        place = np.full(len(self.prior.parameters), -1)
        place[self.slots] = FIRST_PARAMETER + np.arange(len(self.slots))
        columns, deviations = place[self.prior.coupled], self.prior.coupling_deviations
        slopes = np.stack([1.0 / deviations, -self.prior.factors / deviations], axis=1)
        return np.maximum(columns, 0), np.where(columns < 0, 0.0, slopes)

    def _prior_terms(self, state: FitState) -> tuple[Array, Array, float]:
        """Residuals of the prior (p,) and of the couplings (q,) in deviations, and their cost."""
        values = state.model_parameters[self.prior.parameters]
        own = ((values - self.prior.means) / self.prior.deviations)[self.slots]
        first, second = self.prior.coupled.T
        apart = values[first] - self.prior.factors * values[second] - self.prior.offsets
        pair = apart / self.prior.coupling_deviations
        cost = 0.5 * self.weights.prior * (np.sum(own**2) + np.sum(pair**2))
        cost += 0.5 * self.weights.identity * np.sum(state.identity[self.identity] ** 2)
        return own, pair, float(cost)

    def _place(self, state: FitState) -> tuple[Pose, Array]:
        pose = self.body.pose(state.model_parameters)
        return pose, mhr_to_camera(self.points.positions(pose, state.identity), state.camera_translation)

    def pixel_distances(self, state: FitState) -> Array:
        """(n,) how far each seen point is from the body's, px."""
        pixels = project(self._place(state)[1][self.seen], self.intrinsics)
        return np.linalg.norm(pixels - self.evidence.points.positions, axis=1)

    def cost(self, state: FitState) -> float:
        """The robust cost of a state."""
        pose, camera = self._place(state)
        total = self._point_terms(camera)[2] + self._direction_terms(camera)[2] + self._prior_terms(state)[2]
        return total + sum(term.cost(pose, state) for term in self.extras)

    # derivatives

    def motion(self, points: PointSet, pose: Pose, state: FitState) -> Array:
        """d camera point / d unknowns, (N, 3, size), metres."""
        out = np.zeros((points.count, 3, self.size))
        out[:, :, :FIRST_PARAMETER] = whole_motion(points, pose, self.body, state)
        stop, per_unit = FIRST_PARAMETER + len(self.parameters), CAMERA_PER_MHR[:, None]
        moved = points.parameter_jacobian(pose, self.columns, state.identity)
        out[:, :, FIRST_PARAMETER:stop] = moved * per_unit
        if len(self.identity):
            out[:, :, stop:] = points.identity_jacobian(pose)[:, :, self.identity] * per_unit
        return out

    def linearise(self, state: FitState) -> Linearisation:
        """Gauss-Newton's view of the problem around a state."""
        pose, camera = self._place(state)
        motion = self.motion(self.points, pose, state)
        extras = (term.linearise(self, pose, state) for term in self.extras)
        cost, hessian, gradient = normal_equations(
            (self._points(camera, motion), self._directions(camera, motion), *self._prior(state), *extras), self.size
        )
        values = state.model_parameters[self.parameters]
        below, above = np.full(self.size, np.inf), np.full(self.size, np.inf)
        stop = FIRST_PARAMETER + len(self.parameters)
        below[FIRST_PARAMETER:stop] = np.maximum(values - self.low, 0.0)
        above[FIRST_PARAMETER:stop] = np.maximum(self.high - values, 0.0)
        coefficients = state.identity[self.identity]
        below[stop:] = np.maximum(coefficients - self.body.identity_min[self.identity], 0.0)
        above[stop:] = np.maximum(self.body.identity_max[self.identity] - coefficients, 0.0)
        return Linearisation(cost, hessian, gradient, below, above)

    def _points(self, camera: Array, motion: Array) -> Residuals:
        residual, weight, cost = self._point_terms(camera)
        scale = 1.0 / (self.evidence.points.sigmas * self.weights.points)
        pixels = np.matmul(projection_jacobian(camera[self.seen], self.intrinsics), motion[self.seen])
        return vector_residuals(cost, residual, pixels * scale[:, None, None], weight)

    def _directions(self, camera: Array, motion: Array) -> Residuals:
        residual, weight, cost, unit, length = self._direction_terms(camera)
        across = (np.eye(3) - unit[:, :, None] * unit[:, None, :]) / (
            length * self.evidence.directions.sigmas * self.weights.directions
        )[:, None, None]
        return vector_residuals(cost, residual, np.matmul(across, motion[self.ends] - motion[self.starts]), weight)

    def _prior(self, state: FitState) -> tuple[Quadratics, Quadratics, Quadratics]:
        """The parameters' own, with the cost of all three; the couplings; the identity coefficients."""
        own, pair, cost = self._prior_terms(state)
        strength, stop = self.weights.prior, FIRST_PARAMETER + len(self.parameters)
        inverse = 1.0 / self.prior.deviations[self.slots]
        pull = strength * self._pair_slopes
        return (
            Quadratics.separate(
                cost, np.arange(FIRST_PARAMETER, stop), strength * own * inverse, strength * inverse**2
            ),
            Quadratics(0.0, self._pairs, pull * pair[:, None], pull[:, :, None] * self._pair_slopes[:, None, :]),
            Quadratics.separate(
                0.0,
                np.arange(stop, self.size),
                self.weights.identity * state.identity[self.identity],
                np.full(len(self.identity), self.weights.identity),
            ),
        )

    def retract(self, state: FitState, step: NDArray) -> FitState:
        """The state after a step of the unknowns (size,), inside all limits."""
        parameters = state.model_parameters.copy()
        turned = rotation_vector_to_matrix(step[ROTATION]) @ euler_to_matrix(parameters[ROOT_ROTATION])
        parameters[ROOT_ROTATION] = matrix_to_euler(turned)
        stop = FIRST_PARAMETER + len(self.parameters)
        moved = parameters[self.parameters] + step[FIRST_PARAMETER:stop]
        parameters[self.parameters] = np.clip(moved, self.low, self.high)
        identity = state.identity.copy()
        identity[self.identity] += step[stop:]
        identity[self.identity] = np.clip(
            identity[self.identity], self.body.identity_min[self.identity], self.body.identity_max[self.identity]
        )
        return replace(
            state,
            model_parameters=parameters,
            camera_translation=state.camera_translation + step[TRANSLATION],
            identity=identity,
        )


class Motion(Protocol):
    """What a term needs of the problem that it is part of: its unknowns, and how they move points."""

    size: int

    def motion(self, points: PointSet, pose: Pose, state: FitState) -> Array:
        """d camera point / d unknowns, (N, 3, size), metres."""
        ...


class SeenPoints:
    """Points of a body before the camera, shared by terms: each pose's are computed once."""

    def __init__(self, points: PointSet) -> None:
        self.points = points
        self._last: tuple[Pose, FitState, Array] | None = None

    def camera(self, pose: Pose, state: FitState) -> Array:
        """(N, 3) m, camera axes."""
        if self._last is None or self._last[0] is not pose or self._last[1] is not state:
            placed = mhr_to_camera(self.points.positions(pose, state.identity), state.camera_translation)
            self._last = pose, state, placed
        return self._last[2]


class Term(Protocol):
    """A part of the cost: an outline (``silhouette``), pins (``pins``), what stays in place (``hold``)."""

    def cost(self, pose: Pose, state: FitState) -> float:
        """Its robust cost at a state."""
        ...

    def linearise(self, problem: Motion, pose: Pose, state: FitState) -> Residuals | Quadratics:
        """Its residuals around a state, by the problem's unknowns."""
        ...
