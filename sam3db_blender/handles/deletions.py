"""Notices that a character was deleted by hand, and removes what is left of it.

Blender's own Delete ends its undo step before anybody hears of it, so the cleaning up is a step of its own. Undoing
from there to the half-cleared scene, or redoing to there, goes one step farther by itself: one key press takes back all
of it. In a script, where no timer runs, it is cleaned up before the file is saved and before the next import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
from bpy.app.handlers import persistent

from ..app_handlers import Handlers, ensure_timer, listen, stop_listening
from .loop import Direction, Window
from .watch import BlenderWindow

if TYPE_CHECKING:
    from . import removal

_TICK_S = 0.02
UNDO_STEP = "Clean Up Deleted Character"


def _characters() -> dict[str, removal.Belongings]:
    """Who is there. Most files have no armature, and nothing is loaded to look closer at those."""
    if not any(obj.type == "ARMATURE" for obj in bpy.data.objects):
        return {}
    from . import removal

    return removal.characters()


def _ownerless(ever: dict[str, removal.Belongings]) -> set[str]:
    """Who has lost the rig, of those who were there."""
    if not ever:
        return set()
    from . import removal

    return removal.ownerless(ever)


class Deletions:
    """Keeps account of who is there."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._known: dict[str, removal.Belongings] = {}
        self._ever: dict[str, removal.Belongings] = {}  # since the file was opened
        self._ownerless: set[str] = set()
        self._direction: Direction | None = None
        self.due = False

    def begin(self) -> None:
        """Takes note of who is there: a file was opened, or this extension was switched on."""
        self._known, self._direction, self.due = _characters(), None, False
        self._ever = dict(self._known)

    def note(self) -> None:
        """Takes note of who has come, and forgets nobody who is gone."""
        self._known.update(_characters())

    def leaving(self) -> None:
        """The artist is about to undo or redo."""
        self._ownerless = _ownerless(self._ever)

    def travelled(self, direction: Direction) -> None:
        """The artist has undone or redone. Where something has lost its rig on the way, the step was half a one."""
        self._known, self.due = _characters(), False
        if _ownerless(self._ever) - self._ownerless:
            self._direction = direction

    @property
    def busy(self) -> bool:
        """Whether anything is left to do."""
        return self.due or self._direction is not None

    def tick(self) -> None:
        """Does what is due."""
        direction, self._direction = self._direction, None
        if direction is not None:
            self._window.step(direction)
        elif self.due and not self._window.dragging() and self.clean():
            self._window.push_undo(UNDO_STEP)

    def clean(self) -> bool:
        """Clears away what is left of those who are gone; whether there was anything."""
        from . import removal

        self.due = False
        there = removal.characters()
        gone = {character: own for character, own in self._known.items() if character not in there}
        self._known = there
        self._ever.update(there)
        return bool(gone and removal.clean_up(gone))


deletions = Deletions(BlenderWindow())


def _tick() -> float | None:
    deletions.tick()
    return _TICK_S if deletions.busy else None


def _ensure_timer() -> None:
    if deletions.busy and not bpy.app.background:
        ensure_timer(_tick, _TICK_S)


@persistent
def _on_update(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """Called within every update of the scene: notes that objects may have come or gone, and no more."""
    if depsgraph.id_type_updated("COLLECTION") or depsgraph.id_type_updated("SCENE"):
        deletions.due = True
        if bpy.app.background:
            deletions.note()  # no timer will
        _ensure_timer()


def clean_in_scripts() -> None:
    """Cleans up where no timer does it, as in scripts: before a file is saved, and before the next import."""
    if bpy.app.background:
        deletions.clean()


@persistent
def _before_save(*_: Any) -> None:
    clean_in_scripts()


@persistent
def _on_load(*_: Any) -> None:
    deletions.begin()


@persistent
def _before_travel(*_: Any) -> None:
    deletions.leaving()


@persistent
def _on_undo(*_: Any) -> None:
    deletions.travelled("undo")
    _ensure_timer()


@persistent
def _on_redo(*_: Any) -> None:
    deletions.travelled("redo")
    _ensure_timer()


def _handlers() -> Handlers:
    handlers = bpy.app.handlers
    return (
        (handlers.depsgraph_update_post, _on_update),
        (handlers.load_post, _on_load),
        (handlers.save_pre, _before_save),
        (handlers.undo_pre, _before_travel),
        (handlers.redo_pre, _before_travel),
        (handlers.undo_post, _on_undo),
        (handlers.redo_post, _on_redo),
    )


def attach() -> None:
    """Starts to listen to Blender."""
    deletions.due = True  # data-blocks cannot be looked at while Blender registers
    listen(_handlers())
    _ensure_timer()


def detach() -> None:
    """Stops it."""
    stop_listening(_handlers(), _tick)
