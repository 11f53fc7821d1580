"""Model parameters onto an armature, and what an artist has posed back into MHR's numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import fill, take
from .channels import ChannelMap, Channels, recover_model_parameters
from .layout import bone_layout

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]


def apply_parameters(rig: bpy.types.Object, body: Body, model_parameters: ArrayLike) -> None:
    """Poses the rig by the 204 model parameters; skeleton lengths and scales are part of the pose."""
    apply_joint_parameters(rig, body, body.joint_parameters(np.asarray(model_parameters, dtype=np.float64)))


def apply_joint_parameters(rig: bpy.types.Object, body: Body, joint_parameters: ArrayLike) -> None:
    """Poses the rig by (127, 7) joint parameters (cm, radians, log2).

    Twist helpers that have drivers keep following their limbs, whatever is written here for them.
    """
    channels = ChannelMap(bone_layout(body)).channels(joint_parameters)
    bones = _pose_bones(rig, body)
    fill(bones, "location", channels.location)
    fill(bones, "rotation_euler", channels.rotation)
    fill(bones, "scale", np.repeat(channels.scale[:, None], 3, axis=1))
    rig.update_tag()


def read_joint_parameters(rig: bpy.types.Object, body: Body) -> Array:
    """The (127, 7) joint parameters of the rig as it is posed now, drivers included.

    Bones that an artist has set to another rotation mode are read through their rotation; a scale that differs
    between the axes is read as its geometric mean.
    """
    evaluated = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
    channel_map = ChannelMap(bone_layout(body))
    bones = _pose_bones(evaluated, body)
    rotation = take(bones, "rotation_euler", 3).astype(np.float64)
    for i, (bone, mode) in enumerate(zip(bones, channel_map.rotation_modes)):
        if bone.rotation_mode != mode:
            rotation[i] = bone.matrix_basis.to_euler(mode)
    return channel_map.joint_parameters(
        Channels(
            location=take(bones, "location", 3).astype(np.float64),
            rotation=rotation,
            scale=np.exp(np.log(take(bones, "scale", 3).astype(np.float64)).mean(axis=1)),
        )
    )


def read_parameters(rig: bpy.types.Object, body: Body, near: ArrayLike | None = None) -> tuple[Array, float]:
    """The 204 model parameters of the rig as it is posed now; see ``channels.recover_model_parameters``."""
    return recover_model_parameters(body, read_joint_parameters(rig, body), near)


def _pose_bones(rig: bpy.types.Object, body: Body):
    """The rig's pose bones, which stand in the order of the body's joints."""
    bones = rig.pose.bones
    if len(bones) != len(body.joint_names) or any(bone.name != name for bone, name in zip(bones, body.joint_names)):
        raise ValueError(f"the bones of '{rig.name}' are not the joints of the body '{body.name}'")
    return bones
