"""Estimates of the default body in poses of known kind, without any network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.build.pose_prior.authored import authored_poses, limb_pose
from native_runtime.build.pose_prior.limbs import LimbSolver
from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.synthetic.library import turned

SIZE = 400, 600
MATRIX = np.array([[600.0, 0.0, 199.5], [0.0, 600.0, 299.5], [0.0, 0.0, 1.0]])


class Poser:
    """Poses a body by authored poses, or by directions as in their file."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self._solver = LimbSolver(body)
        self._authored = {entry.name: entry.pose for entry in authored_poses()}

    def estimate(
        self,
        pose: str | Mapping[str, Any],
        yaw: float = 0.3,
        spine: Mapping[str, float] | None = None,
        distance: float = 3.5,
        rise: float = 0.0,
    ) -> Estimate:
        """Somebody before a level camera, who faces it where ``yaw`` (radians) is 0.

        Args:
            spine: radians by parameters of the spine.
            rise: metres by which they are above the camera.
        """
        directions = self._authored[pose] if isinstance(pose, str) else limb_pose("a pose", pose)
        parameters = self._solver.solve(directions).model_parameters.copy()
        for name, angle in (spine or {}).items():
            parameters[self.body.parameter_index(name)] = angle
        c, s = np.cos(yaw), np.sin(yaw)
        parameters = turned(self.body, parameters, np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]))
        root = self.body.pose(parameters).translations[self.body.joint_index("root")] / 100
        place = np.array([-root[0], root[1] - rise, distance + root[2]])
        identity, expression = np.zeros(self.body.identity_count), np.zeros(self.body.expression_count)
        return Estimate.from_state(
            self.body,
            PlacedState(parameters, identity, expression, place),
            MATRIX,
            image_size=np.array(SIZE),
            bbox=np.array([50.0, 50.0, 350.0, 550.0]),
            engine="landmarks",
        )


def poser(path: Path) -> Poser:
    """A poser of the body in a file."""
    return Poser(Body.load(path))
