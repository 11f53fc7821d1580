"""The exported skeleton: a target's bones, where they rest, how they are posed, whose joints they carry; without
Blender.

Joints that the target has no bone for are folded into one that is there. A folded bone cannot move as all of its
joints do; it turns as fits best the surface that these joints carry (Kabsch's algorithm on the skin's moments), and so
that it points at the bones which hang on it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr.rotations import nearest_rotation
from native_runtime.retarget.maps import MHR, MappedBone, RetargetMap

from .rest import Joints

Array = NDArray[np.float64]

_HELPER = "_proc"
#: Two joints lie in the ankle: the upper one twists with the shin, the lower one turns the foot.
_ANKLE = {"l_foot": "l_talocrural", "r_foot": "r_talocrural"}
#: The joint that says where a character stands.
WORLD = "body_world"
#: Their axes stand as the character does, whatever hangs on them.
UPRIGHT = frozenset({WORLD, "root"})
#: How much a bone's children count against the surface that it carries, when its turn is fitted.
_CHILDREN_SHARE = 10.0
_SAME_TURN = 1e-6
#: A bone that is posed farther than this (m) from where its parent carries it is loose.
_LOOSE = 1e-6
_HAIR = 1e-4
#: A child lies ahead of its bone when it is within 60 degrees of the bone's own axis.
_AHEAD = 0.5
_MIN_LENGTH = 1e-3
#: The length of a bone that nothing hangs on, as a part of its parent's.
_LEAF_LENGTH = 0.4


@dataclass(frozen=True)
class ExportSkeleton:
    """The bones of an export (B), in the axes and units of the joints that it was made of.

    Attributes:
        names: as they are written; a parent stands before its children.
        parents: (B,) -1 for the first.
        rest: (B, 4, 4) rigid: head and axes at rest; y points along the bone.
        pose: (B, 4, 4) rigid: the same when posed.
        frames: (F, B, 4, 4) rigid: the same at each frame of an animation.
        lengths: (B,)
        owners: (N,) the bone that carries the skin of each joint.
    """

    names: tuple[str, ...]
    parents: NDArray[np.intp]
    rest: Array
    pose: Array
    frames: Array
    lengths: Array
    owners: NDArray[np.intp]

    @property
    def motion(self) -> Array:
        """(B, 4, 4) from rest to pose: what moves the skin."""
        return self.pose @ np.linalg.inv(self.rest)

    def turned(self, turn: Array, scale: float) -> ExportSkeleton:
        """The same in other axes, by a rotation (3, 3), and another unit."""
        rest, pose, frames = self.rest.copy(), self.pose.copy(), self.frames.copy()
        for matrices in (rest, pose, frames):
            matrices[..., :3, :] = turn @ matrices[..., :3, :]
            matrices[..., :3, 3] *= scale
        return replace(self, rest=rest, pose=pose, frames=frames, lengths=self.lengths * scale)

    def only_turning(self) -> ExportSkeleton:
        """The same where all bones but the first keep the places at which they hang on their parents.

        Where but one bone hangs on the first, the hips on a bone on the floor, the first moves as brings them to their
        place.
        """
        pose, frames = self.pose.copy(), self.frames.copy()
        hips = np.flatnonzero(self.parents == 0)
        for matrices in (pose[None], frames):
            if len(hips) == 1:
                carried = matrices[:, 0] @ np.linalg.inv(self.rest[0]) @ self.rest[hips[0]]
                matrices[:, 0, :3, 3] += matrices[:, hips[0], :3, 3] - carried[:, :3, 3]
            for b, parent in enumerate(self.parents.tolist()):
                if parent >= 0:
                    moved = matrices[:, parent] @ np.linalg.inv(self.rest[parent]) @ self.rest[b]
                    matrices[:, b, :3, 3] = moved[:, :3, 3]
        return replace(self, pose=pose, frames=frames)


def export_skeleton(
    joints: Joints,
    rest: Array,
    pose: Array,
    frames: Array,
    points: Array,
    weights: Array,
    retarget: RetargetMap,
    twist: str,
) -> ExportSkeleton:
    """A target's skeleton for a character.

    Args:
        rest, pose: (N, 4, 4) the joints' matrices in the rest pose of the export and as posed; scales may differ from 1
            but not between the two.
        frames: (F, N, 4, 4) the same at each frame of an animation.
        points: (V, 3) the skin in the rest pose.
        weights: (V, N) of the joints.
        twist: ``keep`` or ``fold``.
    """
    bones = _chosen_bones(joints, retarget, twist)
    parents = _parents(bones)
    turning = _turning_joints(joints, bones)
    owners = _owners(joints, bones, turning, rest)

    poses = np.concatenate([pose[None], frames])
    heads, posed_heads = _heads(joints, bones, rest, poses)
    if retarget.name != MHR:
        _ground(bones, heads, posed_heads)
    fit = _Fit(rest, points, weights)
    turns = np.stack(
        [fit.turns(bones, parents, turning, owners, heads, places, at) for at, places in zip(poses, posed_heads)]
    )
    axes = np.stack([nearest_rotation(rest[joint, :3, :3]) for joint in turning])
    lengths = joints.lengths[turning] * np.linalg.norm(rest[turning, :3, 1], axis=1)
    if retarget.name != MHR:
        carried = posed_heads[:, parents] + np.einsum("fbij,bj->fbi", turns[:, parents], heads - heads[parents])
        loose = (np.linalg.norm(posed_heads - carried, axis=2) > _LOOSE).any(axis=0)
        _aim(axes, lengths, heads, parents, bones, loose)

    placed = np.tile(np.eye(4), (1 + len(poses), len(bones), 1, 1))
    placed[0, :, :3, :3], placed[1:, :, :3, :3] = axes, turns @ axes
    placed[0, :, :3, 3], placed[1:, :, :3, 3] = heads, posed_heads
    names = tuple(retarget.full_name(bone.bone) if bone.bone in retarget.by_name else bone.bone for bone in bones)
    return ExportSkeleton(names, parents, placed[0], placed[1], placed[2:], np.maximum(lengths, _MIN_LENGTH), owners)


def _chosen_bones(joints: Joints, retarget: RetargetMap, twist: str) -> list[MappedBone]:
    """The target's bones, less its twist bones where they are folded; where they are kept, and the target has none for
    a limb, MHR's own under their own names.
    """
    bones = list(retarget.bones)
    if twist == "fold":
        carried = {bone.parent for bone in bones}
        return [bone for bone in bones if bone.bone in carried or not bone.joint.endswith(_HELPER)]
    named = {bone.joint: bone.bone for bone in reversed(bones) if bone.stands_for_joint}
    above = {name: joints.names[parent] for name, parent in zip(joints.names, joints.parents) if parent >= 0}
    served = {above[joint] for joint in named if joint.endswith(_HELPER)}
    for name in joints.names:
        if name.endswith(_HELPER) and name not in named and above[name] in named and above[name] not in served:
            bones.append(MappedBone(bone=name, joint=name, parent=named[above[name]]))
    return bones


def _parents(bones: list[MappedBone]) -> NDArray[np.intp]:
    index = {bone.bone: i for i, bone in enumerate(bones)}
    return np.array([-1 if bone.parent is None else index[bone.parent] for bone in bones])


def _turning_joints(joints: Joints, bones: list[MappedBone]) -> NDArray[np.intp]:
    """(B,) the joint that each bone turns with: its own, but below the ankle's upper joint the lower one."""
    mapped = {bone.joint for bone in bones}
    below = {joint: lower for joint, lower in _ANKLE.items() if lower not in mapped}
    return np.array([joints.index(below.get(bone.joint, bone.joint)) for bone in bones])


