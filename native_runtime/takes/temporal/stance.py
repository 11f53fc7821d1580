"""Feet that stand, as a part of the fit over all frames: from one frame to the next they stay where they are, and they
are as high as the floor.

Pixels tell the depth of neither a foot nor a knee; that one and the same place on one floor carries a foot for as long
as it stands does, with the whole of that time's evidence. ``planting`` locks feet to the last millimetre afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera
from native_runtime.fitting.floor import Soles
from native_runtime.fitting.pins import pseudo_huber
from native_runtime.fitting.problem import Problem
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.takes.ground import ball_joints, feet_of

from .banded import Banded

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Stance:
    """What stands where.

    Attributes:
        held: (F, 6) which points of feet (``ground.feet_in_world``) touch the floor.
        ground: (4,) plane in world axes.
        heights: (6,) m above the floor of points of flat feet.
        still: m by which a point that stands ordinarily moves from a frame to the next.
        level: m by which it is ordinarily higher or lower than the floor.
        give: in these: from where on it costs in proportion, as it may not stand after all.
    """

    held: Bools
    ground: Array
    heights: Array
    still: float = 0.001
    level: float = 0.01
    give: float = 3.0

    @staticmethod
    def of(contacts: Bools, ground: Array, heights: Array) -> Stance:
        """Of contacts (F, 4); the tip of toes stands with its ball."""
        return Stance(np.concatenate([contacts, contacts[:, 1::2]], axis=1), ground, heights)

    def part(self, index: NDArray[np.int64]) -> Stance:
        """That of some frames."""
        return Stance(self.held[index], self.ground, self.heights, self.still, self.level, self.give)

    @property
    def ties(self) -> Bools:
        """(F - 1, 6) which points stand in a frame and in the next."""
        return np.asarray(self.held[1:] & self.held[:-1])

    def of_places(self, places: Array) -> tuple[float, tuple[Array, Array], tuple[Array, Array]]:
        """Cost, and residuals and weights of ways (F - 1, 6, 3), (F - 1, 6) and heights (F, 6), (F, 6), for places
        (F, 6, 3) m in world axes."""
        ways = np.diff(places, axis=0) / self.still
        way_weight, way_cost = pseudo_huber(np.sum(ways**2, axis=2), np.asarray(self.give))
        above = (places @ self.ground[:3] + self.ground[3] - self.heights) / self.level
        above_weight, above_cost = pseudo_huber(above**2, np.asarray(self.give))
        cost = float(np.sum(way_cost * self.ties) + np.sum(above_cost * self.held))
        return cost, (ways, way_weight * self.ties), (above, above_weight * self.held)


class FootPlaces:
    """Where the points of feet are in frames, and how they move."""

    def __init__(self, body: Body, to_world: Array | None) -> None:
        """`to_world`: (F, 4, 4) camera to world of each frame; None: the camera stands still."""
        self._points = Soles.of(body).points, ball_joints(body)
        self._axes = to_world

    def places(self, problems: Sequence[Problem], states: Sequence[PlacedState]) -> Array:
        """(F, 6, 3) m in world axes."""
        out = np.stack([
            mhr_to_camera(
                feet_of(*(points.positions(problem.pose(state), state.identity) for points in self._points)),
                state.camera_translation,
            )
            for problem, state in zip(problems, states, strict=True)
        ])  # fmt: skip
        if self._axes is None:
            return out
        return np.asarray(out @ self._axes[:, :3, :3].transpose(0, 2, 1) + self._axes[:, None, :3, 3])

    def motion(self, problem: Problem, state: PlacedState, frame: int) -> Array:
        """(6, 3, n + s) m: d place in the world / d unknowns of a frame."""
        pose = problem.pose(state)
        out = feet_of(*(problem.motion(points, pose, state) for points in self._points))
        return out if self._axes is None else np.asarray(np.einsum("ab,kbu->kau", self._axes[frame, :3, :3], out))


def add_stance(
    stance: Stance,
    feet: FootPlaces,
    problems: Sequence[Problem],
    states: Sequence[PlacedState],
    normal: Banded,
    gradient: Array,
    shared: Array,
) -> float:
    """Add feet that stand to normal equations (F, n) and (s,); returns their cost."""
    n = normal.diagonal.shape[1]
    cost, (ways, tied), (above, stands) = stance.of_places(feet.places(problems, states))
    before: Array | None = None
    for k, (problem, state) in enumerate(zip(problems, states, strict=True)):
        if not stance.held[k].any():
            before = None
            continue
        motion = feet.motion(problem, state, k)
        rising = np.einsum("kau,a->ku", motion, stance.ground[:3]) / stance.level
        _add(normal, gradient, shared, k, rising[:, :n], rising[:, n:], above[k], stands[k])
        motion = (motion / stance.still).reshape(3 * len(motion), -1)
        if before is not None and stance.ties[k - 1].any():
            weight, residual = np.repeat(tied[k - 1], 3), ways[k - 1].ravel()
            own, last = motion[:, :n], before[:, :n]
            common = motion[:, n:] - before[:, n:]
            _add(normal, gradient, shared, k, own, common, residual, weight)
            normal.diagonal[k - 1] += last.T @ (last * weight[:, None])
            normal.first[k - 1] -= own.T @ (last * weight[:, None])
            normal.border[k - 1] -= common.T @ (last * weight[:, None])
            gradient[k - 1] -= last.T @ (weight * residual)
        before = motion
    return cost


def _add(
    normal: Banded, gradient: Array, shared: Array, k: int, own: Array, common: Array, residual: Array, weight: Array
) -> None:
    """Rows that hang on one frame (m, n) and on what all share (m, s)."""
    heavy = own * weight[:, None]
    normal.diagonal[k] += own.T @ heavy
    normal.border[k] += common.T @ heavy
    normal.corner[:] += common.T @ (common * weight[:, None])
    gradient[k] += own.T @ (weight * residual)
    shared += common.T @ (weight * residual)
