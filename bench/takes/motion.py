"""From a clip's directions of limbs to MHR's angles over time, at a video's frame rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.signal import butter, sosfiltfilt
from scipy.spatial.transform import Rotation, RotationSpline

from bench.accuracy.posture import Posture, retarget, segment_directions
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import euler_to_matrix, matrix_to_euler

from .clips import RATE

Array = NDArray[np.float64]

CUTOFF = 5.0
"""Hz of the zero-phase filter (Butterworth, second order): the clips are of 20 Hz, and noisy above."""
_ROOT = [f"root_r{axis}" for axis in "xyz"]


def foot_pitch(body: Body) -> float:
    """Radians: how far below the horizon the way from the foot's joint to the ball's points when the sole is flat."""
    rest = body.pose(np.zeros(len(body.parameter_names)))
    way = segment_directions(body, rest.translations)["l_foot"]
    return float(-np.arcsin(way[1]))


def answered(body: Body, frames: Sequence[Posture]) -> Array:
    """(n, 204) the body's answer to each posture, each frame begun from the one before."""
    out: list[Array] = []
    for posture in frames:
        out.append(retarget(body, posture, near=out[-1] if out else None).parameters)
    return np.array(out)


def resampled(body: Body, parameters: Array, seconds: float, rate: float) -> Array:
    """(F, 204) smooth motion at ``rate`` frames a second, ``seconds`` long; the given frames are spread over it.

    Joint angles run along cubic splines of the filtered angles; the root's rotation along a spline of rotations.

    Args:
        parameters: (n, 204) at even steps.
    """
    count = round(seconds * rate)
    old = np.linspace(0.0, 1.0, len(parameters))
    new = np.linspace(0.0, 1.0, count)
    filter_ = butter(2, CUTOFF / (RATE / 2), output="sos")
    pad = min(15, len(parameters) - 1)
    smooth = sosfiltfilt(filter_, parameters, axis=0, padlen=pad)
    out = CubicSpline(old, smooth)(new)
    out = np.clip(out, body.limit_min, body.limit_max)
    index = [body.parameter_index(name) for name in _ROOT]
    quaternions = Rotation.from_matrix(euler_to_matrix(parameters[:, index])).as_quat()
    for k in range(1, len(quaternions)):
        if quaternions[k] @ quaternions[k - 1] < 0:
            quaternions[k] *= -1
    quaternions = sosfiltfilt(filter_, quaternions, axis=0, padlen=pad)
    rotations = RotationSpline(old, Rotation.from_quat(quaternions))(new).as_matrix()
    out[:, index] = np.unwrap(matrix_to_euler(rotations), axis=0)
    return np.asarray(out, np.float64)
