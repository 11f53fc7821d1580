"""Motion at other times than those of the footage's frames.

Numbers run along cubic Hermite curves whose tangents come from the parabola through each frame and its neighbours
(Catmull and Rom 1974 for even steps). Rotations do the same in the tangent space of the frame before: the rotation
vectors of their neighbours as seen from it, so that no choice of Euler angles shows between two frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.characters.channels import nearest_angles
from native_runtime.characters.wiring import ParameterHomes
from native_runtime.mhr.rotations import (
    euler_to_matrix,
    matrix_to_euler,
    matrix_to_quaternion,
    quaternion_to_matrix,
)

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

_ROTATION = slice(3, 6)
_SMALL = 1e-9


class Spans:
    """Where some times lie between the frames of a motion; times outside are moved to its ends.

    Args:
        times: (F,) s, rising.
        wanted: (W,) s.
    """

    def __init__(self, times: ArrayLike, wanted: ArrayLike) -> None:
        self.times = np.asarray(times, dtype=np.float64)
        asked = np.clip(np.asarray(wanted, dtype=np.float64), self.times[0], self.times[-1])
        last = max(len(self.times) - 2, 0)
        #: (W,) the frame before each time.
        self.start: NDArray[np.intp] = np.clip(np.searchsorted(self.times, asked, side="right") - 1, 0, last)
        #: (W, 4) the frames around it; the first and the last stand in for those beyond.
        self.around: NDArray[np.intp] = np.clip(self.start[:, None] + np.arange(-1, 3), 0, len(self.times) - 1)
        at = self.times[self.around]
        width = at[:, 2] - at[:, 1]
        self._share = np.divide(asked - at[:, 1], width, out=np.zeros_like(asked), where=width > 0)
        self.weights = self._weights(at, self._share)

    @property
    def linear(self) -> Array:
        """(W, 4) weights of the frames around for straight lines between two frames."""
        zero = np.zeros_like(self._share)
        return np.stack([zero, 1.0 - self._share, self._share, zero], axis=1)

    @staticmethod
    def _weights(at: Array, share: Array) -> Array:
        """(W, 4) weights of the frames around on the cubic curve."""
        s = share
        before, width, after = np.diff(at, axis=1).T
        starts, ends = np.zeros((2, len(s), 4))
        nothing = np.zeros_like(s)
        _parabola(starts, before, width, 0, (nothing, after))
        _parabola(ends, width, after, 1, (before, nothing))
        weights = np.zeros((len(s), 4))
        weights[:, 1] = 2 * s**3 - 3 * s**2 + 1
        weights[:, 2] = 3 * s**2 - 2 * s**3
        weights += (s**3 - 2 * s**2 + s)[:, None] * starts * width[:, None]
        weights += (s**3 - s**2)[:, None] * ends * width[:, None]
        return weights


def _parabola(weights: Array, before: Array, after: Array, first: int, beyond: tuple[Array, Array]) -> None:
    """Writes the weights of the tangent in the middle of three frames.

    Where the frame before or after is missing (its distance is 0), the parabola goes through the next one on the other
    side, at a further distance ``beyond``; where that is missing as well the tangent is the straight line's.

    Args:
        weights: (W, 4) of frames -1, 0, 1, 2.
        before, after: (W,) s, to the neighbours.
        first: the column of the frame before.
        beyond: (W,) s each: from the frame before to the one before it, and from the one after to the next.
    """
    middle, last = first + 1, first + 2
    for number, (b, a) in enumerate(zip(before.tolist(), after.tolist())):
        row = weights[number]
        if b > 0 and a > 0:
            row[first], row[middle], row[last] = -a / (b * (a + b)), 1 / b - 1 / a, b / (a * (a + b))
        elif a > 0:
            c = float(beyond[1][number])
            if c > 0:
                row[middle : middle + 3] = -(2 * a + c) / (a * (a + c)), (a + c) / (a * c), -a / (c * (a + c))
            else:
                row[middle : middle + 2] = -1 / a, 1 / a
        elif b > 0:
            c = float(beyond[0][number])
            if c > 0:
                row[first - 1 : first + 2] = b / (c * (b + c)), -(b + c) / (b * c), (2 * b + c) / (b * (b + c))
            else:
                row[first : first + 2] = -1 / b, 1 / b


def resampled(values: ArrayLike, spans: Spans) -> Array:
    """Numbers (F, ...) at other times: (W, ...)."""
    return np.asarray(np.einsum("wk,wk...->w...", spans.weights, np.asarray(values, np.float64)[spans.around]))


def resampled_rotations(rotations: ArrayLike, spans: Spans) -> Array:
    """Rotations (F, ..., 3, 3) at other times: (W, ..., 3, 3)."""
    matrices = np.asarray(rotations, dtype=np.float64)
    base = matrices[spans.start]
    seen = np.swapaxes(base, -1, -2)[:, None] @ matrices[spans.around]
    vector = np.einsum("wk,wk...->w...", spans.weights, _vectors(seen))
    return np.asarray(base @ _matrices(vector))


def resampled_joints(body: Body, joints: ArrayLike, spans: Spans) -> Array:
    """Joint parameters (F, J, 7) with continuous angles at other times: (W, J, 7).

    Joints that turn about all three axes are interpolated as rotations; hinges and joints of two axes by their angles,
    so that they stay what they are.
    """
    given = np.asarray(joints, dtype=np.float64)
    result = resampled(given, spans)
    balls = ball_joints(body)
    angles = given[:, balls, _ROTATION]
    straight = np.einsum("wk,wk...->w...", spans.linear, angles[spans.around])
    turns = resampled_rotations(euler_to_matrix(angles), spans)
    result[:, balls, _ROTATION] = nearest_angles(matrix_to_euler(turns), straight)
    return result


def ball_joints(body: Body) -> NDArray[np.bool_]:
    """(J,) the joints that have a model parameter for each of the three axes."""
    return np.asarray((ParameterHomes.of(body).owner.reshape(-1, 7)[:, _ROTATION] >= 0).all(axis=1))


def _vectors(rotations: Array) -> Array:
    """Rotation vectors (..., 3), of length 0..pi, of rotations (..., 3, 3)."""
    quaternion = matrix_to_quaternion(rotations)
    sine = np.linalg.norm(quaternion[..., :3], axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(sine, quaternion[..., 3:])
    return np.asarray(quaternion[..., :3] * np.where(sine > _SMALL, angle / np.maximum(sine, _SMALL), 2.0))


def _matrices(vectors: Array) -> Array:
    """Rotations (..., 3, 3) of rotation vectors (..., 3)."""
    angle = np.linalg.norm(vectors, axis=-1, keepdims=True)
    factor = np.where(angle > _SMALL, np.sin(angle / 2) / np.maximum(angle, _SMALL), 0.5)
    return quaternion_to_matrix(np.concatenate([vectors * factor, np.cos(angle / 2)], axis=-1))
