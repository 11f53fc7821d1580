"""What is registered with Blender, in which order, and taken away in the opposite one."""

from __future__ import annotations

import bpy

from . import jobs, live, preferences
from .operators import correctives, import_character, import_result, levels, presets, worker
from .ui import character_panel, menu, panel, state

#: A class stands behind those that it mentions.
CLASSES: tuple[type, ...] = (
    *preferences.CLASSES,
    *state.CLASSES,
    *import_character.CLASSES,
    *import_result.CLASSES,
    *worker.CLASSES,
    *presets.CLASSES,
    *correctives.CLASSES,
    *levels.CLASSES,
    *panel.CLASSES,
    *character_panel.CLASSES,
)


def register() -> None:
    """Registers all classes, the settings of the panel and the menu entry."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    state.attach()
    menu.attach()
    live.attach()


def unregister() -> None:
    """The opposite of ``register``; also ends the worker process."""
    jobs.stop_worker()
    live.detach()
    menu.detach()
    state.detach()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
