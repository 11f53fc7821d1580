"""Skeletons of other makes, for tests: MHR's joints under other names, in other rest poses, rolled at random."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body
from native_runtime.mhr.rotations import frame, quaternion_to_matrix, rotation_about, unit
from native_runtime.retarget.maps import load_map
from native_runtime.retarget.skeletons import SourcePose, TargetSkeleton

if TYPE_CHECKING:
    import bpy

BLENDER = np.eye(3)
#: Blender's axes -> Y up, facing +Z, as FBX and glTF skeletons often are.
Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


def stretched_arms(body: Body) -> NDArray[np.float64]:
    """Model parameters (204,) of a T: straight arms to the sides."""
    parameters = np.zeros(len(body.parameter_names))
    for side in "lr":
        parameters[body.parameter_index(f"{side}_uparm_ry")] = 0.545
        parameters[body.parameter_index(f"{side}_uparm_rz")] = -0.1
        parameters[body.parameter_index(f"{side}_elbow_bend")] = -0.71
    return parameters


def bone_names(map_name: str, prefix: str = "") -> dict[str, str]:
    """MHR joint -> bone of a map."""
    return {entry.joint: prefix + entry.bone for entry in reversed(load_map(map_name).bones) if entry.stands_for_joint}


def relaid(
    body: Body,
    joint_parameters: NDArray,
    names: Mapping[str, str],
    rng: np.random.Generator | None = None,
    wild: bool = False,
    scale: float = 1.0,
    axes: NDArray = BLENDER,
) -> TargetSkeleton:
    """A skeleton with a bone for each named joint, at rest where the body's joints are under these parameters.

    Args:
        names: MHR joint -> bone.
        rng: rolls each bone about itself at random; without it they are rolled alike on both sides.
        wild: with ``rng``: bones do not even lie along their limbs.
        scale: units a metre.
        axes: (3, 3) from Blender's axes to the skeleton's.
    """
    source = SourcePose.of(body, joint_parameters)
    joints = [joint for joint in source.names if joint in names]
    parents = [_parent(source, joint, joints) for joint in joints]
    heads = source.posed[[source.index[joint] for joint in joints]]
    rest = np.tile(np.eye(4), (len(joints), 1, 1))
    lengths = np.full(len(joints), 0.03)
    for i, joint in enumerate(joints):
        children = [k for k, parent in enumerate(parents) if parent == i]
        reach = heads[children].mean(axis=0) - heads[i] if len(children) else _beyond(source, joint)
        along = unit(reach)
        along = np.array([0.0, 0.0, 1.0]) if along is None else along
        lengths[i] = max(float(np.linalg.norm(reach)), 0.01)
        across = frame(along, np.array([0.0, 1.0, 0.1]))
        assert across is not None
        turn = np.column_stack([across[:, 2], across[:, 0], across[:, 1]])
        if rng is not None:
            turn = (
                quaternion_to_matrix(rng.normal(size=4))
                if wild
                else rotation_about(along, rng.uniform(-np.pi, np.pi)) @ turn
            )
        rest[i, :3, :3] = axes @ turn
        rest[i, :3, 3] = axes @ heads[i] * scale
    return TargetSkeleton(tuple(names[joint] for joint in joints), np.array(parents, np.int32), rest, lengths * scale)


def _parent(source: SourcePose, joint: str, joints: list[str]) -> int:
    above = int(source.parents[source.index[joint]])
    while above >= 0 and source.names[above] not in joints:
        above = int(source.parents[above])
    return joints.index(source.names[above]) if above >= 0 else -1


def _beyond(source: SourcePose, joint: str) -> NDArray[np.float64]:
    """Where a bone without children reaches: to the joint's own child, or on along its parent's limb."""
    here = source.index[joint]
    children = np.flatnonzero(source.parents == here)
    if len(children):
        return source.posed[children[-1]] - source.posed[here]
    return (source.posed[here] - source.posed[source.parents[here]]) * 0.5


def build_armature(skeleton: TargetSkeleton, name: str = "Target") -> bpy.types.Object:
    """The skeleton as an armature object in the open scene."""
    import bpy
    from mathutils import Matrix

    rig = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    made = []
    for i, bone_name in enumerate(skeleton.names):
        bone = rig.data.edit_bones.new(bone_name)
        bone.tail = (0.0, float(skeleton.lengths[i]), 0.0)
        bone.matrix = Matrix(skeleton.rest[i].tolist())
        if skeleton.parents[i] >= 0:
            bone.parent = made[skeleton.parents[i]]
        made.append(bone)
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig
