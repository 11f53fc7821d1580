"""Subscribing to Blender's application handlers, and unsubscribing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import bpy

Handlers = Iterable[tuple[list[Any], Callable[..., None]]]
"""Lists of ``bpy.app.handlers``, and what each of them is to call."""


def listen(handlers: Handlers) -> None:
    """Subscribes."""
    for listeners, function in handlers:
        listeners.append(function)


def stop_listening(handlers: Handlers, tick: Callable[[], float | None]) -> None:
    """Ends it, and the timer ``tick`` that goes with it."""
    for listeners, function in handlers:
        if function in listeners:
            listeners.remove(function)
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)


def redraw(*kinds: str) -> None:
    """Has all areas of these kinds (``VIEW_3D``, ``PREFERENCES``, ...) redrawn, in every window."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in kinds:
                area.tag_redraw()
