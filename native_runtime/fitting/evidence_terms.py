"""The evidence about a person and the prior, as terms of a fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body, PointSet, Pose
from native_runtime.mhr.state import PlacedState

from .evidence import Directions, Evidence, HeadDistance, Points2D, Positions3D
from .face_distance import HeadDistanceTerm
from .pose_mixture import MixtureTerm
from .prior import PosePrior
from .problem import Problem, SeenPoints, Term, named_rows, project, projection_jacobian, vector_residuals
from .shape_prior import ShapePrior, ShapeTerm
from .solver import Linearised, Quadratics

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """How much each kind of evidence counts in a stage.

    Attributes:
        points: factor on the sigmas of 2D points (2 = half as strict).
        outlier: residuals of this many sigmas count half (Geman-McClure); infinite for plain squares.
        directions, positions: factors on the sigmas of directions and of positions in space.
        prior: weight of the pose prior's spreads and couplings.
        poses: weight of its mixtures: of what poses people take.
        identity: weight of the prior of the shape.
    """

    points: float = 1.0
    outlier: float = 4.0
    directions: float = 1.0
    prior: float = 0.4
    poses: float = 0.4
    identity: float = 1.0
    positions: float = 1.0


class PointTerm:
    """Draws points to where they are seen, with Geman-McClure's robust cost; trusted ones with plain squares."""

    def __init__(
        self, points: SeenPoints, which: NDArray[np.int64], seen: Points2D, intrinsics: Array, weights: Weights
    ) -> None:
        """`which`: (n,) those of ``points`` that are seen."""
        self._points, self._which, self._seen, self._intrinsics = points, which, seen, intrinsics
        self._sigmas = seen.sigmas * weights.points
        self._limit = np.where(seen.trusted, np.inf, weights.outlier**2)

    def _residuals(self, camera: Array) -> tuple[Array, Array, float]:
        """Residuals (n, 2) in sigmas, their weights (n,) and the robust cost."""
        residual = (project(camera, self._intrinsics) - self._seen.positions) / self._sigmas[:, None]
        square, limit = np.sum(residual**2, axis=1), self._limit
        with np.errstate(invalid="ignore"):
            ratio = np.where(np.isinf(limit), 1.0, limit / (limit + square))
        # Geman-McClure: rho = s c^2 / (s + c^2), so that d rho / d s = (c^2 / (s + c^2))^2.
        return residual, self._seen.weights * ratio**2, float(0.5 * np.sum(self._seen.weights * square * ratio))

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """See ``problem.Term``."""
        return self._residuals(self._points.camera(pose, state)[self._which])[2]

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``problem.Term``."""
        camera = self._points.camera(pose, state)[self._which]
        residual, weight, cost = self._residuals(camera)
        motion = problem.motion(self._points.points, pose, state)[self._which]
        pixels = np.matmul(projection_jacobian(camera, self._intrinsics), motion)
        return (vector_residuals(cost, residual, pixels * (1.0 / self._sigmas)[:, None, None], weight),)


class DirectionTerm:
    """Turns segments between points to the directions in which they are seen."""

    def __init__(
        self,
        points: SeenPoints,
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        seen: Directions,
        weights: Weights,
    ) -> None:
        """`starts`, `ends`: (m,) numbers of the segments' ends among ``points``."""
        self._points, self._starts, self._ends, self._seen = points, starts, ends, seen
        self._whitening = seen.whitening / weights.directions

    def vectors(self, pose: Pose, state: PlacedState) -> Array:
        """(m, 3) unit vectors of the body's own segments."""
        return self._residuals(pose, state)[2]

    def _residuals(self, pose: Pose, state: PlacedState) -> tuple[Array, float, Array, Array]:
        """Residuals (m, 3) in sigmas, their cost, unit vectors (m, 3) and lengths (m,)."""
        camera, seen = self._points.camera(pose, state), self._seen
        vector = camera[self._ends] - camera[self._starts]
        length = np.maximum(np.linalg.norm(vector, axis=1), 1e-6)
        unit = vector / length[:, None]
        residual = np.einsum("mab,mb->ma", self._whitening, unit - seen.vectors)
        return residual, float(0.5 * np.sum(seen.weights * np.sum(residual**2, axis=1))), unit, length

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """See ``problem.Term``."""
        return self._residuals(pose, state)[1]

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``problem.Term``."""
        residual, cost, unit, length = self._residuals(pose, state)
        across = self._whitening @ (np.eye(3) - unit[:, :, None] * unit[:, None, :]) / length[:, None, None]
        motion = problem.motion(self._points.points, pose, state)
        jacobian = np.matmul(across, motion[self._ends] - motion[self._starts])
        return (vector_residuals(cost, residual, jacobian, self._seen.weights),)


class PositionTerm:
    """Draws points to their places in space, relative to the middle of others, with Geman-McClure's robust cost."""

    def __init__(
        self,
        points: SeenPoints,
        which: NDArray[np.int64],
        about: NDArray[np.int64],
        seen: Positions3D,
        weights: Weights,
    ) -> None:
        """`which`: (n,) numbers of the seen points among ``points``; `about`: of those they are relative to."""
        self._points, self._which, self._about, self._seen = points, which, about, seen
        self._whitening = seen.whitening / weights.positions
        self._limit = min(weights.outlier, _PLAIN) ** 2

    def _residuals(self, pose: Pose, state: PlacedState) -> tuple[Array, Array, float]:
        """Residuals (n, 3) in sigmas, their weights (n,) and the robust cost."""
        camera = self._points.camera(pose, state)
        off = camera[self._which] - camera[self._about].mean(axis=0) - self._seen.positions
        residual = np.einsum("nab,nb->na", self._whitening, off)
        square = np.sum(residual**2, axis=1)
        ratio = self._limit / (self._limit + square)
        return residual, self._seen.weights * ratio**2, float(0.5 * np.sum(self._seen.weights * square * ratio))

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """See ``problem.Term``."""
        return self._residuals(pose, state)[2]

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``problem.Term``."""
        residual, weight, cost = self._residuals(pose, state)
        motion = problem.motion(self._points.points, pose, state)
        relative = motion[self._which] - motion[self._about].mean(axis=0)
        return (vector_residuals(cost, residual, np.matmul(self._whitening, relative), weight),)


_PLAIN = 1e3
"""Sigmas at which an outlier counts half in a stage of plain squares."""


class PriorTerm:
    """Holds free parameters near what is usual, and coupled parameters together."""

    def __init__(self, prior: PosePrior, slots: NDArray[np.int64], weights: Weights) -> None:
        """`slots`: (n,) the free parameters among the prior's."""
        self._prior, self._slots, self._weights = prior, slots, weights
        alone = prior.alone
        self._spread = np.where(alone, 1.0 / prior.deviations, 0.0)
        self._inverse = self._spread[slots]
        place = np.full(len(prior.parameters), -1)
        place[slots] = np.arange(len(slots))
        pairs = place[prior.coupled]
        self._tie = np.where(alone[prior.coupled].any(axis=1), 1.0 / prior.coupling_deviations, 0.0)
        slopes = np.stack([self._tie, -prior.factors * self._tie], axis=1)
        # What does not move has no slope, whatever column it is given.
        self._moving = (pairs >= 0).any(axis=1)
        self._pairs = np.maximum(pairs, 0)[self._moving]
        self._slopes = np.where(pairs < 0, 0.0, slopes)[self._moving]

    def _residuals(self, state: PlacedState) -> tuple[Array, Array, float]:
        """Residuals of the free parameters (n,) and of the couplings (q,) in deviations, and the cost of all."""
        prior, values = self._prior, state.model_parameters[self._prior.parameters]
        own = ((values - prior.means) * self._spread)[self._slots]
        first, second = prior.coupled.T
        pair = (values[first] - prior.factors * values[second] - prior.offsets) * self._tie
        cost = 0.5 * self._weights.prior * (np.sum(own**2) + np.sum(pair**2))
        return own, pair, float(cost)

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """See ``problem.Term``."""
        return self._residuals(state)[2]

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``problem.Term``."""
        (own, pair, cost), strength = self._residuals(state), self._weights.prior
        pull, inverse = strength * self._slopes, self._inverse
        angles = np.arange(problem.first, problem.stop)
        curvature = pull[:, :, None] * self._slopes[:, None, :]
        return (
            Quadratics.separate(cost, angles, strength * own * inverse, strength * inverse**2),
            Quadratics(0.0, self._pairs + problem.first, pull * pair[self._moving, None], curvature),
        )


def points_of(body: Body, names: tuple[str, ...]) -> PointSet:
    """The body's landmarks or keypoints of some names."""
    return PointSet.from_rows(body, named_rows(body, names))


