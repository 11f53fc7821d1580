"""Notices that the controls of a character were deleted by hand, and lets its bones go by their own channels.

It is no undo step: undoing the deletion brings the constraints and drivers back with the controls, and redoing it
releases the character again. In a script, where no timer runs, it is done within the update of the scene, before a
file is saved and after one was opened.
"""

from __future__ import annotations

import contextlib
from typing import Any

import bpy
from bpy.app.handlers import persistent

from native_runtime.errors import Sam3dbError

from ..app_handlers import Handlers, ensure_timer, listen, objects_may_have_changed, stop_listening, when_objects_change
from ..scene.idle import nobody

_TICK_S = 0.02


def settle() -> list[bpy.types.Object]:
    """Releases the characters in scenes whose controls are gone; those that it released. One whose body is not among
    the models here is left as it is.
    """
    if nobody():
        return []
    from ..rig.releasing import is_deserted, release_deserted
    from ..scene.bodies import body_of
    from ..scene.lookup import in_scenes
    from ..scene.provenance import is_character

    released = []
    for rig in dict.fromkeys(in_scenes()):
        if rig.type == "ARMATURE" and is_character(rig) and is_deserted(rig):
            with contextlib.suppress(Sam3dbError):  # where there is no such body, its operators say so
                if release_deserted(rig, body_of(rig)):
                    released.append(rig)
    return released


def _tick() -> None:
    settle()


def _soon() -> None:
    if bpy.app.background:
        settle()
    else:
        ensure_timer(_tick, _TICK_S)


@persistent
def _on_update(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """Called within every update of the scene; Blender updates it once more where this changes something."""
    if objects_may_have_changed(depsgraph):
        _soon()


@persistent
def _on_change(*_: Any) -> None:
    _soon()


@persistent
def _before_save(*_: Any) -> None:
    settle()


def _handlers() -> Handlers:
    return when_objects_change(_on_update, _on_change, _before_save)


def attach() -> None:
    """Starts to listen to Blender."""
    listen(_handlers())


def detach() -> None:
    """Stops it."""
    stop_listening(_handlers(), _tick)
