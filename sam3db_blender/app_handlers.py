"""Subscribing to Blender's application handlers, and unsubscribing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import bpy

Tick = Callable[[], float | None]
Handlers = Iterable[tuple[list[Any], Callable[..., None]]]
"""Lists of ``bpy.app.handlers``, and what each of them is to call."""


def listen(handlers: Handlers) -> None:
    """Subscribes."""
    for listeners, function in handlers:
        listeners.append(function)


def stop_listening(handlers: Handlers, tick: Tick) -> None:
    """Ends it, and the timer ``tick`` that goes with it."""
    for listeners, function in handlers:
        if function in listeners:
            listeners.remove(function)
    stop_timer(tick)


def when_objects_change(
    update: Callable[..., None], change: Callable[..., None], save: Callable[..., None]
) -> Handlers:
    """What to listen to for objects that may have come or gone. The functions must be ``persistent``.

    Args:
        update: called within every update of a scene (``objects_may_have_changed`` says whether it matters).
        change: called after a file was opened, and after undo and redo.
        save: called before a file is saved.
    """
    handlers = bpy.app.handlers
    return (
        (handlers.depsgraph_update_post, update),
        (handlers.load_post, change),
        (handlers.undo_post, change),
        (handlers.redo_post, change),
        (handlers.save_pre, save),
    )


def objects_may_have_changed(depsgraph: bpy.types.Depsgraph) -> bool:
    """Whether an update of a scene may have brought objects or taken some away."""
    return depsgraph.id_type_updated("COLLECTION") or depsgraph.id_type_updated("SCENE")


def ensure_timer(tick: Tick, after_s: float, persistent: bool = True) -> None:
    """Has a function called by a timer, unless it is already.

    Args:
        persistent: whether it goes on when another file is opened.
    """
    if not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=after_s, persistent=persistent)


def stop_timer(tick: Tick) -> None:
    """Ends the timer that calls a function, where there is one."""
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)


def redraw(*kinds: str) -> None:
    """Has all areas of these kinds (``VIEW_3D``, ``PREFERENCES``, ...) redrawn, in every window."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in kinds:
                area.tag_redraw()