class FitProblem(Problem):
    """The problem of one person, one choice of free unknowns and one set of weights."""

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
        gather: Callable[[Body, tuple[str, ...]], PointSet] | None = None,
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
            extras: further terms (an outline, pins, what keeps parts apart).
            gather: gives the body's points of some names (``points_of``), where many problems share them; None for
                ``points_of`` itself.

        Attributes:
            extras: these, for a later stage of the same person.
        """
        self.evidence, self.prior, self.weights = evidence, prior, weights or Weights()
        self.extras = extras
        self.intrinsics = np.asarray(intrinsics, np.float64)
        self.slots = np.flatnonzero(np.ones(len(prior.parameters), bool) if free is None else free)
        points, directions = evidence.points, evidence.directions
        placed = evidence.positions
        spatial = (*placed.names, *placed.about) if placed is not None else ()
        head = () if evidence.head is None else evidence.head.names
        names = list(dict.fromkeys([*points.names, *directions.starts, *directions.ends, *spatial, *head]))
        self.seen, starts, ends = (
            np.array([names.index(name) for name in some], np.int64)
            for some in (points.names, directions.starts, directions.ends)
        )
        self.points = SeenPoints((gather or points_of)(body, tuple(names)))
        shape = np.zeros(0, np.int64) if identity is None else identity
        self._turns = DirectionTerm(self.points, starts, ends, directions, self.weights)
        terms: tuple[Term, ...] = (
            PointTerm(self.points, self.seen, points, self.intrinsics, self.weights),
            self._turns,
            *(() if placed is None else (self._position_term(placed, names),)),
            *(() if evidence.head is None else (self._head_term(evidence.head, names),)),
            PriorTerm(prior, self.slots, self.weights),
            *(MixtureTerm(mixture, self.weights.poses, prior.up) for mixture in prior.mixtures),
            ShapeTerm(evidence.shape or ShapePrior.plain(body), shape, self.weights.identity),
            *extras,
        )
        # What the prior is centred on is always possible: other engines' bodies may stand beyond MHR's limits.
        super().__init__(
            body,
            prior.parameters[self.slots],
            terms,
            prior.natural_parameters(body),
            identity=identity,
            skeleton=prior.skeleton,
        )

    def _position_term(self, seen: Positions3D, names: list[str]) -> PositionTerm:
        which, about = (np.array([names.index(name) for name in some], np.int64) for some in (seen.names, seen.about))
        return PositionTerm(self.points, which, about, seen, self.weights)

    def _head_term(self, seen: HeadDistance, names: list[str]) -> HeadDistanceTerm:
        return HeadDistanceTerm(self.points, np.array([names.index(name) for name in seen.names], np.int64), seen)

    def direction_vectors(self, state: PlacedState) -> Array:
        """(m, 3) unit vectors of the body's segments whose directions are seen."""
        return self._turns.vectors(self.pose(state), state)

    def pixel_distances(self, state: PlacedState) -> Array:
        """(n,) how far each seen point is from the body's, px."""
        pixels = project(self.points.camera(self.pose(state), state)[self.seen], self.intrinsics)
        return np.linalg.norm(pixels - self.evidence.points.positions, axis=1)
