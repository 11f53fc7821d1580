"""A pose that turns a little, so that a body of another size covers its place in the picture."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import CM_PER_M, MHR_TO_CAMERA, mhr_to_camera
from native_runtime.mhr.parameterisation import POSE
from native_runtime.mhr.points import ColumnSet, PointSet
from native_runtime.mhr.state import PlacedState

from .bounded import least_squares_within

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]
State = TypeVar("State", bound=PlacedState)

_TURN = 0.08
"""M: a joint that turns by a radian costs as much as a keypoint that is so far from its line of sight."""
_DEPTH = 0.2
"""How much a keypoint's distance along its line of sight counts, against that from it."""
_MOST = 0.15
"""Radians: no joint turns farther."""
_ROUNDS = 4
_ROOT = slice(3, 6)


def turned_to_sight(body: Body, before: PlacedState, after: State, factor: float) -> State:
    """A body that has become larger, turned and moved so that its keypoints are seen where they were.

    A whole person who is ``factor`` times as large and as far away would look the same. Bones that could not all grow
    alike leave that picture; small turns of many joints bring them back. No joint leaves its limits for it.

    Args:
        body: the body.
        before: as it was.
        after: of another size, placed where it looks much the same.
        factor: by how much it grew.
    """
    points, columns, loose = _points(body), _columns(body), _loose(body)
    goal = factor * _seen(points, body, before)
    distance = np.linalg.norm(goal, axis=1)
    if not np.all(distance > 0):
        return after
    along = goal / distance[:, None]
    # what is across the line of sight counts fully, what is along it a little
    counts = np.eye(3) - (1.0 - _DEPTH) * along[:, :, None] * along[:, None, :]
    index = columns.parameters
    first = after.model_parameters[index]
    low = np.where(loose, first - _MOST, np.maximum(first - _MOST, np.minimum(body.limit_min[index], first)))
    high = np.where(loose, first + _MOST, np.minimum(first + _MOST, np.maximum(body.limit_max[index], first)))
    ease = np.diag(np.concatenate([np.full(len(index), _TURN), np.full(3, 1e-6)]))
    far = np.full(3, 1e3)
    for _ in range(_ROUNDS):
        pose = body.pose(after.model_parameters)
        there = mhr_to_camera(points.positions(pose, after.identity), after.camera_translation)
        turning = MHR_TO_CAMERA @ points.parameter_jacobian(pose, columns, after.identity) / CM_PER_M
        motion = np.concatenate([turning, np.broadcast_to(np.eye(3), (len(there), 3, 3))], axis=2)
        now = after.model_parameters[index]
        step = least_squares_within(
            np.concatenate([(counts @ motion).reshape(-1, motion.shape[2]), ease]),
            np.concatenate([np.einsum("nab,nb->na", counts, goal - there).ravel(), _TURN * (first - now), np.zeros(3)]),
            np.concatenate([low - now, -far]),
            np.concatenate([high - now, far]),
        )
        parameters = after.model_parameters.copy()
        parameters[index] = np.clip(now + step[:-3], low, high)
        after = replace(after, model_parameters=parameters, camera_translation=after.camera_translation + step[-3:])
    return after


def _seen(points: PointSet, body: Body, state: PlacedState) -> Array:
    """(N, 3) m, camera axes."""
    positions = points.positions(body.pose(state.model_parameters), state.identity)
    return np.asarray(mhr_to_camera(positions, state.camera_translation))


@lru_cache(maxsize=2)
def _points(body: Body) -> PointSet:
    return PointSet.from_rows(body, body.keypoint_rows)


@lru_cache(maxsize=2)
def _columns(body: Body) -> ColumnSet:
    """The turns of the root and of all joints; not what shifts them."""
    transform = body.parameterisation
    shifting = np.zeros(len(body.parameter_names), bool)
    shifting[transform.columns[(transform.rows % 7 < 3) | (transform.rows % 7 == 6)]] = True
    turning = np.zeros(len(shifting), bool)
    turning[transform.columns] = True
    chosen = np.zeros(len(shifting), bool)
    chosen[_ROOT] = chosen[POSE] = True
    return ColumnSet.of(body, np.flatnonzero(chosen & turning & ~shifting))


def _loose(body: Body) -> NDArray[np.bool_]:
    """Which of the columns have no limits that count: the root turns freely."""
    return np.asarray(_columns(body).parameters < POSE.start)
