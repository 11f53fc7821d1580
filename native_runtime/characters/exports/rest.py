"""The rest poses that other programs expect, at the person's own proportions, without Blender.

MHR rests with its arms some way down and bent a little at the elbow. A T or an A pose is that, with every bone turned
back to rest and the arms laid along a straight line, palms down.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr.rotations import rotation_about, rotation_between, signed_angle

Array = NDArray[np.float64]

#: How far below the horizontal the arms point, radians.
ARM_ANGLES = {"t": 0.0, "a": np.pi / 4}

#: Their location is where the person stands, not how the person is built.
_PLACED = frozenset({"body_world", "root"})
_FRONT: Array = np.array([0.0, -1.0, 0.0])


@dataclass(frozen=True)
class Joints:
    """The bones of a character's rig, in its armature's space (m, Blender axes; the character faces -y, its left is
    +x).

    Attributes:
        names: a parent stands before its children.
        parents: (N,) -1 where there is none.
        bind: (N, 4, 4) the armature's own rest matrices, rigid, to which the mesh is bound.
        pose: (N, 4, 4) where the bones are now, scale included.
        lengths: (N,) of the armature's bones, m.
    """

    names: tuple[str, ...]
    parents: NDArray[np.intp]
    bind: Array
    pose: Array
    lengths: Array

    def index(self, name: str) -> int:
        """The number of a bone.

        Raises:
            ValueError: there is none of that name.
        """
        return self.names.index(name)

    def below(self, joint: int) -> NDArray[np.bool_]:
        """(N,) the bone and all that hang on it."""
        inside = np.zeros(len(self.names), dtype=bool)
        inside[joint] = True
        for i, parent in enumerate(self.parents):
            inside[i] |= parent >= 0 and inside[parent]
        return inside


def local_motion(joints: Joints) -> Array:
    """(N, 4, 4) how each bone has moved from its rest place beneath its parent, own rest axes."""
    bind, pose = joints.bind.copy(), joints.pose.copy()
    hanging = joints.parents >= 0
    above = joints.parents[hanging]
    bind[hanging] = np.linalg.inv(joints.bind[above]) @ joints.bind[hanging]
    pose[hanging] = np.linalg.inv(joints.pose[above]) @ joints.pose[hanging]
    return np.linalg.inv(bind) @ pose


def rest_pose(joints: Joints, kind: str) -> Array:
    """(N, 4, 4) the bones in a T (``t``) or A pose (``a``), scale included, armature space.

    Lengths, offsets and sizes are those of the pose; turns are taken back, and so is where the person stands.
    """
    matrices = _unturned(joints)
    for side, sign in (("l", 1.0), ("r", -1.0)):
        angle = ARM_ANGLES[kind]
        _straighten_arm(joints, matrices, side, np.array([sign * np.cos(angle), 0.0, -np.sin(angle)]))
    return matrices


def _unturned(joints: Joints) -> Array:
    motion = local_motion(joints)
    kept = np.tile(np.eye(4), (len(motion), 1, 1))
    sizes = np.cbrt(np.maximum(np.linalg.det(motion[:, :3, :3]), 1e-12))
    kept[:, :3, :3] *= sizes[:, None, None]
    kept[:, :3, 3] = motion[:, :3, 3]
    kept[[name in _PLACED for name in joints.names], :3, 3] = 0.0
    matrices = np.empty_like(joints.bind)
    for i, parent in enumerate(joints.parents):
        local = joints.bind[i] if parent < 0 else np.linalg.inv(joints.bind[parent]) @ joints.bind[i]
        matrices[i] = local @ kept[i] if parent < 0 else matrices[parent] @ local @ kept[i]
    return matrices


def _straighten_arm(joints: Joints, matrices: Array, side: str, direction: Array) -> None:
    """Lays upper arm, forearm and hand along a direction and rolls the hand until the palm faces down."""
    chain = [joints.index(f"{side}_{part}") for part in ("uparm", "lowarm", "wrist", "middle1")]
    for joint, following in pairwise(chain):
        along = matrices[following, :3, 3] - matrices[joint, :3, 3]
        _turn(matrices, joints.below(joint), matrices[joint, :3, 3], rotation_between(along, direction))

    across = matrices[joints.index(f"{side}_index1"), :3, 3] - matrices[joints.index(f"{side}_pinky1"), :3, 3]
    _roll_forearm(joints, matrices, side, direction, signed_angle(direction, across, _FRONT))


def _roll_forearm(joints: Joints, matrices: Array, side: str, direction: Array, roll: float) -> None:
    """Rolls the hand about the forearm; the helpers along it take the part of the roll that their place says."""
    elbow, hand = joints.index(f"{side}_lowarm"), joints.index(f"{side}_wrist")
    carrier = int(joints.parents[hand]) if joints.parents[hand] != elbow else hand
    start, end = matrices[elbow, :3, 3].copy(), matrices[hand, :3, 3].copy()
    _turn(matrices, joints.below(carrier), end, rotation_about(direction, roll))
    for joint in np.flatnonzero(joints.parents == elbow).tolist():
        if joint != carrier:
            part = float((matrices[joint, :3, 3] - start) @ direction / np.linalg.norm(end - start))
            _turn(
                matrices, joints.below(joint), start, rotation_about(direction, float(np.clip(part, 0.0, 1.0)) * roll)
            )


def _turn(matrices: Array, which: NDArray[np.bool_], pivot: Array, rotation: Array) -> None:
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = rotation, pivot - rotation @ pivot
    matrices[which] = motion @ matrices[which]
