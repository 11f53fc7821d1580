"""Motion as channels of objects: the curves of an action before there is one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.animation.continuity import continuous_angles, continuous_quaternions
from native_runtime.characters.controls.making import control_plan
from native_runtime.characters.controls.pose import ControlPose, control_channels
from native_runtime.characters.rig_map import RigMap

from ..rig.control_pose import switches_of
from ..rig.properties import slider_path, units_of

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

#: m; how far the farthest point lies from a joint that carries little, and from the joints of mechanism.
_LEAST_REACH, _USUAL_REACH = 0.05, 0.3
_PER_SLIDER = 0.02
#: How the names of bones of mechanism begin, whose angles are read one by one.
MECHANISM = "MCH-"


@dataclass(frozen=True)
class Channel:
    """A number of an object over time.

    Attributes:
        path, index: of the property on its object; index 0 where it has no axes.
        values: (W,) on one frame after the other.
        rest: what it is where nobody sets it.
        reach: m by which a point of the character moves, about, for one unit.
        group: in which it is listed.
    """

    path: str
    index: int
    values: Array
    rest: float = 0.0
    reach: float = 1.0
    group: str = ""


def rig_channels(rig: bpy.types.Object, body: Body, joints: Array) -> list[Channel]:
    """The channels of a character's own bones for (W, J, 7) joint parameters; what drivers set is left out."""
    rig_map = RigMap.of(body)
    each = [rig_map.channels.channels(pose) for pose in joints]
    locations, rotations = np.stack([c.location for c in each]), np.stack([c.rotation for c in each])
    scales = np.stack([c.scale for c in each])
    reaches = reach_of(body)
    found = []
    for number, name in enumerate(rig_map.layout.names):
        path = rig.pose.bones[name].path_from_id()
        found += _three(f"{path}.location", locations[:, number], name)
        found += _three(f"{path}.rotation_euler", rotations[:, number], name, reach=reaches[number])
        found += _three(f"{path}.scale", np.repeat(scales[:, number, None], 3, axis=1), name, rest=1.0)
    return list(_undriven(rig, found))


def controls_channels(controls: bpy.types.Object, body: Body, joints: Array) -> list[Channel]:
    """The channels of a character's controls, FK and IK, for (W, J, 7) joint parameters.

    The switches are left as they are; what controls follow is reckoned with.
    """
    switches = switches_of(controls, body)
    poses = [control_channels(body, pose, switches) for pose in joints]
    joint_of = {bone.name: bone.joint for bone in control_plan(body).bones}
    reaches = dict(zip((str(name) for name in body.joint_names), reach_of(body).tolist()))
    turning = {
        bone.name: bone.rotation_mode
        for bone in controls.pose.bones
        if bone.name in poses[0].euler and bone.rotation_mode not in ("QUATERNION", "AXIS_ANGLE")
    }
    steady = _continuous(poses, {name: mode for name, mode in turning.items() if not name.startswith(MECHANISM)})
    found: list[Channel] = []
    for bone in controls.pose.bones:
        name, path = bone.name, bone.path_from_id()
        reach = reaches.get(joint_of.get(name, ""), _USUAL_REACH)
        if name in poses[0].location:
            found += _three(f"{path}.location", np.stack([pose.location[name] for pose in poses]), name)
        if name in turning:
            angles = steady[name] if name in steady else np.stack([pose.euler[name] for pose in poses])
            found += _three(f"{path}.rotation_euler", angles, name, reach=reach)
        if name in poses[0].quaternion and bone.rotation_mode == "QUATERNION":
            turns = continuous_quaternions(np.stack([pose.quaternion[name] for pose in poses]))
            rests = (1.0, 0.0, 0.0, 0.0)
            found += [Channel(f"{path}.rotation_quaternion", i, turns[:, i], rests[i], reach, name) for i in range(4)]
        if name in poses[0].scale:
            sizes = np.array([pose.scale[name] for pose in poses])
            found += _three(f"{path}.scale", np.repeat(sizes[:, None], 3, axis=1), name, rest=1.0)
    return list(_undriven(controls, found))


def slider_channels(rig: bpy.types.Object, body: Body, parameters: Array, expression: Array) -> list[Channel]:
    """The sliders of a character: of the skeleton, whose flexible lengths may change over a take, and of the face.

    Args:
        parameters: (W, 204) model parameters; expression: (W, n_ex) coefficients.
    """
    rig_map = RigMap.of(body)
    found = []
    for slider in rig_map.section("skeleton"):
        values = parameters[:, slider.index] * units_of(rig, slider)
        # what does not change is the person's, not the motion's: it gets no key
        found.append(Channel(slider_path(slider.key), 0, values, float(values[0]), _PER_SLIDER, "Skeleton"))
    for number, slider in enumerate(rig_map.section("expression")):
        values = expression[:, number] * units_of(rig, slider)
        found.append(Channel(slider_path(slider.key), 0, values, 0.0, _PER_SLIDER, "Face"))
    return found


def reach_of(body: Body) -> Array:
    """(J,) m, how far the farthest joint beneath each lies from it in the rest pose."""
    places = body.skeleton.rest.translations
    beneath = body.skeleton.descends_from
    away = np.linalg.norm(places[:, None] - places[None], axis=-1) / 100.0
    return np.asarray(np.maximum(np.where(beneath, away, 0.0).max(axis=0), _LEAST_REACH))


def _three(path: str, values: Array, group: str, rest: float = 0.0, reach: float = 1.0) -> list[Channel]:
    return [Channel(path, axis, values[:, axis], rest, reach, group) for axis in range(3)]


def _continuous(poses: Sequence[ControlPose], modes: Mapping[str, str]) -> dict[str, Array]:
    """Angles (W, 3) of bones about x, y, z without jumps, by Blender's rotation modes of the bones."""
    found: dict[str, Array] = {}
    for mode in set(modes.values()):
        names = [name for name, own in modes.items() if own == mode]
        order = ["XYZ".index(letter) for letter in mode]
        angles = np.stack([np.stack([pose.euler[name] for name in names]) for pose in poses])
        steady = np.empty_like(angles)
        steady[..., order] = continuous_angles(angles[..., order])
        found |= {name: steady[:, number] for number, name in enumerate(names)}
    return found


def _undriven(owner: bpy.types.Object, channels: Iterable[Channel]) -> Iterator[Channel]:
    animation: Any = owner.animation_data
    driven = set() if animation is None else {(c.data_path, c.array_index) for c in animation.drivers}
    return (channel for channel in channels if (channel.path, channel.index) not in driven)