def _heads(joints: Joints, bones: list[MappedBone], rest: Array, poses: Array) -> tuple[Array, Array]:
    """Where the bones begin at rest (B, 3) and in each of some poses (P, B, 3); what lies between joints moves with the
    first of them.
    """
    stands = np.array([joints.index(bone.joint) for bone in bones])
    heads, posed = rest[stands][:, :3, 3].copy(), poses[:, stands][:, :, :3, 3].copy()
    for b, bone in enumerate(bones):
        if bone.toward is not None:
            offset = bone.along * (rest[joints.index(bone.toward), :3, 3] - heads[b])
            posed[:, b] += (poses[:, stands[b]] @ np.linalg.inv(rest[stands[b]]))[:, :3, :3] @ offset
            heads[b] += offset
    return heads, posed


def _ground(bones: list[MappedBone], heads: Array, posed: Array) -> None:
    """Puts the bone that says where a character stands onto the floor: MHR's own stands where its figure began."""
    for b, bone in enumerate(bones):
        if bone.joint == WORLD:
            heads[b, 2] = posed[:, b, 2] = 0.0


def _owners(joints: Joints, bones: list[MappedBone], turning: NDArray[np.intp], rest: Array) -> NDArray[np.intp]:
    """(N,) the bone that each joint's skin goes to: its own, else, for a twist helper, the nearest of its limb's, else
    the one of the joint above.
    """
    own = {joints.names[turning[i]]: i for i in range(len(bones) - 1, -1, -1) if bones[i].stands_for_joint}
    owners = np.zeros(len(joints.names), dtype=np.intp)
    for k, (name, parent) in enumerate(zip(joints.names, joints.parents)):
        if name in own:
            owners[k] = own[name]
        elif parent >= 0:
            owners[k] = owners[parent]
            if name.endswith(_HELPER) and joints.names[parent] in own:
                limb = [parent, *(i for i in range(len(joints.names)) if joints.parents[i] == parent)]
                near = [
                    i for i in limb if joints.names[i] in own and (i == parent or joints.names[i].endswith(_HELPER))
                ]
                away = np.linalg.norm(rest[near, :3, 3] - rest[k, :3, 3], axis=1)
                owners[k] = own[joints.names[near[int(away.argmin())]]]
    return owners


