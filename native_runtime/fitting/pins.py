"""Places that an artist gave to keypoints, as terms of a fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera
from native_runtime.mhr import Body, PointSet, Pose
from native_runtime.mhr.rotations import euler_to_matrix

from .problem import (
    ROOT_ROTATION,
    ROTATION,
    TRANSLATION,
    ExtraTerm,
    FitProblem,
    FitState,
    named_rows,
    project,
    projection_jacobian,
)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pin:
    """A keypoint and where it lies in the photo.

    Attributes:
        keypoint: its name.
        place: (2,) px.
    """

    keypoint: str
    place: Array


class PinTerm(ExtraTerm):
    """Draws keypoints to their pins with a pseudo-Huber cost, give^2 (sqrt(1 + r^2 / give^2) - 1) for a residual of r
    sigmas: the pull on a pin out of reach does not grow with its distance.
    """

    def __init__(self, body: Body, pins: Sequence[Pin], intrinsics: NDArray, sigma: float, give: float) -> None:
        """`sigma`: px by which a pin may be missed; `give`: in sigmas, where the pull stops to grow."""
        self._points = PointSet.from_rows(body, named_rows(body, [pin.keypoint for pin in pins]))
        self._places = np.array([pin.place for pin in pins], np.float64)
        self._intrinsics, self._sigma, self._give = np.asarray(intrinsics, np.float64), sigma, give

    def _residuals(self, pose: Pose, state: FitState) -> tuple[Array, Array, Array]:
        """Residuals (n, 2) in sigmas, sqrt(1 + r^2 / give^2) (n,), and the points (n, 3) in camera axes."""
        camera = mhr_to_camera(self._points.positions(pose, state.identity), state.camera_translation)
        residual = (project(camera, self._intrinsics) - self._places) / self._sigma
        return residual, np.sqrt(1.0 + np.sum(residual**2, axis=1) / self._give**2), camera

    def distances(self, pose: Pose, state: FitState) -> Array:
        """(n,) px by which each pin is missed."""
        return np.asarray(np.linalg.norm(self._residuals(pose, state)[0], axis=1) * self._sigma)

    def cost(self, pose: Pose, state: FitState) -> float:
        """See the class."""
        return float(self._give**2 * np.sum(self._residuals(pose, state)[1] - 1.0))

    def add(self, problem: FitProblem, pose: Pose, state: FitState, hessian: Array, gradient: Array) -> float:
        """Add the pins' share to Hessian and gradient; return their cost."""
        residual, stretch, camera = self._residuals(pose, state)
        motion = problem.motion(self._points, pose, state)
        jacobian = np.matmul(projection_jacobian(camera, self._intrinsics), motion).reshape(-1, problem.size)
        jacobian /= self._sigma
        weight = np.repeat(1.0 / stretch, 2)
        hessian += jacobian.T @ (jacobian * weight[:, None])
        gradient += jacobian.T @ (residual.ravel() * weight)
        return float(self._give**2 * np.sum(stretch - 1.0))


class RootTether(ExtraTerm):
    """Keeps the whole body's rotation and place near where they were."""

    def __init__(self, state: FitState, turn: float, shift: float) -> None:
        """`turn`: radians, `shift`: metres, by which the body may ordinarily move."""
        self._rotation = euler_to_matrix(state.model_parameters[ROOT_ROTATION])
        self._translation = state.camera_translation
        self._turn, self._shift = turn, shift

    def _residuals(self, state: FitState) -> tuple[Array, Array]:
        turned = euler_to_matrix(state.model_parameters[ROOT_ROTATION]) @ self._rotation.T
        # sin(angle) times the axis, which is the rotation vector for the small turns that are meant here
        vector = 0.5 * (turned - turned.T)[[2, 0, 1], [1, 2, 0]]
        return vector / self._turn, (state.camera_translation - self._translation) / self._shift

    def cost(self, pose: Pose, state: FitState) -> float:
        """Half the sum of squares."""
        return float(0.5 * sum(residual @ residual for residual in self._residuals(state)))

    def add(self, problem: FitProblem, pose: Pose, state: FitState, hessian: Array, gradient: Array) -> float:
        """Add the tether's share to Hessian and gradient; return its cost."""
        residuals = self._residuals(state)
        for slots, sigma, residual in zip((ROTATION, TRANSLATION), (self._turn, self._shift), residuals):
            diagonal = np.arange(problem.size)[slots]
            hessian[diagonal, diagonal] += 1.0 / sigma**2
            gradient[slots] += residual / sigma
        return float(0.5 * sum(residual @ residual for residual in residuals))
