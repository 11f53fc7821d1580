"""One body in several views as one least-squares problem.

Each view has its own ``FitProblem``: the body before that view's camera. What is common to the views (bone lengths and
shape; of synchronised views the pose, too) are the same unknowns in all of them. A view's unknowns are linear in those
of the whole, so its normal equations are carried over by one product each.

Where the cameras are known, the body's rotation and place are those in the world, and each camera has a small
correction of its own (bundle adjustment) with a prior that says how far calibrations are off (``CameraTrust``). Where
they are not, rotation and place are each view's own, and the cameras follow from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import MHR_TO_CAMERA, Gravity, mhr_to_camera
from native_runtime.fitting.evidence_terms import FitProblem
from native_runtime.fitting.problem import FIRST_PARAMETER, ROOT_ROTATION, ROTATION, TRANSLATION
from native_runtime.fitting.solver import Linearisation
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import euler_to_matrix, matrix_to_euler, rotation_vector_to_matrix
from native_runtime.mhr.state import PlacedState

from .cameras import ViewCamera

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CameraTrust:
    """How far known cameras may be off.

    Attributes:
        pixels: how far a picture is shifted, px: the standard deviation of a camera's turn.
        metres: standard deviation of its place along each axis.
        doubtful: the same as ``pixels`` for a camera that contradicts the others: one that was moved, or calibrated
            badly.
    """

    pixels: float = 0.5
    metres: float = 0.003
    doubtful: float = 30.0


USUAL = CameraTrust()


@dataclass(frozen=True)
class JointState:
    """A body in several views.

    Attributes:
        views: the body before each view's camera.
        world: the body in the world of known cameras; None where there is none.
    """

    views: tuple[PlacedState, ...]
    world: PlacedState | None = None


def root_place(body: Body) -> Array:
    """(3,) m, camera axes: where the root joint, about which the body turns, lies from MHR's origin."""
    return mhr_to_camera(body.skeleton.rest.translations[body.joint_index("root")])


def in_view(body: Body, world: PlacedState, rotation: Array, translation: Array) -> PlacedState:
    """The body of a world before a camera with the extrinsics ``rotation`` (3, 3) and ``translation`` (3,) m."""
    pivot = root_place(body)
    parameters = world.model_parameters.copy()
    turn = MHR_TO_CAMERA @ rotation @ MHR_TO_CAMERA
    parameters[ROOT_ROTATION] = matrix_to_euler(turn @ euler_to_matrix(parameters[ROOT_ROTATION]))
    place = rotation @ (pivot + world.camera_translation) + translation - pivot
    return replace(world, model_parameters=parameters, camera_translation=place)


def extrinsics_between(body: Body, world: PlacedState, view: PlacedState) -> tuple[Array, Array]:
    """Rotation (3, 3) and translation (3,) m of the camera that sees the body of a world as it is in a view."""
    pivot = root_place(body)
    first, second = (euler_to_matrix(state.model_parameters[ROOT_ROTATION]) for state in (world, view))
    rotation = MHR_TO_CAMERA @ second @ first.T @ MHR_TO_CAMERA
    return rotation, pivot + view.camera_translation - rotation @ (pivot + world.camera_translation)


class KnownCameras:
    """Calibrated cameras and how far they may be off.

    Args:
        body: the body that they see.
        cameras: one for each view.
        trust: how far they may be off.
        doubted: the numbers of those that contradict the others.
    """

    def __init__(
        self,
        body: Body,
        cameras: Sequence[ViewCamera],
        trust: CameraTrust = USUAL,
        doubted: frozenset[int] = frozenset(),
    ) -> None:
        self.body, self.cameras, self.trust, self.doubted = body, cameras, trust, doubted
        self._pivot = root_place(body)

    def off(self, number: int, state: JointState) -> tuple[Array, Array]:
        """A view's correction: a turn (3,) of the camera about itself, radians, and a shift (3,) m, camera axes."""
        assert state.world is not None
        given = self.cameras[number]
        rotation, translation = extrinsics_between(self.body, state.world, state.views[number])
        turn = cv2.Rodrigues(rotation @ given.rotation.T)[0].ravel()
        return np.asarray(turn), translation - rotation @ given.rotation.T @ given.translation

    def doubting(self, number: int) -> KnownCameras:
        """The same with one more camera that contradicts the others."""
        return KnownCameras(self.body, self.cameras, self.trust, self.doubted | {number})

    def _deviations(self, number: int) -> Array:
        focal = float(np.mean(np.diag(self.cameras[number].intrinsics)[:2]))
        pixels = self.trust.doubtful if number in self.doubted else self.trust.pixels
        return np.repeat([pixels / focal, self.trust.metres], 3)

    def terms(self, number: int, state: JointState) -> tuple[float, Array, Array]:
        """Cost, gradient (6,) and Hessian (6, 6) by a small turn about the body's root and a shift."""
        sigma = self._deviations(number)
        turn, shift = self.off(number, state)
        residual = np.concatenate([turn, shift]) / sigma
        # a turn u about the root shifts the camera's own place, too: d' = d + s + u x (d - root)
        root = self._pivot + state.views[number].camera_translation - shift
        slope = np.eye(6)
        slope[3:, :3] = _cross(root)
        slope /= sigma[:, None]
        return 0.5 * float(residual @ residual), slope.T @ residual, slope.T @ slope


