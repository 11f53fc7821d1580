"""MHR joint parameters <-> the channels of Blender's pose bones, exactly, without Blender.

With the bone turn C (see ``layout``), a joint's parameters (tx ty tz rx ry rz sc) and its bone's channels hold the
same motion:

* rotation: ``C' Rz Ry Rx C`` is a product of turns about bone axes, in the same order, so that the angles are the
  Euler channels up to sign, in a rotation order that depends on C only;
* location: MHR moves a joint along its parent's axes, Blender along the bone's own rest axes: a constant linear
  map;
* scale: 2^sc, uniform; bones inherit the whole scale of their parents as MHR's joints do.

Adding whole turns to an angle changes neither side, so angles pass through as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.camera import CM_PER_M, MHR_TO_BLENDER
from native_runtime.mhr.rotations import euler_to_matrix, matrix_to_euler

from .layout import BoneLayout

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

_CHANNELS = 7
#: Entries of rotations in single precision that differ by less are the same.
_SAME_TURN = 1e-5


@dataclass(frozen=True)
class Channels:
    """What an artist sees on the bones.

    Attributes:
        location: (J, 3) m, each bone's own rest axes.
        rotation: (J, 3) radians about the bone's x, y, z; the order of application is the bone's rotation mode.
        scale: (J,) uniform, positive.
    """

    location: Array
    rotation: Array
    scale: Array


class ChannelMap:
    """The constant map between joint parameters and channels of one bone layout."""

    def __init__(self, layout: BoneLayout) -> None:
        turns = layout.turns
        count = len(turns)
        #: (J, 3, 3) bone frame = joint frame @ turn.
        self.turns: Array = turns
        #: (J, 3): the bone axis about which each joint axis turns, and its sense.
        self.axis: NDArray[np.intp] = np.abs(turns).argmax(axis=2)
        self.sign: Array = np.take_along_axis(turns, self.axis[..., None], axis=2)[..., 0]
        #: Blender's rotation mode of each bone: the joint's x is applied first, then y, then z.
        self.rotation_modes: tuple[str, ...] = tuple("".join("XYZ"[k] for k in row) for row in self.axis)

        parent_axes = np.tile(MHR_TO_BLENDER, (count, 1, 1))
        has_parent = layout.parents >= 0
        owners = layout.parents[has_parent]
        parent_axes[has_parent] = layout.rest[owners, :3, :3] @ np.swapaxes(turns[owners], 1, 2)
        #: (J, 3, 3): joint translation (cm, parent's axes) -> bone location (m, own rest axes).
        self.location_map: Array = np.swapaxes(layout.rest[:, :3, :3], 1, 2) @ parent_axes / CM_PER_M

    def channels(self, joint_parameters: ArrayLike) -> Channels:
        """(J, 7) joint parameters (cm, radians, log2) as bone channels."""
        joints = np.asarray(joint_parameters, dtype=np.float64)
        rotation = np.zeros((len(joints), 3))
        np.put_along_axis(rotation, self.axis, self.sign * joints[:, 3:6], axis=1)
        return Channels(
            location=np.einsum("jab,jb->ja", self.location_map, joints[:, :3]),
            rotation=rotation,
            scale=np.exp2(joints[:, 6]),
        )

    def local_matrices(self, joint_parameters: ArrayLike) -> Array:
        """(J, 4, 4) motion of each bone from its rest place, m, own rest axes, for (J, 7) joint parameters.

        It is what Blender calls a pose bone's ``matrix_basis``.
        """
        joints = np.asarray(joint_parameters, dtype=np.float64)
        matrices = np.tile(np.eye(4), (len(joints), 1, 1))
        turns = np.swapaxes(self.turns, 1, 2) @ euler_to_matrix(joints[:, 3:6]) @ self.turns
        matrices[:, :3, :3] = turns * np.exp2(joints[:, 6])[:, None, None]
        matrices[:, :3, 3] = np.einsum("jab,jb->ja", self.location_map, joints[:, :3])
        return matrices

    def from_local_matrices(self, matrices: ArrayLike, near: ArrayLike | None) -> Array:
        """(J, 7) joint parameters of bone motions (J, 4, 4); the inverse of ``local_matrices``.

        A scale that differs between the axes becomes its geometric mean, shear is dropped.

        Args:
            near: (J, 7): of the angles that give the same rotation those nearest to these are taken. None: those whose
                middle one is within a quarter turn, and the others within half a turn, as MHR's limits have them.
        """
        motion = np.asarray(matrices, dtype=np.float64)
        left, stretch, right = np.linalg.svd(motion[:, :3, :3])
        joints = np.zeros((len(motion), _CHANNELS))
        joints[:, :3] = np.einsum("jab,ja->jb", self.location_map, motion[:, :3, 3]) * CM_PER_M**2
        turns = self.turns @ (left @ right) @ np.swapaxes(self.turns, 1, 2)
        joints[:, 3:6] = matrix_to_euler(turns)
        if near is not None:
            joints[:, 3:6] = nearest_angles(joints[:, 3:6], np.asarray(near, dtype=np.float64)[:, 3:6])
        joints[:, 6] = np.log2(np.maximum(stretch, 1e-12)).mean(axis=1)
        return joints

    def turned_by(self, joint: int, turn: ArrayLike, twist: float) -> Array | None:
        """(3,) the angles rx, ry, rz of a joint whose bone turns by ``Rx Rz Ry``, where its last angle is known: also
        where the rotation does not say it, which is where the second is a quarter turn.

        Args:
            turn: (3, 3) the rotation of the bone from its rest place, own rest axes.
            twist: the bone's angle about y, radians.

        Returns:
            None where no such angles give the rotation, or the bone turns in another order.
        """
        if self.rotation_modes[joint] != "YZX":
            return None
        c, s = np.cos(twist), np.sin(twist)
        rest = np.asarray(turn, dtype=np.float64) @ np.array([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]])
        if abs(rest[0, 2]) > _SAME_TURN:
            return None
        angles = np.array([np.arctan2(-rest[1, 2], rest[2, 2]), twist, np.arctan2(-rest[0, 1], rest[0, 0])])
        return np.asarray(self.sign[joint] * angles[self.axis[joint]])

    def joint_parameters(self, channels: Channels) -> Array:
        """Bone channels as (J, 7) joint parameters; the inverse of ``channels``."""
        joints = np.zeros((len(channels.scale), 7))
        # location_map is a rotation over CM_PER_M, so its inverse is its transpose times the square of
        # that.
        joints[:, :3] = np.einsum("jab,ja->jb", self.location_map, channels.location) * CM_PER_M**2
        joints[:, 3:6] = self.sign * np.take_along_axis(channels.rotation, self.axis, axis=1)
        joints[:, 6] = np.log2(channels.scale)
        return joints


def parameter_transform(body: Body) -> Array:
    """MHR's linear map from model parameters to joint parameters, dense (J * 7, 204)."""
    count = len(body.parameter_names)
    return np.asarray(body.joint_parameters(np.eye(count)), dtype=np.float64).reshape(count, -1).T


def nearest_angles(angles: ArrayLike, near: ArrayLike) -> Array:
    """Of all Euler angles (..., 3) of the same rotation Rz Ry Rx those nearest to ``near`` (..., 3), radians.

    A rotation has two triples of angles, and whole turns may be added to each angle.
    """
    first = np.asarray(angles, dtype=np.float64)
    target = np.asarray(near, dtype=np.float64)
    second = np.stack([first[..., 0] + np.pi, np.pi - first[..., 1], first[..., 2] + np.pi], axis=-1)
    turn = 2 * np.pi
    choices = np.stack([a + turn * np.round((target - a) / turn) for a in (first, second)])
    best = np.abs(choices - target).sum(axis=-1).argmin(axis=0)
    return np.take_along_axis(choices, best[None, ..., None], axis=0)[0]
