"""Listens to Blender for the loop (``loop``), and asks it on behalf of operators and panels."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import bpy
from bpy.app.handlers import persistent

from native_runtime.errors import Sam3dbError

from ..app_handlers import Handlers, ensure_timer, listen, redraw, stop_listening, stop_timer
from . import view_look
from .handles import CHARACTER, KEYPOINT, handles_of, rig_of
from .loop import Direction, Loop

if TYPE_CHECKING:
    from ..jobs.photo import AnswerJob
    from ..jobs.worker import Client
    from .tasks import Status

_TICK_S = 0.02
#: Seconds from picture to picture of the sign that a pose is awaited.
_SIGN_S = 0.15
#: Seconds after a file was opened until the worker is made ready: Blender draws the file first.
_WARM_S = 0.5
#: What moves handles as long as it runs: the transforms, and dragging a gizmo.
_MODAL = ("TRANSFORM_OT_", "GIZMOGROUP_OT_")


class BlenderWindow:
    """This Blender, as the loop wants it."""

    def dragging(self) -> bool:
        """Whether a transform is under way in any window."""
        windows = bpy.context.window_manager.windows
        return any(operator.bl_idname.startswith(_MODAL) for window in windows for operator in window.modal_operators)

    def push_undo(self, message: str) -> None:
        """Ends an undo step; timers have none of their own."""
        bpy.ops.ed.undo_push(message=message)

    def step(self, direction: Direction) -> bool:
        """Goes one step through the history."""
        windows = bpy.context.window_manager.windows
        operator: Any = getattr(bpy.ops.ed, direction)
        try:
            with bpy.context.temp_override(window=windows[0] if windows else None):
                return bool(operator() == {"FINISHED"})
        except RuntimeError:  # there is no such step
            return False


def _client() -> Client:
    from ..jobs.worker import worker

    return worker()


#: The one of this Blender.
loop = Loop(BlenderWindow(), _client)
_active = ""
_drawn = 0.0


# --- what operators and panels want ----------------------------------------------------------------------------------


def refresh(rig: bpy.types.Object) -> None:
    """Has a character's pose inferred again with its handles as they are.

    In a window it is there some time later (``status``). In the background it is there at once.

    Raises:
        Sam3dbError: in the background, that it failed.
    """
    from ..scene.provenance import character_id

    character = character_id(rig)
    loop.ask(character)
    if not bpy.app.background:
        _ensure_timer()
        return
    while loop.busy:
        loop.tick()
        time.sleep(_TICK_S)
    status = loop.status(character)
    if status.state == "error":
        raise Sam3dbError(status.text)


def expect(rig: bpy.types.Object, job: AnswerJob) -> None:
    """Has a character take the pose that a job under way brings, as ``refresh`` does with one that it asks for."""
    from ..scene.provenance import character_id

    loop.expect(character_id(rig), job)
    _ensure_timer()


def touch(rig: bpy.types.Object) -> None:
    """Reports that a handle of a character was moved, as Blender does itself for visible ones."""
    from ..scene.provenance import character_id

    loop.mark(character_id(rig))
    _ensure_timer()


def status(rig: bpy.types.Object) -> Status:
    """What is being done about a character."""
    from ..scene.provenance import character_id

    return loop.status(character_id(rig))


def cancel(rig: bpy.types.Object) -> None:
    """Gives up what is under way for a character; it stays as it is."""
    from ..scene.provenance import character_id

    loop.cancel(character_id(rig))


# --- Blender's notifications -----------------------------------------------------------------------------------------


@persistent
def _on_update(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """Called within every update of the scene, also while playing: notes what concerns the loop, and no more."""
    found = False
    for update in depsgraph.updates:
        # all others are listed as well whenever something is added or selected
        if not update.is_updated_transform:
            continue
        block = update.id
        if isinstance(block, bpy.types.Object) and block.get(KEYPOINT) is not None:
            loop.mark(str(block.get(CHARACTER, "")))
            found = True
    if found or _another_is_active() or view_look.hides_bones_of(_active_object()):
        _ensure_timer()


@persistent
def _on_load(*_: Any) -> None:
    global _active
    loop.forget()
    _active = ""
    view_look.listen_to_modes()
    _ensure_timer()
    if not bpy.app.background:
        ensure_timer(_warm, _WARM_S, persistent=False)


@persistent
def _before_travel(*_: Any) -> None:
    from . import pending

    loop.leaving(pending.all_ended())


@persistent
def _on_undo(*_: Any) -> None:
    _travelled("undo")


@persistent
def _on_redo(*_: Any) -> None:
    _travelled("redo")


def _travelled(direction: Direction) -> None:
    from . import pending

    loop.travelled(direction, pending.unanswered())
    view_look.refresh()
    _ensure_timer()


# --- the timer -------------------------------------------------------------------------------------------------------


def _tick() -> float | None:
    before = loop.statuses()
    loop.tick()
    _show_active()
    if view_look.hides_bones_of(_active_object()):
        view_look.refresh()
    _redraw(changed=before != loop.statuses())
    if loop.urgent:
        return 0.0
    return _TICK_S if loop.busy else None


def _redraw(changed: bool) -> None:
    """Redraws 3D views where something changed, and every so often while a pose is awaited."""
    global _drawn
    waiting = any(status.state == "waiting" for status in loop.statuses().values())
    if changed or (waiting and time.monotonic() - _drawn > _SIGN_S):
        _drawn = time.monotonic()
        redraw("VIEW_3D")


def _warm() -> None:
    """Makes the worker ready for the character that is worked on, where there is one."""
    from .people import active_character
    from .warming import warm

    rig = active_character(bpy.context)
    if rig is not None:
        warm(rig, _client)


def _another_is_active() -> bool:
    """Whether the active object belongs to another character than the one whose handles are shown."""
    from ..scene.provenance import character_id

    obj = _active_object()
    if obj is None:
        return False
    rig = rig_of(obj)
    return rig is not None and character_id(rig) != _active


def _show_active() -> None:
    """Shows the handles of the active character only. Nothing active changes nothing."""
    from ..scene.provenance import character_id
    from .showing import show_only

    global _active
    rig = rig_of(_active_object())
    if rig is not None and character_id(rig) != _active:
        _active = character_id(rig)
        if handles_of(rig):
            show_only(rig)


def _active_object() -> bpy.types.Object | None:
    layer = bpy.context.view_layer
    return None if layer is None else layer.objects.active


def _ensure_timer() -> None:
    if not bpy.app.background:
        ensure_timer(_tick, _TICK_S)


def _handlers() -> Handlers:
    handlers = bpy.app.handlers
    return (
        (handlers.depsgraph_update_post, _on_update),
        (handlers.load_post, _on_load),
        (handlers.undo_pre, _before_travel),
        (handlers.redo_pre, _before_travel),
        (handlers.undo_post, _on_undo),
        (handlers.redo_post, _on_redo),
    )


def attach() -> None:
    """Starts to listen to Blender."""
    listen(_handlers())
    view_look.listen_to_modes()


def detach() -> None:
    """Stops it; what is under way is given up."""
    stop_listening(_handlers(), _tick)
    stop_timer(_warm)
    view_look.stop()
    loop.forget()
