"""How the twist helpers of a rig know the twist of their limb: from its channels, or from where it stands.

MHR spreads the twist of an upper arm, a thigh, a forearm, a lower leg and the neck over helper joints, as shares of
one angle. While the limb is posed by its own channels that angle is one of them, and a plain driver reads it. Where
constraints hold the limb its channels say nothing; the angle is then read from the limb's rotation beneath its parent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import bpy

from native_runtime.characters.channels import ChannelMap
from native_runtime.characters.layout import bone_layout
from native_runtime.characters.wiring import Link, Wiring

from .. import compat
from .drivers import drive

if TYPE_CHECKING:
    from native_runtime.mhr import Body

#: The twist about y of a rotation Rx Rz Ry (Blender's order YZX), from its quaternion: its matrix holds cos(z) sin(y)
#: and cos(z) cos(y). It is continuous while z is within a quarter turn, where Blender's own Euler angles jump to
#: another triple as soon as that has the smaller sum.
_TWIST = "atan2(2 * (x * z + w * y), 1 - 2 * (y * y + z * z))"
_ORDER = "YZX"
_AXIS = 1


def twist_by_pose(
    rig: bpy.types.Object, body: Body, source: bpy.types.Object, known: Mapping[str, str] | None = None
) -> None:
    """Lets the twist helpers follow the limbs as they stand, constraints included. It is exact while the twist is
    within half a turn, and the middle angle of the limb within a quarter.

    Args:
        source: the armature that the rig follows.
        known: of some of MHR's bones, the bone of ``source`` whose first location is their twist, radians; for these
            there is no such limit.
    """
    known = known or {}
    modes = dict(zip((str(name) for name in body.joint_names), ChannelMap(bone_layout(body)).rotation_modes))
    first: dict[str, tuple[str, float]] = {}
    for link in _twists(body):
        factor, turned = link.terms[0]
        bone = rig.pose.bones[link.bone]
        bone.driver_remove("rotation_euler", link.axis)
        if turned.bone in known:
            path = f'pose.bones["{known[turned.bone]}"].location[0]'
            drive(source, bone, "rotation_euler", [(factor, path)], axis=link.axis)
            continue
        if turned.bone in first:  # reading the rotation once for each limb is enough
            helper, share = first[turned.bone]
            path = f'pose.bones["{helper}"].rotation_euler[{link.axis}]'
            drive(rig, bone, "rotation_euler", [(factor / share, path)], axis=link.axis)
            continue
        if modes[turned.bone] != _ORDER or turned.axis != _AXIS:
            raise ValueError(f"the twist of {turned.bone} is not its bone's first angle")
        drive_by_rotation(bone, "rotation_euler", link.axis, rig, turned.bone, f"{factor:.9g} * {_TWIST}")
        first[turned.bone] = link.bone, factor


def twist_by_channels(rig: bpy.types.Object, body: Body) -> None:
    """Lets the twist helpers follow the limbs' own channels, as a new rig's do."""
    for link in _twists(body):
        factor, source = link.terms[0]
        bone = rig.pose.bones[link.bone]
        bone.driver_remove("rotation_euler", link.axis)
        path = f'pose.bones["{source.bone}"].rotation_euler[{source.axis}]'
        drive(rig, bone, "rotation_euler", [(factor, path)], axis=link.axis)


def shown_twists(evaluated: bpy.types.Object, body: Body) -> dict[str, float]:
    """The twist of each limb that the helpers of an evaluated rig show, radians; a limb without helpers has none."""
    found: dict[str, tuple[float, float]] = {}
    for link in _twists(body):
        share, turned = link.terms[0]
        if abs(share) > abs(found.get(turned.bone, (0.0, 0.0))[0]):
            found[turned.bone] = share, float(evaluated.pose.bones[link.bone].rotation_euler[link.axis])
    return {name: angle / share for name, (share, angle) in found.items()}


def drive_by_rotation(
    owner: bpy.types.PoseBone | bpy.types.ShapeKey,
    path: str,
    axis: int,
    armature: bpy.types.Object,
    bone: str,
    expression: str,
    numbers: Mapping[str, str] | None = None,
) -> None:
    """Drives ``owner.path[axis]`` by the rotation of a bone beneath its parent, constraints included.

    Args:
        axis: -1 where the property has no axes.
        expression: a simple expression of the quaternion ``w``, ``x``, ``y``, ``z``, in the bone's own rest axes.
        numbers: further names in it, with the data paths of what they stand for on the armature.
    """
    curve: Any = owner.driver_add(path, axis)
    compat.clear_curve(curve)
    driver = curve.driver
    for name in "wxyz":
        variable = driver.variables.new()
        variable.name = name
        variable.type = "TRANSFORMS"
        target = variable.targets[0]
        target.id = armature
        target.bone_target = bone
        target.transform_type = f"ROT_{name.upper()}"
        target.transform_space = "LOCAL_SPACE"
        target.rotation_mode = "QUATERNION"
    for name, source in (numbers or {}).items():
        variable = driver.variables.new()
        variable.name = name
        variable.type = "SINGLE_PROP"
        variable.targets[0].id = armature
        variable.targets[0].data_path = source
    driver.type = "SCRIPTED"
    driver.expression = expression


def _twists(body: Body) -> list[Link]:
    """The channels that take a share of another bone's angle, and nothing else."""
    return [
        link
        for link in Wiring.of(body).links
        if link.channel == "rotation_euler" and len(link.terms) == 1 and link.terms[0][1].bone
    ]