class SameUp:
    """Unknown cameras of one moment agree about which way is up: each one's own picture says it, more or less surely.

    Args:
        gravities: of each view.
    """

    def __init__(self, gravities: Sequence[Gravity]) -> None:
        self._gravities = gravities

    def terms(self, state: JointState) -> tuple[float, Array, Array]:
        """Cost, gradient (6 views,) and Hessian by each view's small rotation of the body (MHR axes) and translation:
        the direction up in the body's own axes is the same in the first view and in each other one."""
        count = len(self._gravities)
        cost, gradient, hessian = 0.0, np.zeros(6 * count), np.zeros((6 * count, 6 * count))
        ups = [MHR_TO_CAMERA @ gravity.up for gravity in self._gravities]
        turns = [euler_to_matrix(view.model_parameters[ROOT_ROTATION]) for view in state.views]
        for number in range(1, count):
            sigma = float(np.hypot(self._gravities[0].sigma, self._gravities[number].sigma))
            residual = (turns[number].T @ ups[number] - turns[0].T @ ups[0]) / sigma
            slope = np.zeros((3, 6 * count))
            # with exp(w) R for R, R^T u becomes R^T (u + u x w)
            for view, sign in ((number, 1.0), (0, -1.0)):
                slope[:, 6 * view : 6 * view + 3] = sign * turns[view].T @ _cross(ups[view]) / sigma
            cost += 0.5 * float(residual @ residual)
            gradient += slope.T @ residual
            hessian += slope.T @ slope
        return cost, gradient, hessian


def _cross(v: Array) -> Array:
    return np.array([[0.0, -v[2], v[1]], [v[2], 0.0, -v[0]], [-v[1], v[0], 0.0]])


