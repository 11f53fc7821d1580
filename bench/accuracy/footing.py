"""Puts the feet of standing people flat on one floor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from native_runtime.mhr import Body

Array = NDArray[np.float64]

_TURNS = ("upleg_ry", "upleg_rz", "knee_bend", "lowleg_twist", "foot_bend", "foot_lean0", "ball_bend")
_STANDING = ("upright", "balance", "bent", "sitting")
_TILT = np.radians(35.0)
_STEP = 12.0
"""cm: a foot whose ankle is this much higher than the other's is in the air."""


def footed(body: Body, parameters: Array, tags: tuple[str, ...], up: Array) -> Array:
    """The parameters (204,) with the planted feet flat and level, changed as little as that allows.

    A foot counts as planted when it is nearly flat and nearly as low as the lowest. Feet are flat at rest, so a foot is
    flat when its rotation since then leaves ``up`` upright.

    Args:
        tags: of the pose; people who walk, jump or lie are left as they are.
        up: (3,) the floor's normal in MHR's axes.
    """
    if tags[0] not in _STANDING:
        return parameters
    rest = body.skeleton.rest.rotations
    sides = [s for s in "lr" if _planted(body, parameters, s, up, rest)]
    if not sides:
        return parameters
    index = np.array([body.parameter_index(f"{side}_{turn}") for side in sides for turn in _TURNS])
    start = np.clip(parameters[index], body.limit_min[index] + 1e-6, body.limit_max[index] - 1e-6)

    def residuals(turns: Array) -> Array:
        values = parameters.copy()
        values[index] = turns
        pose = body.pose(values)
        heights, rows = [], [0.25 * (turns - start)]
        for side in sides:
            ankle, ball = (body.joint_index(f"{side}_{name}") for name in ("subtalar", "ball"))
            for joint in (ankle, ball):
                turned = pose.rotations[joint] @ rest[joint].T @ up
                rows.append(turned - up)
            heights.append(pose.translations[ankle] @ up)
        rows.append((np.array(heights) - np.mean(heights)) / 4.0)
        return np.concatenate(rows)

    solution = least_squares(residuals, start, bounds=(body.limit_min[index], body.limit_max[index]), max_nfev=15)
    result = parameters.copy()
    result[index] = solution.x
    return result


def _planted(body: Body, parameters: Array, side: str, up: Array, rest: Array) -> bool:
    pose = body.pose(parameters)
    ankle, other = (body.joint_index(f"{s}_subtalar") for s in (side, "r" if side == "l" else "l"))
    tilt = np.arccos(np.clip(up @ (pose.rotations[ankle] @ rest[ankle].T @ up), -1, 1))
    heights = pose.translations @ up
    return bool(tilt < _TILT and heights[ankle] - heights[other] < _STEP)
