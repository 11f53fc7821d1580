"""Answers what the test asks, one JSON line each, from a timer of Blender's own event loop.

A request is ``{"do": "module.function", "with": {...}}``; the answer ``{"result": ...}`` or ``{"error": traceback}``.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import json
import socket
import time
import traceback

import bpy

_POLL_S = 0.02
#: Seconds after which a Blender that does not come back prints where it is, and how often that is put off.
_STUCK_S, _ALIVE_S = 45.0, 5.0


class Server:
    """Listens on a Unix socket for one client."""

    def __init__(self, path: str) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(1)
        self._listener.setblocking(False)
        self._client: socket.socket | None = None
        self._heard = b""
        self._alive = 0.0

    def tick(self) -> float:
        """Answers what has arrived."""
        if time.monotonic() - self._alive > _ALIVE_S:
            self._alive = time.monotonic()
            faulthandler.dump_traceback_later(_STUCK_S)
        if self._client is None:
            with contextlib.suppress(BlockingIOError):
                self._client, _ = self._listener.accept()
                self._client.setblocking(False)
        else:
            with contextlib.suppress(BlockingIOError):
                self._heard += self._client.recv(1 << 16)
            while b"\n" in self._heard:
                line, self._heard = self._heard.split(b"\n", 1)
                answer = json.dumps(_answer(json.loads(line))).encode() + b"\n"
                self._client.setblocking(True)
                self._client.sendall(answer)
                self._client.setblocking(False)
        return _POLL_S


def _answer(request: dict) -> dict:
    try:
        module, _, function = request["do"].rpartition(".")
        return {"result": getattr(importlib.import_module(f"inside.{module}"), function)(**request["with"])}
    except Exception:
        return {"error": traceback.format_exc()}


def start(path: str) -> None:
    """Begins to listen at this path, until Blender ends."""
    bpy.context.preferences.view.show_splash = False
    # this screen has no window manager, which a window of its own for files would need
    bpy.context.preferences.view.filebrowser_display_type = "SCREEN"
    # one sample a pixel: without a graphics card every further one costs a tenth of a second
    bpy.context.preferences.system.viewport_aa = "FXAA"
    bpy.app.timers.register(Server(path).tick, first_interval=_POLL_S, persistent=True)
