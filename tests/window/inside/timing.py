"""How long things take in Blender's main thread, by ``time.monotonic``, which is one clock for all processes."""

from __future__ import annotations

import functools
import time
from typing import Any

import bpy

from .scene import part

Span = tuple[float, float]
"""Begin and end, s."""

_BEAT_S = 0.005
#: What the extension does in the main thread: module, class within it, and the name by which it is called there.
WORK = {
    "ask": ("handles.loop", "", "question_for"),
    "read the answer": ("handles.loop", "Estimate", "load"),
    "begin a preview": ("handles.limb_preview", "LimbPreview", "__init__"),
    "prepare it": ("handles.limb_preview", "LimbPreview", "prepare"),
    "preview": ("handles.limb_preview", "LimbPreview", "show"),
    "take the answer over": ("handles.loop", "", "apply_answer"),
    "end the undo step": ("handles.watch", "BlenderWindow", "push_undo"),
    "a tick of the timer, all in all": ("handles.watch", "Loop", "tick"),
}
#: In ``taken``, besides these: drawing the viewport; being told of an update; and from beat to beat.
DRAWING, TOLD, BEATS = "drawing", "told of an update", "beats"

_spans: dict[str, list[Span]] = {name: [] for name in (*WORK, DRAWING, TOLD, BEATS)}
_meshes: list[float] = []
_began = {DRAWING: 0.0, BEATS: 0.0}


def start() -> None:
    """Begins to measure."""
    for name, (module, owner, attribute) in WORK.items():
        holder = getattr(part(module), owner) if owner else part(module)
        setattr(holder, attribute, _timed(name, getattr(holder, attribute)))
    listeners = bpy.app.handlers.depsgraph_update_post
    for place, function in enumerate(listeners):
        if function.__module__ == part("handles.watch").__name__:
            listeners[place] = _timed(TOLD, function)
    listeners.append(_updated)
    bpy.types.SpaceView3D.draw_handler_add(_begin_drawing, (), "WINDOW", "PRE_VIEW")
    bpy.types.SpaceView3D.draw_handler_add(_end_drawing, (), "WINDOW", "POST_PIXEL")
    _began[BEATS] = time.monotonic()
    bpy.app.timers.register(_beat, first_interval=_BEAT_S)


def taken() -> dict[str, Any]:
    """What was measured since the last call: spans by name, and the moments at which a mesh had been updated, s."""
    out = {"spans": {name: list(spans) for name, spans in _spans.items()}, "meshes": list(_meshes)}
    for measured in (*_spans.values(), _meshes):
        measured.clear()
    return out


def _timed(name: str, function: Any) -> Any:
    @functools.wraps(function)
    def timed(*words: Any, **keys: Any) -> Any:
        begin = time.monotonic()
        try:
            return function(*words, **keys)
        finally:
            _spans[name].append((begin, time.monotonic()))

    return timed


def _beat() -> float:
    now = time.monotonic()
    _spans[BEATS].append((_began[BEATS], now))
    _began[BEATS] = now
    return _BEAT_S


def _updated(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    if any(update.is_updated_geometry and isinstance(update.id, bpy.types.Mesh) for update in depsgraph.updates):
        _meshes.append(time.monotonic())


def _begin_drawing() -> None:
    _began[DRAWING] = time.monotonic()


def _end_drawing() -> None:
    _spans[DRAWING].append((_began[DRAWING], time.monotonic()))
