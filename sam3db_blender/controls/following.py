"""MHR bones that follow the bones of another armature.

A control rig is an armature of its own. The bones of the character's rig keep their channels, which stay as they were
last set; on top, Copy Transforms constraints in world space hold them where bones of the control rig stand, which have
the same rest frames (or are turned like them by other means). Reading a character reads where its bones stand, so
everything that reads works with controls as without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import bpy

from native_runtime.errors import Sam3dbError

from ..rig import resting
from ..rig.followed import FOLLOW, followed
from ..rig.pose import apply_parameters, read_settings
from ..rig.releasing import following, release
from ..rig.rigify_pose import followed_rigify
from ..rig.twist import twist_by_pose

if TYPE_CHECKING:
    from native_runtime.mhr import Body


def follow(
    rig: bpy.types.Object,
    body: Body,
    source: bpy.types.Object,
    bones: Mapping[str, str],
    twists: Mapping[str, str] | None = None,
) -> None:
    """Lets bones of a character follow bones of another armature, wherever these stand.

    Args:
        source: the other armature.
        bones: the names of MHR's bones, and for each the bone of ``source`` that it follows.
        twists: see ``twist_by_pose``.

    Raises:
        Sam3dbError: the rig follows something already, or one of the armatures lacks a bone.
    """
    require_free(rig)
    for armature, names in ((rig, bones), (source, bones.values())):
        missing = [name for name in names if name not in armature.pose.bones]
        if missing:
            raise Sam3dbError(f"'{armature.name}' has no bone '{missing[0]}'.")
    if resting.is_resting(rig):
        resting.wake(rig)
    for constraints, constraint in following(rig):  # of an armature that was deleted
        constraints.remove(constraint)
    for name, leader in bones.items():
        constraint = rig.pose.bones[name].constraints.new("COPY_TRANSFORMS")
        constraint.name = FOLLOW
        constraint.target = source
        constraint.subtarget = leader
        constraint.show_expanded = False
    twist_by_pose(rig, body, source, twists)
    rig.update_tag()


def require_free(rig: bpy.types.Object) -> None:
    """Raises a Sam3dbError where a character follows an armature already."""
    rigify = followed_rigify(rig)
    if rigify is not None:
        raise Sam3dbError(
            f"'{rig.name}' follows the Rigify rig '{rigify.name}', which takes the place of controls: to have controls "
            "instead, press Remove Rigify Rig in the panel Rigify first."
        )
    if followed(rig) is not None:
        raise Sam3dbError(f"'{rig.name}' has controls already: remove them first.")


def unfollow(rig: bpy.types.Object, body: Body) -> None:
    """Takes the constraints away, and leaves the pose that they made, on the current frame, in the rig's own channels.

    What MHR has no number for is kept where the bones have channels for it (``CharacterSettings.beyond``). Nothing
    happens to a rig that follows nothing.
    """
    if followed(rig) is None:
        return
    settings = read_settings(rig, body)
    release(rig, body)
    apply_parameters(rig, body, settings.model_parameters, settings.beyond)
