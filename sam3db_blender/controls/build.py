"""Making a control rig from its plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from native_runtime.characters.controls.making import control_plan
from native_runtime.characters.controls.plan import VERSION, ControlBone, ControlPlan, Drive, Switch, Tie, Variable
from native_runtime.characters.rig_map import RigMap
from native_runtime.errors import Sam3dbError

from .. import compat
from ..rig import resting
from ..rig.armature import add_bones
from ..rig.control_pose import CONTROLS, controls_of, set_controls
from ..rig.followed import followed
from ..rig.pose import read_joint_parameters
from ..rig.properties import slider_path, units_of
from .baking import joints_over, key_controls, key_rig, posed_frames, settings_over
from .following import follow, require_free, unfollow
from .shapes import dress, hide_bones, remove_shapes, show_bones

if TYPE_CHECKING:
    from native_runtime.characters.sliders import Slider
    from native_runtime.mhr import Body


def build_controls(rig: bpy.types.Object, body: Body) -> bpy.types.Object:
    """Gives a character controls, in the pose in which it stands; the rig's bones follow them. An action that poses the
    bones is keyed on the controls, on each of its frames.

    Raises:
        Sam3dbError: it has some already, or its bones lie in another file.
    """
    require_own_bones(rig)
    require_free(rig)
    if resting.is_resting(rig):
        resting.wake(rig)
    plan = control_plan(body)
    joints, played = read_joint_parameters(rig, body), joints_over(rig, body, posed_frames(rig))
    controls = _build(rig, plan, sliders_of(body))
    dress(controls, body, plan.names)
    set_controls(controls, body, joints)
    follow(rig, body, controls, plan.follow, plan.twists)
    key_controls(controls, body, played)
    hide_bones(rig)
    return controls


def remove_controls(rig: bpy.types.Object, body: Body) -> None:
    """Takes a character's controls away; the pose stays, and what an action or the NLA of the controls plays is keyed
    on the rig's own bones, on each of its frames. Controls that a copy of the character follows as well stay with that.

    Raises:
        Sam3dbError: the bones of the character lie in another file.
    """
    controls = controls_of(rig)
    if controls is None:
        return
    require_own_bones(rig)
    if resting.is_resting(rig):
        resting.wake(rig)
    played = settings_over(rig, body, posed_frames(controls))
    unfollow(rig, body)
    key_rig(rig, body, played)
    others = (obj for obj in bpy.data.objects if obj.type == "ARMATURE")
    if not any(followed(other) == controls for other in others):
        data: Any = controls.data
        bpy.data.objects.remove(controls)
        if not data.users:
            bpy.data.armatures.remove(data)
    show_bones(rig)
    remove_shapes()


def require_own_bones(rig: bpy.types.Object) -> None:
    """Raises a Sam3dbError where a character is linked or overridden: constraints that another file has cannot be taken
    away for good, they would be back when this file is opened again.
    """
    if rig.library or rig.override_library:
        raise Sam3dbError(
            f"The bones of '{rig.name}' lie in another file: add and remove its controls there; here it can be posed."
        )


def _build(rig: bpy.types.Object, plan: ControlPlan, sliders: dict[int, Slider]) -> bpy.types.Object:
    stem = rig.name.removesuffix(" Rig")
    data = bpy.data.armatures.new(f"{stem} Controls")
    controls = bpy.data.objects.new(f"{stem} Controls", data)
    for collection in rig.users_collection:
        collection.objects.link(controls)
    controls.parent = rig
    controls.show_in_front = True
    controls[CONTROLS] = VERSION
    controls.lock_location = controls.lock_rotation = controls.lock_scale = (True, True, True)
    complete(controls, rig, plan, sliders)
    return controls


def sliders_of(body: Body) -> dict[int, Slider]:
    """The sliders that control rigs follow, by their parameters."""
    return {slider.index: slider for slider in RigMap.of(body).section("pose", "skeleton")}


def complete(
    controls: bpy.types.Object, rig: bpy.types.Object, plan: ControlPlan, sliders: dict[int, Slider]
) -> tuple[str, ...]:
    """Gives a control rig all of a plan that it does not have: bones, properties and constraints. Drivers are made
    again. What else it has stays.

    Returns:
        The names of the new bones.
    """
    present: Any = controls.data
    new = tuple(name for name in plan.names if name not in present.bones)
    add_bones(controls, plan)
    for switch in plan.switches:
        if controls.get(switch.name) is None:
            _add_switch(controls, switch)
    for bone in plan.bones:
        if bone.name in new:
            _set_up(controls.pose.bones[bone.name], bone)
    for tie in plan.ties:
        if not _is_tied(controls, tie):
            _tie(controls, rig, tie, sliders)
    for drive in plan.drives:
        if drive.bone not in new:
            controls.pose.bones[drive.bone].driver_remove(drive.path, drive.axis)
        _drive(controls, rig, drive, sliders)
    return new


def _set_up(posed: bpy.types.PoseBone, bone: ControlBone) -> None:
    posed.rotation_mode = bone.rotation_mode  # type: ignore[assignment]
    if bone.kind == "mechanism":
        return
    posed.lock_location = (not bone.moves,) * 3
    posed.lock_rotation = tuple(axis not in bone.turns for axis in range(3))
    posed.lock_rotation_w = bone.rotation_mode == "QUATERNION" and not bone.turns
    posed.lock_scale = (True, True, True)


def _is_tied(controls: bpy.types.Object, tie: Tie) -> bool:
    """Whether a bone has the constraint of a plan already."""
    flags = {name: value for name, value in tie.settings.items() if isinstance(value, bool)}  # two differ by axes alone
    return any(
        constraint.type == tie.kind
        and getattr(constraint, "target", None) == controls
        and getattr(constraint, "subtarget", "") == tie.target
        and all(getattr(constraint, name) == value for name, value in flags.items())
        for constraint in controls.pose.bones[tie.bone].constraints
    )


def _add_switch(controls: bpy.types.Object, switch: Switch) -> None:
    controls[switch.name] = int(switch.value) if switch.whole else float(switch.value)
    ui: Any = controls.id_properties_ui(switch.name)  # type: ignore[func-returns-value]
    kind = int if switch.whole else float
    ui.update(default=kind(switch.value), min=kind(switch.low), max=kind(switch.high), description=switch.description)
    controls.property_overridable_library_set(slider_path(switch.name), True)


def _tie(controls: bpy.types.Object, rig: bpy.types.Object, tie: Tie, sliders: dict[int, Slider]) -> None:
    stack: Any = controls.pose.bones[tie.bone].constraints
    constraint = stack.new(tie.kind)
    constraint.target = controls
    constraint.subtarget = tie.target
    constraint.show_expanded = False
    for name, value in tie.settings.items():
        setattr(constraint, name, value)
    for name, terms in tie.sums.items():
        _sum(constraint.driver_add(name), rig, 0.0, terms, sliders)
    if tie.influence and tie.variables:
        _express(constraint.driver_add("influence"), controls, tie.influence, tie.variables)
    elif tie.influence:
        constraint.influence = float(tie.influence)


def _drive(controls: bpy.types.Object, rig: bpy.types.Object, drive: Drive, sliders: dict[int, Slider]) -> None:
    curve = controls.pose.bones[drive.bone].driver_add(drive.path, drive.axis)
    if drive.expression:
        _express(curve, controls, drive.expression, drive.variables)
    else:
        _sum(curve, rig, drive.constant, drive.terms, sliders, drive.power_of_two)


def _sum(
    curve: Any,
    rig: bpy.types.Object,
    constant: float,
    terms: tuple[tuple[float, int], ...],
    sliders: dict[int, Slider],
    power_of_two: bool = False,
) -> None:
    """A driver that adds up sliders of the rig."""
    compat.clear_curve(curve)
    parts = [] if constant == 0.0 and terms else [f"{constant:.9g}"]
    for number, (factor, parameter) in enumerate(terms):
        slider = sliders[parameter]
        variable = curve.driver.variables.new()
        variable.name = f"v{number}"
        variable.type = "SINGLE_PROP"
        variable.targets[0].id = rig
        variable.targets[0].data_path = slider_path(slider.key)
        parts.append(f"{factor / units_of(rig, slider):.9g}*v{number}")
    total = "+".join(parts).replace("+-", "-")
    curve.driver.type = "SCRIPTED"
    curve.driver.expression = f"pow(2,{total})" if power_of_two else total


def _express(curve: Any, controls: bpy.types.Object, expression: str, inputs: tuple[Variable, ...]) -> None:
    """A driver with a simple expression of numbers of the control rig."""
    compat.clear_curve(curve)
    for entry in inputs:
        variable = curve.driver.variables.new()
        variable.name = entry.name
        _aim(variable, controls, entry)
    curve.driver.type = "SCRIPTED"
    curve.driver.expression = expression


def _aim(variable: Any, controls: bpy.types.Object, entry: Variable) -> None:
    """Sets what a variable of a driver reads."""
    if entry.kind in ("channel", "switch"):
        variable.type = "SINGLE_PROP"
        target = variable.targets[0]
        target.id = controls
        path = slider_path(entry.path) if entry.kind == "switch" else f'pose.bones["{entry.bone}"].{entry.path}'
        target.data_path = path
    elif entry.kind == "distance":
        variable.type = "LOC_DIFF"
        for target, bone in zip(variable.targets, (entry.bone, entry.path)):
            target.id = controls
            target.bone_target = bone
            target.transform_space = "WORLD_SPACE"
    else:
        variable.type = "TRANSFORMS"
        target = variable.targets[0]
        target.id = controls
        target.bone_target = entry.bone
        if entry.kind == "scale":
            target.transform_type = "SCALE_AVG"
            target.transform_space = "WORLD_SPACE"
        else:
            target.transform_type = f"ROT_{entry.path.upper()}"
            target.transform_space = "LOCAL_SPACE"
            target.rotation_mode = "QUATERNION"