class JointProblem:
    """The sum of several views' problems over what they share and what each has of its own.

    Args:
        problems: one for each view, all over the same unknowns of the same body.
        shared: (n,) which of the problems' parameters are the same in all views.
        known: the cameras, for a body with one place in the world; None where each view has its own.
        upright: what unknown cameras of one moment have in common.
    """

    def __init__(
        self,
        problems: Sequence[FitProblem],
        shared: NDArray[np.bool_],
        known: KnownCameras | None = None,
        upright: SameUp | None = None,
    ) -> None:
        self.problems, self.known, self.upright = problems, known, upright
        views, common, own = len(problems), int(shared.sum()), int((~shared).sum())
        whole = FIRST_PARAMETER * (views if known is None else views + 1)
        self._identity_first = whole + common + own * views
        identity = self._identity_first + np.arange(len(problems[0].identity))
        self.size = self._identity_first + len(identity)
        self._columns: list[NDArray[np.int64]] = []
        self._rigid: list[NDArray[np.int64]] = []
        self._maps: list[Array] = []
        for number in range(views):
            columns = np.empty(len(shared), np.int64)
            columns[shared] = whole + np.arange(common)
            columns[~shared] = whole + common + own * number + np.arange(own)
            self._columns.append(np.concatenate([columns, identity]))
            self._rigid.append(self._rigid_columns(number))
            self._maps.append(self._rigid_map(number))

    def _rigid_columns(self, number: int) -> NDArray[np.int64]:
        if self.known is None:
            return FIRST_PARAMETER * number + np.arange(FIRST_PARAMETER)
        own = FIRST_PARAMETER * (number + 1) + np.arange(FIRST_PARAMETER)
        return np.concatenate([np.arange(FIRST_PARAMETER), own])

    def _rigid_map(self, number: int) -> Array:
        """(6, 6 or 12) a view's rotation (MHR axes) and translation by those of the world and the camera's own."""
        if self.known is None:
            return np.eye(FIRST_PARAMETER)
        rotation = self.known.cameras[number].rotation
        out = np.zeros((FIRST_PARAMETER, 2 * FIRST_PARAMETER))
        out[ROTATION, 0:3], out[TRANSLATION, 3:6] = MHR_TO_CAMERA @ rotation @ MHR_TO_CAMERA, rotation
        out[ROTATION, 6:9], out[TRANSLATION, 9:12] = MHR_TO_CAMERA, np.eye(3)
        return out

    def cost(self, state: JointState) -> float:
        """The robust cost of a state."""
        total = sum(problem.cost(view) for problem, view in zip(self.problems, state.views, strict=True))
        if self.known is not None:
            total += sum(self.known.terms(number, state)[0] for number in range(len(self.problems)))
        if self.upright is not None:
            total += self.upright.terms(state)[0]
        return float(total)

    def linearise(self, state: JointState) -> Linearisation:
        """Gauss-Newton's view of the problem around a state."""
        cost, hessian, gradient = 0.0, np.zeros((self.size, self.size)), np.zeros(self.size)
        below, above = np.full(self.size, np.inf), np.full(self.size, np.inf)
        for number, (problem, view) in enumerate(zip(self.problems, state.views, strict=True)):
            around = problem.linearise(view)
            rigid = self._current_map(number, state)
            columns = np.concatenate([self._rigid[number], self._columns[number]])
            to_view = np.zeros((problem.size, len(columns)))
            to_view[:FIRST_PARAMETER, : rigid.shape[1]] = rigid
            rest = np.arange(len(self._columns[number]))
            to_view[FIRST_PARAMETER + rest, rigid.shape[1] + rest] = 1.0
            cost += around.cost
            hessian[np.ix_(columns, columns)] += to_view.T @ around.hessian @ to_view
            gradient[columns] += to_view.T @ around.gradient
            mine = self._columns[number]
            below[mine] = np.minimum(below[mine], around.room_below[FIRST_PARAMETER:])
            above[mine] = np.minimum(above[mine], around.room_above[FIRST_PARAMETER:])
            if self.known is not None:
                off, slope, curvature = self.known.terms(number, state)
                own = self._rigid[number][FIRST_PARAMETER:]
                cost, gradient[own] = cost + off, gradient[own] + slope
                hessian[np.ix_(own, own)] += curvature
        if self.upright is not None:
            tilt, slope, curvature = self.upright.terms(state)
            cost, whole = cost + tilt, len(slope)
            gradient[:whole] += slope
            hessian[:whole, :whole] += curvature
        return Linearisation(cost, hessian, gradient, below, above)

    def _current_map(self, number: int, state: JointState) -> Array:
        """As ``_rigid_map``, with the camera as it is corrected now."""
        if self.known is None or state.world is None:
            return self._maps[number]
        out = self._maps[number].copy()
        rotation, _ = extrinsics_between(self.known.body, state.world, state.views[number])
        out[ROTATION, 0:3], out[TRANSLATION, 3:6] = MHR_TO_CAMERA @ rotation @ MHR_TO_CAMERA, rotation
        return out

    def retract(self, state: JointState, step: Array) -> JointState:
        """The state after a step (size,) of the unknowns, inside all limits."""
        views = []
        for number, (problem, view) in enumerate(zip(self.problems, state.views, strict=True)):
            rigid = self._current_map(number, state) @ step[self._rigid[number]]
            views.append(problem.retract(view, np.concatenate([rigid, step[self._columns[number]]])))
        if state.world is None:
            return JointState(tuple(views))
        parameters = views[0].model_parameters.copy()
        turn = rotation_vector_to_matrix(step[ROTATION])
        parameters[ROOT_ROTATION] = matrix_to_euler(turn @ euler_to_matrix(state.world.model_parameters[ROOT_ROTATION]))
        world = replace(
            views[0],
            model_parameters=parameters,
            camera_translation=state.world.camera_translation + step[TRANSLATION],
        )
        return JointState(tuple(views), world)
