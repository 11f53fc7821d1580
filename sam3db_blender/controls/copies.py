"""Notices that a character was copied without its controls, or appended with controls that lie in no scene, and gives
each controls of its own (``rig.shared_controls``).

It is no undo step: undoing the copying takes the new controls along, and redoing it makes them again. In a script,
where no timer runs, it is done before the file is saved, and as soon as such a copy is posed by numbers.
"""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..app_handlers import (
    Handlers,
    ensure_timer,
    listen,
    objects_may_have_changed,
    stop_listening,
    stop_timer,
    when_objects_change,
)

_TICK_S = 0.05
#: Seconds for which the status bar says what was done.
_TOLD_S = 10.0
_MODAL = ("TRANSFORM_OT_", "OBJECT_OT_duplicate_move")


class _State:
    """Whether anything may have to be done."""

    due = False


def settle() -> list[str]:
    """Gives copies controls of their own, and controls without a scene a place beside their rig; what was done."""
    from ..rig.control_pose import CONTROLS
    from ..rig.followed import followed
    from ..rig.shared_controls import own_controls, sharing

    told = []
    for rig in sharing():
        copy = own_controls(rig)
        if copy is not None:
            told.append(f"'{rig.name}' is a copy: it moves by controls of its own now, '{copy.name}'.")
    rigs = dict.fromkeys(obj for scene in bpy.data.scenes for obj in scene.objects if obj.type == "ARMATURE")
    for rig in rigs:
        controls = followed(rig)
        if controls is None or not controls.get(CONTROLS) or controls.library or controls.users_collection:
            continue
        for home in rig.users_collection:
            if not home.library:
                home.objects.link(controls)
        told.append(f"'{controls.name}' came with '{rig.name}' and lies beside it now.")
    return told


def _tick() -> float | None:
    if not _State.due:
        return None
    context: Any = bpy.context
    windows = context.window_manager.windows
    if any(one.bl_idname.startswith(_MODAL) for window in windows for one in window.modal_operators):
        return _TICK_S
    _State.due = False
    told = settle()
    if told:
        for window in windows:
            window.workspace.status_text_set("   ".join(told))
        stop_timer(_forget)
        ensure_timer(_forget, _TOLD_S)
    return None


def _forget() -> None:
    for window in bpy.context.window_manager.windows:
        window.workspace.status_text_set(None)


@persistent
def _on_update(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """Called within every update of the scene: notes that objects may have come, and no more."""
    if not bpy.app.background and objects_may_have_changed(depsgraph):
        _later()


@persistent
def _later(*_: Any) -> None:
    _State.due = True
    if not bpy.app.background:
        ensure_timer(_tick, _TICK_S)


@persistent
def _before_save(*_: Any) -> None:
    settle()


def _handlers() -> Handlers:
    return when_objects_change(_on_update, _later, _before_save)


def attach() -> None:
    """Starts to listen to Blender."""
    listen(_handlers())


def detach() -> None:
    """Stops it."""
    stop_listening(_handlers(), _tick)
    stop_timer(_forget)
