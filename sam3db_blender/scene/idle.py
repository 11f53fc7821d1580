"""Lets characters that nobody works on rest, and wakes them when they are changed (``rig.resting``).

Blender reports every change, and updates the scene once more where its listeners changed something; so whoever moves
a slider of a resting character sees the body follow at once, with and without a window. Files are saved with all
characters awake: they work wherever they are opened.
"""

from __future__ import annotations

import time
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..app_handlers import Handlers, ensure_timer, listen, stop_listening
from .live import is_live

#: Seconds without a change of any character after which those that nobody works on rest.
_QUIET_S = 2.0
#: Seconds between one that comes to rest and the next: each takes some milliseconds.
_TICK_S = 0.05


class Quiet:
    """When something of a character was last moved."""

    since = 0.0


def rest_idle(context: bpy.types.Context, at_most: int | None = None) -> int:
    """Lets characters rest that may, and that nobody works on; returns how many did."""
    if context.scene is None or not listening() or nobody():
        return 0
    from ..rig.resting import may_rest, rest
    from .provenance import is_character

    count = 0
    for rig in list(context.scene.objects):
        if at_most is not None and count >= at_most:
            break
        if is_character(rig) and not _in_use(rig, context) and not is_live(rig) and may_rest(rig):
            rest(rig)
            count += 1
    return count


def nobody() -> bool:
    """Whether there is no armature at all: nothing is loaded then to look closer."""
    objects: Any = getattr(bpy.data, "objects", ())  # none while Blender shows its add-ons no data
    return not any(obj.type == "ARMATURE" for obj in objects)


def listening() -> bool:
    """Whether somebody would wake a resting character."""
    return _on_update in bpy.app.handlers.depsgraph_update_post


def _in_use(rig: bpy.types.Object, context: bpy.types.Context) -> bool:
    """Whether a character is selected or active."""
    from .lookup import character_of

    layer = context.view_layer
    active = None if layer is None else layer.objects.active
    parts = [rig, *rig.children]
    return (active is not None and character_of(active) == rig) or any(part.select_get() for part in parts)


# --- Blender's notifications -----------------------------------------------------------------------------------------


@persistent
def _on_update(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    from ..rig.control_pose import CONTROLS
    from ..rig.resting import is_resting, stirred, wake
    from .provenance import is_character

    for update in depsgraph.updates:
        block = update.id
        if isinstance(block, bpy.types.Scene):
            _ensure_timer()
            continue
        # others are listed because something was added or selected, which moves nothing of them
        if not (update.is_updated_transform or update.is_updated_geometry):
            continue
        if isinstance(block, bpy.types.Object) and block.type == "ARMATURE":
            if block.get(CONTROLS) and block.parent is not None:  # whose bones move the character's
                block = block.parent
            if not is_character(block):
                continue
            rig = block.original
            if rig is not None and is_resting(rig) and stirred(rig):
                wake(rig)
            Quiet.since = time.perf_counter()
            _ensure_timer()


@persistent
def _before_frame(*_: Any) -> None:
    """Frames that play or are rendered are not updates: what was animated at rest needs its drivers for them."""
    if nobody():
        return
    from ..rig.control_pose import CONTROLS
    from ..rig.resting import RESTING, animated, wake

    resting = [obj for obj in bpy.data.objects if obj.get(RESTING) and not obj.get(CONTROLS) and not obj.library]
    for rig in [obj for obj in resting if animated(obj)]:
        wake(rig)


@persistent
def _awake(*_: Any) -> None:
    """Before a file is saved, and before and after undoing, which mixes data-blocks of two times."""
    if nobody():
        return
    from ..rig.resting import wake_all

    wake_all()


@persistent
def _later(*_: Any) -> None:
    """After a file was opened or saved, and after undoing: what may rest does so."""
    if bpy.app.background:
        rest_idle(bpy.context)
    else:
        _ensure_timer()


def _tick() -> float | None:
    quiet = time.perf_counter() - Quiet.since
    if quiet < _QUIET_S:
        return _QUIET_S - quiet
    return _TICK_S if rest_idle(bpy.context, at_most=1) else None


def _ensure_timer() -> None:
    if not bpy.app.background:
        ensure_timer(_tick, _QUIET_S)


def _handlers() -> Handlers:
    handlers = bpy.app.handlers
    return (
        (handlers.depsgraph_update_post, _on_update),
        (handlers.frame_change_pre, _before_frame),
        (handlers.save_pre, _awake),
        (handlers.save_post, _later),
        (handlers.load_post, _later),
        (handlers.undo_pre, _awake),
        (handlers.redo_pre, _awake),
        (handlers.undo_post, _awake),
        (handlers.redo_post, _awake),
        (handlers.undo_post, _later),
        (handlers.redo_post, _later),
    )


def attach() -> None:
    """Starts to listen to Blender."""
    listen(_handlers())


def detach() -> None:
    """Stops it; all characters are awake then."""
    stop_listening(_handlers(), _tick)
    if not nobody():
        from ..rig.resting import wake_all

        wake_all()
