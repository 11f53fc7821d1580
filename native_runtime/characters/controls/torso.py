"""Root, hips, spine, neck, head, jaw, tongue and eyes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .joints import Joints, terms_of, upright
from .plan import ControlBone, ControlPlan, Kind, Switch, Tie, Variable

#: How far before the eyes their targets lie, m.
EYE_DISTANCE = 0.5
#: The spine's joints and their controls.
SPINE = {"c_spine0": "spine.01", "c_spine1": "spine.02", "c_spine2": "spine.03", "c_spine3": "spine.04"}
#: What the head and the neck can keep their direction with; 0 is the bone that they hang on.
FOLLOWS = ("hips", "root")


def add_torso(plan: ControlPlan, joints: Joints) -> None:
    """Root to head."""
    plan.bones.append(joints.posed("root", "body_world", "", "Root", kind="master", moves=True))
    plan.bones.append(joints.posed("hips", "root", "root", "Torso", kind="master", moves=True))
    plan.follow |= {"body_world": "root", "root": "hips"}
    chest = replace(joints.posed("chest", "c_spine2", "hips", "Torso", kind="master"), joint="")
    plan.bones.append(chest)
    plan.drives += joints.shifted("chest", "c_spine2", joints.axes("c_spine2"))
    above = "hips"
    for joint, name in SPINE.items():
        plan.bones.append(joints.posed(name, joint, above, "Torso"))
        plan.drives += joints.links(name, joint)
        _add_whole_spine(plan, joints, name, joint)
        plan.ties.append(added(name, "chest", joints.mode(joint), influence=f"{1 / len(SPINE):.9g}"))
        plan.follow[joint] = name
        above = name
    _add_pointed(plan, joints, "neck", "c_neck", above, (("chest", above), *((a, a) for a in FOLLOWS)))
    _add_pointed(
        plan, joints, "head", "c_head", "neck", (("neck", "neck"), ("chest", above), *((a, a) for a in FOLLOWS))
    )


def added(bone: str, source: str, order: str, influence: str = "", axes: str = "xyz", invert: str = "") -> Tie:
    """Adds the Euler angles of one control to those of another, about the same axes."""
    settings: dict[str, object] = {
        "owner_space": "LOCAL",
        "target_space": "LOCAL",
        "mix_mode": "ADD",
        "euler_order": order,
    }
    settings |= {f"use_{axis}": axis in axes for axis in "xyz"}
    settings |= {f"invert_{axis}": axis in invert for axis in "xyz"}
    return Tie(bone, "COPY_ROTATION", source, settings, influence=influence)


def _add_whole_spine(plan: ControlPlan, joints: Joints, name: str, joint: str) -> None:
    """The sliders of the whole spine, added as the character's own rig adds them (``rig.armature``)."""
    links = joints.added.get(joint, [])
    if not links:
        return
    settings = {
        "owner_space": "LOCAL",
        "target_space": "LOCAL",
        "map_from": "LOCATION",
        "map_to": "ROTATION",
        "mix_mode_rot": "ADD",
        "to_euler_order": joints.mode(joint),
    }
    sums = {f"to_min_{'xyz'[link.axis]}_rot": terms_of(link) for link in links}
    plan.ties.append(Tie(name, "TRANSFORM", "root", settings, sums=sums))


def _add_pointed(
    plan: ControlPlan, joints: Joints, name: str, joint: str, parent: str, anchors: tuple[tuple[str, str], ...]
) -> None:
    """A control that hangs on its parent, and may keep its direction with another bone."""
    socket, switch = f"MCH-{name}", f"{name}_follow"
    control = joints.posed(name, joint, socket, "Head")
    plan.bones.append(ControlBone(socket, parent, control.rest, control.length))
    plan.drives += joints.links(socket, joint)
    for number, (word, anchor) in enumerate(anchors[1:], 1):
        inside = f"MCH-{name}_in_{word}"
        plan.bones.append(ControlBone(inside, anchor, control.rest, control.length))
        variables = (Variable("v", "switch", path=switch),)
        plan.ties.append(Tie(socket, "COPY_ROTATION", inside, influence=f"v == {number}", variables=variables))
    choices = ", ".join(f"{i}: {word}" for i, (word, _) in enumerate(anchors))
    text = f"What the {name} keeps its direction with ({choices})"
    plan.switches.append(Switch(switch, 0, text, 0, len(anchors) - 1, True))
    plan.anchors[name] = tuple(anchor for _, anchor in anchors)
    plan.bones.append(control)
    plan.follow[joint] = name


def add_face(plan: ControlPlan, joints: Joints) -> None:
    """Jaw, tongue and eyes."""
    for joint, name, parent in (
        ("c_jaw", "jaw", "head"),
        ("c_tongue0", "tongue.01", "jaw"),
        ("c_tongue1", "tongue.02", "tongue.01"),
        ("c_tongue2", "tongue.03", "tongue.02"),
        ("c_tongue3", "tongue.04", "tongue.03"),
        ("c_tongue4", "tongue.05", "tongue.04"),
    ):
        looks: tuple[str, Kind] = ("Face", "fk") if name == "jaw" else ("Face Details", "detail")
        plan.bones.append(joints.posed(name, joint, parent, *looks))
        plan.drives += joints.links(name, joint)
        plan.follow[joint] = name
    ends = {side: joints.rest(f"{side.lower()}_eye") @ np.array([0, EYE_DISTANCE, 0, 1.0]) for side in "LR"}
    middle = (ends["L"] + ends["R"])[:3] / 2
    plan.bones.append(
        ControlBone("eyes", "head", upright(middle), 0.05, "XYZ", "ik", "Face", frozenset((0, 1, 2)), moves=True)
    )
    plan.switches.append(Switch("eyes_aim", 1.0, "How far the eyes look at their targets"))
    for side in "LR":
        joint, name, target = f"{side.lower()}_eye", f"eye.{side}", f"eye_target.{side}"
        plan.bones.append(ControlBone(target, "eyes", upright(ends[side][:3]), 0.03, "XYZ", "ik", "Face", moves=True))
        plan.bones.append(joints.posed(name, joint, "head", "Face Details", "detail"))
        plan.drives += joints.links(name, joint)
        variables = (Variable("v", "switch", path="eyes_aim"),)
        plan.ties.append(Tie(name, "DAMPED_TRACK", target, {"track_axis": "TRACK_Y"}, "v", variables))
        plan.follow[joint] = name
