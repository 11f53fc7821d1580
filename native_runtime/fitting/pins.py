"""Pins, the places that an artist gave to keypoints, as terms of a fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Pose
from native_runtime.mhr.rotations import euler_to_matrix
from native_runtime.mhr.state import PlacedState

from .problem import FIRST_PARAMETER, ROOT_ROTATION, Problem, SeenPoints, project, projection_jacobian, vector_residuals
from .solver import Linearised, Quadratics

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pin:
    """A keypoint and where it lies in the photo.

    Attributes:
        keypoint: its name.
        place: (2,) px.
        share: 0..1, what it counts of an ordinary pin.
    """

    keypoint: str
    place: Array
    share: float = 1.0


def pseudo_huber(square: Array, give: Array) -> tuple[Array, Array]:
    """Weights and costs (n,) of residuals whose squares in sigmas are (n,): give^2 (sqrt(1 + r^2 / give^2) - 1).

    Args:
        square: (n,) r^2.
        give: (n,) sigmas from which the pull does not grow any more (Charbonnier et al., "Deterministic edge-preserving
            regularization in computed imaging", 1997).
    """
    stretch = np.sqrt(1.0 + square / give**2)
    return 1.0 / stretch, square / (1.0 + stretch)


class PinTerm:
    """Draws keypoints to their pins, with ``pseudo_huber``: the pull of one out of reach does not grow with its
    distance.
    """

    def __init__(
        self, points: SeenPoints, places: Array, intrinsics: NDArray, sigma: float, give: Array | float
    ) -> None:
        """Prepare the term.

        Args:
            points: keypoints of a body; the first n have pins.
            places: (n, 2) px.
            intrinsics: (3, 3) px.
            sigma: px by which a pin may be missed.
            give: in sigmas, one for all or (n,): where the pull stops to grow.
        """
        self._points, self._places = points, np.asarray(places, np.float64)
        self._intrinsics, self._sigma = np.asarray(intrinsics, np.float64), sigma
        self._give = np.broadcast_to(np.asarray(give, np.float64), len(self._places))

    def _residuals(self, pose: Pose, state: PlacedState) -> tuple[Array, Array]:
        """Residuals (n, 2) in sigmas, and the points (n, 3) in camera axes."""
        camera = self._points.camera(pose, state)[: len(self._places)]
        return (project(camera, self._intrinsics) - self._places) / self._sigma, camera

    def distances(self, pose: Pose, state: PlacedState) -> Array:
        """(n,) px by which each pin is missed."""
        return np.asarray(np.linalg.norm(self._residuals(pose, state)[0], axis=1) * self._sigma)

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """See the class."""
        return float(np.sum(pseudo_huber(np.sum(self._residuals(pose, state)[0] ** 2, axis=1), self._give)[1]))

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``problem.Term``."""
        residual, camera = self._residuals(pose, state)
        weight, cost = pseudo_huber(np.sum(residual**2, axis=1), self._give)
        motion = problem.motion(self._points.points, pose, state)[: len(self._places)]
        jacobian = np.matmul(projection_jacobian(camera, self._intrinsics), motion) / self._sigma
        return (vector_residuals(float(np.sum(cost)), residual, jacobian, weight),)


class RootTether:
    """Keeps the whole body's rotation and place near where they were."""

    def __init__(self, state: PlacedState, turn: float, shift: float) -> None:
        """`turn`: radians, `shift`: metres, by which the body may ordinarily move."""
        self._rotation = euler_to_matrix(state.model_parameters[ROOT_ROTATION])
        self._translation = state.camera_translation
        self._turn, self._shift = turn, shift

    def _residuals(self, state: PlacedState) -> tuple[Array, Array]:
        turned = euler_to_matrix(state.model_parameters[ROOT_ROTATION]) @ self._rotation.T
        # sin(angle) times the axis, which is the rotation vector for the small turns that are meant here
        vector = 0.5 * (turned - turned.T)[[2, 0, 1], [1, 2, 0]]
        return vector / self._turn, (state.camera_translation - self._translation) / self._shift

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """Half the sum of squares."""
        return _half_squares(*self._residuals(state))

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``problem.Term``."""
        residuals, sigmas = self._residuals(state), np.repeat([self._turn, self._shift], 3)
        pull = np.concatenate(residuals) / sigmas
        return (Quadratics.separate(_half_squares(*residuals), np.arange(FIRST_PARAMETER), pull, 1.0 / sigmas**2),)


class AngleTerm:
    """Keeps model parameters near where they were: half the sum of squares in deviations."""

    def __init__(self, parameters: NDArray[np.int64], home: Array, deviations: Array) -> None:
        """`parameters`: (n,) those of the problem, in its order; `home`: (204,); `deviations`: (n,)."""
        self._parameters, self._home, self._inverse = parameters, home[parameters], 1.0 / deviations

    def _residuals(self, state: PlacedState) -> Array:
        return (state.model_parameters[self._parameters] - self._home) * self._inverse

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """Half the sum of squares."""
        return _half_squares(self._residuals(state))

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``problem.Term``."""
        residual = self._residuals(state)
        unknowns = np.arange(problem.first, problem.stop)
        return (Quadratics.separate(_half_squares(residual), unknowns, residual * self._inverse, self._inverse**2),)


def _half_squares(*residuals: Array) -> float:
    return float(0.5 * sum(residual @ residual for residual in residuals))
