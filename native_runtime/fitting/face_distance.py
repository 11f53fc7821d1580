"""How far a head is from the camera, as the size of its face in the photo says.

Heads differ in size far less than people lean or than their distance is in doubt: of adults' by about 4 %. So a face
that is large in the photo is near, whatever the rest of the body says; without it a head is often wider or smaller in
the photo than the body's, as its own points count as far as all the others together allow.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Pose
from native_runtime.mhr.state import PlacedState

from .evidence import HeadDistance
from .problem import NEAREST_DEPTH, Problem, SeenPoints
from .solver import Linearised, Residuals

Array = NDArray[np.float64]

_OUTLIER = 10.0
"""Sigmas at which a distance counts half (Geman-McClure): a face is then somebody else's."""


class HeadDistanceTerm:
    """Draws the middle of some points to the distance that the face has."""

    def __init__(self, points: SeenPoints, which: NDArray[np.int64], seen: HeadDistance) -> None:
        """`which`: (n,) numbers of the head's points among ``points``."""
        self._points, self._which, self._seen = points, which, seen

    def _residual(self, pose: Pose, state: PlacedState) -> tuple[float, float, float, float]:
        """The residual in sigmas, its weight, the robust cost, and the distance in m."""
        distance = max(float(self._points.camera(pose, state)[self._which, 2].mean()), NEAREST_DEPTH)
        residual = float(np.log(distance / self._seen.metres)) / self._seen.sigma
        ratio = _OUTLIER**2 / (_OUTLIER**2 + residual**2)
        return residual, ratio**2, 0.5 * residual**2 * ratio, distance

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """See ``problem.Term``."""
        return self._residual(pose, state)[2]

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``problem.Term``."""
        residual, weight, cost, distance = self._residual(pose, state)
        motion = problem.motion(self._points.points, pose, state)[self._which, 2].mean(axis=0)
        slope = motion / (distance * self._seen.sigma)
        return (Residuals(cost, np.array([residual]), slope[None], np.array([weight])),)
