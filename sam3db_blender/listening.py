"""Has what looks after characters hear of Blender's changes, as soon as there can be a character.

A character is an armature. A file without one costs no more than the look whether there are any: what poses, rests,
corrects and clears away characters is loaded, and listens, from the first armature of a session on.
"""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent

from .app_handlers import Handlers, ensure_timer, listen, stop_listening

_SOON_S = 0.02


class _State:
    """Whether the extension is switched on, and whether all listen."""

    on = begun = False


def begin() -> None:
    """Has all listen, unless they do already, or the extension is not switched on."""
    if _State.begun or not _State.on:
        return
    from .controls import copies
    from .handles import deletions, deserted, watch
    from .scene import idle, live

    _State.begun = True
    live.attach()
    idle.attach()
    watch.attach()
    deletions.attach()
    copies.attach()
    deserted.attach()


@persistent
def _look(*_: Any) -> None:
    """Called within every update of the scene. Blender goes through its list of listeners as it is then: those that
    are added hear of the same event.
    """
    if not _State.begun and bpy.data.armatures:
        begin()


def _soon() -> None:
    _look()


def _handlers() -> Handlers:
    handlers = bpy.app.handlers
    return (handlers.depsgraph_update_post, _look), (handlers.load_post, _look), (handlers.save_pre, _look)


def attach() -> None:
    """Looks for armatures from now on. While Blender switches an extension on it shows no data: a timer looks then."""
    _State.on = True
    listen(_handlers())
    ensure_timer(_soon, _SOON_S)


def detach() -> None:
    """Ends it; those that listen end it themselves (``registration.LATE``)."""
    stop_listening(_handlers(), _soon)
    _State.on = _State.begun = False
