"""Angles that run on from frame to frame: no whole turns, and none of the second triples, between neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.characters.channels import nearest_angles
from native_runtime.characters.wiring import Wiring

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]


def continuous_angles(angles: ArrayLike) -> Array:
    """Euler angles (F, ..., 3) of rotations Rz Ry Rx, each triple replaced by the equal one nearest to that before.

    The first frame stays as it is.
    """
    result = np.array(angles, dtype=np.float64)
    for frame in range(1, len(result)):
        result[frame] = nearest_angles(result[frame], result[frame - 1])
    return result


def continuous_joints(body: Body, joints: ArrayLike) -> Array:
    """Joint parameters (F, J, 7) with continuous angles that show the same pose in every frame.

    Joints whose angle helpers take a share of (the twist of a limb) keep their angles: a whole turn of theirs is not
    the same pose, since half of it is half a turn of a helper.
    """
    result = np.array(joints, dtype=np.float64)
    free = ~shared_joints(body)
    result[:, free, 3:6] = continuous_angles(result[:, free, 3:6])
    return result


def shared_joints(body: Body) -> NDArray[np.bool_]:
    """(J,) the joints whose angles other joints take shares of."""
    sources = {source.bone for link in Wiring.of(body).links for _, source in link.terms if source.bone}
    return np.array([str(name) in sources for name in body.joint_names])


def continuous_quaternions(quaternions: ArrayLike) -> Array:
    """Quaternions (F, ..., 4), each of the sign that is nearer to the frame before."""
    result = np.array(quaternions, dtype=np.float64)
    for frame in range(1, len(result)):
        opposite = np.sum(result[frame] * result[frame - 1], axis=-1, keepdims=True) < 0.0
        result[frame] = np.where(opposite, -result[frame], result[frame])
    return result
