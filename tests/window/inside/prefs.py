"""The extension's preferences in a window that they fill."""

from __future__ import annotations

import bpy

from .scene import EXTENSION


def show() -> None:
    """Fills the window with the extension's preferences, opened."""
    window = bpy.context.window_manager.windows[0]
    area = max(window.screen.areas, key=lambda area: area.width * area.height)
    with bpy.context.temp_override(window=window, area=area):
        bpy.ops.screen.screen_full_area(use_hide_panels=True)
    area = window.screen.areas[0]
    area.type = "PREFERENCES"
    preferences = bpy.context.preferences
    preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "character from photo"
    bpy.ops.preferences.addon_expand(module=EXTENSION)


def begin_with(**wanted: object) -> dict[str, object]:
    """Sets preferences, opens a new file, and says what the panel begins with there."""
    settings = bpy.context.preferences.addons[EXTENSION].preferences
    for name, value in wanted.items():
        setattr(settings, name, value)
    bpy.ops.wm.read_homefile(app_template="")
    state = bpy.context.window_manager.sam3db
    return {"persons": state.persons, "texture": state.texture}
