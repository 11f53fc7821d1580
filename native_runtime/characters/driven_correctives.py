"""Pose correctives as numbers that follow single bones: what Blender's drivers can say without Python.

MHR's correctives are relu(activation @ features). Where an activation uses only the first column of one joint's own
rotation, that is, where the joint's limb points (the default body's are made so), it is a short polynomial in the
quaternion of the joint's bone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_blender
from native_runtime.mhr.correctives import FIRST_JOINT

from .layout import bone_turn

if TYPE_CHECKING:
    from native_runtime.mhr import Body

_FEATURES = 6
_COLUMN = 3
"""The first features of a joint: the first column of its rotation."""


@dataclass(frozen=True)
class DrivenCorrective:
    """One component of a body's correctives.

    Its value is ``max(0, a (x^2 + z^2) + b (x y - w z) + c (y z + w x))`` of the quaternion (w, x, y, z) by which its
    bone is turned beneath its parent, in the bone's own rest axes.

    Attributes:
        bone: the joint's name.
        number: counts the components of the same bone, from 1.
        factors: a, b, c.
        offsets: (V, 3) m, Blender axes, per unit of the value, before skinning.
    """

    bone: str
    number: int
    factors: tuple[float, float, float]
    offsets: NDArray[np.float32]

    @property
    def name(self) -> str:
        """A name that no two components of a body share."""
        return f"{self.bone} {self.number}"

    def value(self, quaternion: NDArray[np.float64]) -> float:
        """How much of it there is for a quaternion (4,) w, x, y, z."""
        w, x, y, z = (float(entry) for entry in quaternion)
        a, b, c = self.factors
        return max(0.0, a * (x * x + z * z) + b * (x * y - w * z) + c * (y * z + w * x))


def drivable(body: Body) -> bool:
    """Whether all of a body's correctives can be driven, and there are any."""
    return body.correctives is not None and _owners(body) is not None


def driven_correctives(body: Body) -> list[DrivenCorrective]:
    """A body's correctives; none where it has none, or they look at more than the direction of one limb each."""
    joints = None if body.correctives is None else _owners(body)
    if joints is None or body.correctives is None:
        return []
    result: list[DrivenCorrective] = []
    counts: dict[str, int] = {}
    shapes = body.correctives.basis.dense()
    for joint, row, shape in zip(joints, body.correctives.activation, shapes, strict=True):
        name = str(body.joint_names[joint])
        start = (joint - FIRST_JOINT) * _FEATURES
        turn = bone_turn(name)
        # the limb's direction is the joint's x axis, which is the bone's y axis or its opposite
        along = turn[0, 1] * turn.T @ row[start : start + _COLUMN].astype(np.float64)
        counts[name] = counts.get(name, 0) + 1
        factors = (float(-2.0 * along[1]), float(2.0 * along[0]), float(2.0 * along[2]))
        result.append(DrivenCorrective(name, counts[name], factors, mhr_to_blender(shape).astype(np.float32)))
    return result


def _owners(body: Body) -> list[int] | None:
    """The joint of each component; None where one has several, or uses more than the first column."""
    assert body.correctives is not None
    table = body.correctives.activation.reshape(len(body.correctives.activation), -1, _FEATURES) != 0
    used = table.any(axis=2)
    if table[..., _COLUMN:].any() or np.any(used.sum(axis=1) != 1):
        return None
    joints = (used.argmax(axis=1) + FIRST_JOINT).tolist()
    if any(abs(bone_turn(str(body.joint_names[joint]))[0, 1]) != 1.0 for joint in set(joints)):
        return None
    return joints
