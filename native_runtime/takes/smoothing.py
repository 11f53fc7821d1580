"""A plain filter without lag, for the impatient: a Butterworth low pass, run forwards and backwards."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import UsageError
from native_runtime.fitting.problem import ROOT_ROTATION
from native_runtime.mhr.parameterisation import SCALE
from native_runtime.mhr.rotations import euler_to_matrix, matrix_to_euler, matrix_to_quaternion, quaternion_to_matrix

Array = NDArray[np.float64]

CUTOFF = 6.0
"""Hz: people's motion hardly has more (Winter, "Biomechanics and Motor Control of Human Movement", section 2)."""


def low_pass(values: Array, fps: float, cutoff: float = CUTOFF) -> Array:
    """Values (F, ...) through a second-order Butterworth filter forwards and backwards: no lag, twice the order.

    The coefficients follow from the bilinear transform (Oppenheim and Schafer, "Discrete-Time Signal Processing",
    section 7.2); beyond both ends the values go on as their own mirror image through the end point.

    Raises:
        UsageError: the cutoff is not between 0 and half the frame rate.
    """
    if not 0 < cutoff < fps / 2:
        raise UsageError(f"A cutoff of {cutoff} Hz is not between 0 and half of {fps} frames per second.")
    values = np.asarray(values, np.float64)
    count = len(values)
    if count < 2:
        return values.copy()
    # so long that what the filter begins with has died away
    pad = min(math.ceil(3 * fps / cutoff), count - 1)
    padded = np.concatenate([
        2 * values[0] - values[pad:0:-1], values, 2 * values[-1] - values[-2 : -pad - 2 : -1]
    ])  # fmt: skip
    out = _run(_run(padded, fps, cutoff)[::-1], fps, cutoff)[::-1]
    return np.asarray(out[pad : pad + count])


def _run(values: Array, fps: float, cutoff: float) -> Array:
    warped = math.tan(math.pi * cutoff / fps)
    scale = 1.0 / (1.0 + math.sqrt(2.0) * warped + warped**2)
    b = scale * warped**2
    a1, a2 = 2.0 * scale * (warped**2 - 1.0), scale * (1.0 - math.sqrt(2.0) * warped + warped**2)
    out = np.empty_like(values)
    # begun as if the first value had always been there
    x1 = x2 = y1 = y2 = values[0]
    for k, x in enumerate(values):
        y = b * (x + 2.0 * x1 + x2) - a1 * y1 - a2 * y2
        out[k] = y
        x1, x2, y1, y2 = x, x1, y, y1
    return out


def smooth_take(
    model_parameters: Array, camera_translation: Array, fps: float, cutoff: float = CUTOFF
) -> tuple[Array, Array]:
    """A take's parameters (F, 204) and translations (F, 3) filtered; the skeleton stays, the whole body's rotation is
    filtered as quaternions."""
    parameters = np.asarray(model_parameters, np.float64)
    out = low_pass(parameters, fps, cutoff)
    out[:, SCALE] = parameters[:, SCALE]
    turns = matrix_to_quaternion(euler_to_matrix(parameters[:, ROOT_ROTATION]))
    for k in range(1, len(turns)):
        if turns[k] @ turns[k - 1] < 0:
            turns[k] = -turns[k]
    out[:, ROOT_ROTATION] = matrix_to_euler(quaternion_to_matrix(low_pass(turns, fps, cutoff)))
    return out, low_pass(camera_translation, fps, cutoff)
