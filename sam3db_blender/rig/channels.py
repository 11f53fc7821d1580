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

from .layout import BoneLayout

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]


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


def recover_model_parameters(
    body: Body, joint_parameters: ArrayLike, near: ArrayLike | None = None
) -> tuple[Array, float]:
    """The 204 model parameters behind (J, 7) joint parameters.

    A joint may follow several parameters (a spine joint its own flexion and the whole spine's, a limb's length two
    sliders), so the answer is not unique: of all that fit equally well the one nearest to ``near`` (for instance
    those of the stored estimate; zeros by default) is returned. An artist can also pose joints in ways that no
    parameters give; the rest that cannot be expressed comes back as the second value: the largest difference of any
    joint parameter, in cm, radians or log2.
    """
    transform = parameter_transform(body)
    target = np.asarray(joint_parameters, dtype=np.float64).reshape(-1)
    start = np.zeros(transform.shape[1]) if near is None else np.asarray(near, dtype=np.float64)
    change, *_ = np.linalg.lstsq(transform, target - transform @ start, rcond=1e-10)
    parameters = start + change
    return parameters, float(np.abs(transform @ parameters - target).max())


@dataclass(frozen=True)
class TwistDriver:
    """A helper joint's twist that follows another joint's twist: channel = factor * source channel.

    Attributes:
        bone, axis: the driven bone and its Euler channel (0, 1, 2).
        source, source_axis: the bone and Euler channel that it follows.
        factor: the constant between them.
    """

    bone: str
    axis: int
    source: str
    source_axis: int
    factor: float


def twist_drivers(body: Body, channel_map: ChannelMap) -> list[TwistDriver]:
    """How MHR's twist helpers follow their limbs, read from the body's own parameter transform.

    MHR spreads the twist of a limb over helper joints (``*_proc``) by giving them a part of the same parameter; on
    a rig this has to be a driver, or else a limb that is posed by hand keeps the twist of the photo. A helper whose
    rx is a multiple of exactly one other joint's rx gets one; the others keep their channels free.
    """
    names = [str(name) for name in body.joint_names]
    rx_rows = parameter_transform(body).reshape(len(names), 7, -1)[:, 3]
    drivers = []
    for j, name in enumerate(names):
        row = rx_rows[j]
        if not name.endswith("_proc") or not row.any():
            continue
        for k, source in enumerate(names):
            other = rx_rows[k]
            if source.endswith("_proc") or not other.any():
                continue
            factor = float(row @ other / (other @ other))
            if np.abs(row - factor * other).max() < 1e-9:
                drivers.append(
                    TwistDriver(
                        bone=name,
                        axis=int(channel_map.axis[j, 0]),
                        source=source,
                        source_axis=int(channel_map.axis[k, 0]),
                        factor=factor * float(channel_map.sign[j, 0] * channel_map.sign[k, 0]),
                    )
                )
                break
    return drivers
