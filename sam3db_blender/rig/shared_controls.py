"""Copies of a character that follow the controls of the original: they get controls of their own.

Blender's duplicate of a rig and its body alone leaves the copy's constraints on the original's control rig, and moving
one would move both. A control rig belongs to the rig that it is a child of; another that follows it gets a copy, with
the pose, a copy of the action, and whatever an artist added.
"""

from __future__ import annotations

from typing import Any

import bpy

from .control_pose import CONTROLS
from .followed import followed, is_following

#: How a copied control rig is named after the rig.
_NAME = "{} Controls"


def shares_controls(rig: bpy.types.Object) -> bool:
    """Whether a character of this file follows controls that belong to another one."""
    if rig.library or rig.override_library:
        return False  # what a file links it cannot part
    controls = followed(rig)
    if controls is None or not controls.get(CONTROLS) or controls.parent == rig:
        return False
    return _owner(controls) != rig


def sharing() -> list[bpy.types.Object]:
    """The characters in scenes that follow the controls of others."""
    objects = dict.fromkeys(obj for scene in bpy.data.scenes for obj in scene.objects if obj.type == "ARMATURE")
    return [rig for rig in objects if shares_controls(rig)]


def own_controls(rig: bpy.types.Object) -> bpy.types.Object | None:
    """Gives a character that shares controls a copy of them, so that it stands and moves as it did; the copy. None
    where it shares none.
    """
    if not shares_controls(rig):
        return None
    shared: Any = followed(rig)
    owner = _owner(shared)
    copy: Any = shared.copy()
    copy.name = _NAME.format(rig.name.removesuffix(" Rig"))
    copy.data = shared.data.copy()
    copy.data.name = copy.name
    for home in rig.users_collection:
        home.objects.link(copy)
    copy.parent = rig
    copy.matrix_parent_inverse = shared.matrix_parent_inverse
    meant = {shared: copy, owner: rig, shared.parent: rig}
    for bone in copy.pose.bones:
        for constraint in bone.constraints:
            _redirect(constraint, "target", meant)
    _follow_own(copy, meant)
    _copy_action(copy)
    for bone in rig.pose.bones:
        for constraint in bone.constraints:
            if is_following(constraint):
                constraint.target = copy
    _follow_own(rig, {shared: copy})
    rig.update_tag()
    copy.update_tag()
    return copy


def _owner(controls: bpy.types.Object) -> bpy.types.Object | None:
    """The rig that a control rig belongs to: its parent, or the first that follows it where an artist gave it another
    parent.
    """
    followers = [obj for obj in bpy.data.objects if obj.type == "ARMATURE" and followed(obj) == controls]
    if controls.parent in followers:
        return controls.parent
    return min(followers, key=lambda rig: (rig.library is not None, len(rig.name), rig.name), default=None)


def _redirect(owner: Any, name: str, meant: dict[Any, bpy.types.Object]) -> None:
    target = getattr(owner, name, None)
    if target is not None and target in meant:
        setattr(owner, name, meant[target])


def _follow_own(armature: bpy.types.Object, meant: dict[Any, bpy.types.Object]) -> None:
    """Lets the drivers of a copy follow the copies."""
    animation: Any = armature.animation_data
    for curve in [] if animation is None else animation.drivers:
        for variable in curve.driver.variables:
            for target in variable.targets:
                _redirect(target, "id", meant)


def _copy_action(copy: Any) -> None:
    animation = copy.animation_data
    if animation is None or animation.action is None:
        return
    slot = getattr(animation, "action_slot", None)
    name = None if slot is None else slot.identifier
    animation.action = animation.action.copy()
    if name is not None:
        animation.action_slot = animation.action.slots[name]
