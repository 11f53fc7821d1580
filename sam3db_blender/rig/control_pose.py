"""A pose onto the control rig that a character follows, and the properties of control rigs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import ArrayLike, NDArray

from native_runtime.characters.controls.making import control_plan
from native_runtime.characters.controls.plan import POSED_SINCE, VERSION
from native_runtime.characters.controls.pose import ControlPose, control_channels, from_euler, nearest_euler
from native_runtime.errors import Sam3dbError

from .followed import followed
from .turning import set_rotation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from native_runtime.mhr import Body

Array = NDArray[np.float64]

#: The custom property of an object that is one of our control rigs: the version of its make.
CONTROLS = "sam3db_controls"
#: Missing bones that an error names.
_NAMED = 6


def controls_of(rig: bpy.types.Object) -> bpy.types.Object | None:
    """The control rig that a character follows; None where it has none, or follows another armature."""
    armature = followed(rig)
    return armature if armature is not None and armature.get(CONTROLS) else None


def version_of(controls: bpy.types.Object) -> int:
    """The version of a control rig, see ``plan.VERSION``."""
    return int(controls.get(CONTROLS, 0))


def require_posable(controls: bpy.types.Object) -> None:
    """Raises a Sam3dbError where this program does not know what the channels of a control rig mean."""
    version = version_of(controls)
    if version > VERSION:
        raise Sam3dbError(
            f"A newer version of the extension made '{controls.name}' (controls of version {version}, here they end at "
            f"{VERSION}): update the extension. Nothing was changed."
        )
    if version < POSED_SINCE:
        raise Sam3dbError(
            f"An earlier version of the extension made '{controls.name}': press Update Controls in the panel Controls."
        )


def require_bones(controls: bpy.types.Object, names: Iterable[str]) -> None:
    """Raises a Sam3dbError where bones of a control rig were deleted."""
    missing = [name for name in names if name not in controls.pose.bones]
    if missing:
        shown = ", ".join(missing[:_NAMED]) + (f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else "")
        raise Sam3dbError(
            f"'{controls.name}' has lost {shown}: press Remove Controls, then Add Controls. Nothing was changed."
        )


def switches_of(controls: bpy.types.Object, body: Body) -> dict[str, float]:
    """The values of a control rig's properties."""
    return {switch.name: float(controls.get(switch.name, switch.value)) for switch in control_plan(body).switches}


def set_controls(
    controls: bpy.types.Object, body: Body, joint_parameters: ArrayLike, only: Iterable[str] | None = None
) -> None:
    """Sets the controls, FK and IK, so that they show a pose.

    Args:
        joint_parameters: (J, 7) cm, radians, log2.
        only: the names of the bones to set; all where it is not given.

    Raises:
        Sam3dbError: another version of the program made them, and their channels mean something else.
    """
    require_posable(controls)
    write_channels(controls, control_channels(body, joint_parameters, switches_of(controls, body)), only)


def write_channels(controls: bpy.types.Object, pose: ControlPose, only: Iterable[str] | None = None) -> None:
    """Writes channels of controls; bones that an artist removed are passed over.

    Of the angles that give the same rotation those nearest to the present ones are taken, so that curves do not jump,
    but where the angles themselves matter. A control that an artist gave another rotation mode keeps it.
    """
    wanted = None if only is None else set(only)
    bones = {bone.name: bone for bone in controls.pose.bones if wanted is None or bone.name in wanted}
    for name, place in pose.location.items():
        if name in bones:
            bones[name].location = place.tolist()
    for name, angles in pose.euler.items():
        if name in bones:
            bone = bones[name]
            mode = pose.modes[name]
            if bone.rotation_mode != mode:
                set_rotation(bone, Matrix(from_euler(angles, mode).tolist()).to_quaternion())
                continue
            present: Any = bone.rotation_euler
            wanted_angles = angles if name in pose.exact else nearest_euler(angles, mode, list(present))
            bone.rotation_euler = wanted_angles.tolist()
    for name, turn in pose.quaternion.items():
        if name in bones:
            bone = bones[name]
            sign = -1.0 if float(turn @ np.array(bone.rotation_quaternion)) < 0 else 1.0
            bone.rotation_quaternion = (sign * turn).tolist()
    for name, size in pose.scale.items():
        if name in bones:
            bones[name].scale = (size, size, size)
    controls.update_tag()