class _Fit:
    """How folded bones turn: moments of the skin that each joint carries, and the rotations that fit them."""

    def __init__(self, rest: Array, points: Array, weights: Array) -> None:
        self.unrest = np.linalg.inv(rest)
        self.mass = weights.sum(axis=0)
        self.first = weights.T @ points
        products = (points[:, :, None] * points[:, None, :]).reshape(-1, 9)
        self.second = (weights.T @ products).reshape(-1, 3, 3)

    def turns(
        self,
        bones: list[MappedBone],
        parents: NDArray[np.intp],
        turning: NDArray[np.intp],
        owners: NDArray[np.intp],
        rest_heads: Array,
        pose_heads: Array,
        pose: Array,
    ) -> Array:
        """(B, 3, 3) from rest to a pose (N, 4, 4) of the joints."""
        motion = pose @ self.unrest
        turns_of_joints = np.stack([nearest_rotation(matrix[:3, :3]) for matrix in motion])
        turns = turns_of_joints[turning]
        for b in range(len(bones)):
            carried: NDArray[np.intp] = np.flatnonzero((owners == b) & (self.mass > 0))
            if all(np.abs(turns_of_joints[k] - turns[b]).max() < _SAME_TURN for k in carried):
                continue
            spread = np.sum([self._spread(k, motion[k], rest_heads[b], pose_heads[b]) for k in carried], axis=0)
            children = [c for c in np.flatnonzero(parents == b) if not bones[c].joint.endswith(_HELPER)]
            for c in children:
                share = _CHILDREN_SHARE * float(self.mass[carried].sum()) / len(children)
                spread = spread + share * np.outer(pose_heads[c] - pose_heads[b], rest_heads[c] - rest_heads[b])
            turns[b] = nearest_rotation(spread)
        return turns

    def _spread(self, joint: int, motion: Array, rest_head: Array, pose_head: Array) -> Array:
        """The joint's skin, posed against at rest, both as seen from the bone's head: a sum of outer products."""
        linear, shift = motion[:3, :3], motion[:3, 3] - pose_head
        first = self.first[joint]
        return linear @ (self.second[joint] - np.outer(first, rest_head)) + np.outer(
            shift, first - self.mass[joint] * rest_head
        )


def _aim(
    axes: Array,
    lengths: Array,
    heads: Array,
    parents: NDArray[np.intp],
    bones: list[MappedBone],
    loose: NDArray[np.bool_],
) -> None:
    """Lets bones (B) point at the bone that carries them on, and keeps their roll; changes axes and lengths.

    Args:
        loose: (B,) bones that leave the end of their parents when posed. Blender's FBX importer would glue them
            there if they lay on their parents' axes exactly, so these miss them by a hair.
    """
    for b, bone in enumerate(bones):
        children = [c for c in np.flatnonzero(parents == b) if not bones[c].joint.endswith(_HELPER)]
        if bone.joint in UPRIGHT:
            if loose[children].any():
                along = axes[b, :, 1] + _HAIR * axes[b, :, 0]
                axes[b] = _pointing(along / np.linalg.norm(along), axes[b])
            continue
        offsets = (heads[children] - heads[b]).reshape(-1, 3)
        reach = np.maximum(np.linalg.norm(offsets, axis=1), _MIN_LENGTH)
        ahead = offsets @ axes[b, :, 1] / reach
        if len(children) == 1 or ahead.max(initial=0.0) > _AHEAD:
            best = int(ahead.argmax())
            if reach[best] > _MIN_LENGTH:
                along = offsets[best] / reach[best] + (_HAIR * axes[b, :, 0] if loose[children[best]] else 0.0)
                axes[b], lengths[b] = _pointing(along / np.linalg.norm(along), axes[b]), reach[best]
        elif not children and not bone.stands_for_joint:
            axes[b], lengths[b] = axes[parents[b]], _LEAF_LENGTH * lengths[parents[b]]


def _pointing(along: Array, axes: Array) -> Array:
    """Axes (3, 3) as columns whose y is a given direction, and whose z is as near to the one before as can be."""
    across = np.cross(along, axes[:, 2])
    if np.linalg.norm(across) < 0.1:  # z would lie along the bone: x decides
        across = axes[:, 0] - (axes[:, 0] @ along) * along
    across /= np.linalg.norm(across)
    return np.stack([across, along, np.cross(across, along)], axis=1)
