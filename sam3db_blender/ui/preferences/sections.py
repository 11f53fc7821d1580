"""The sections of the preferences, from top to bottom; a new one is a function that draws it, and a line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import bpy

from . import diagnostics, engine, farm, graphics, memory, models, new_work

#: Characters: longer lines are hard to read.
_LONGEST = 100
#: Pixels that the frames about an extension's preferences take, at the usual size.
_FRAMES_PX = 70


class Section(NamedTuple):
    """A section that can be folded away.

    Attributes:
        key: by which Blender remembers whether it is open.
        title: for people.
        draw: draws it: the layout, the extension's preferences, and where lines of text break (characters).
        open: whether it is open at first.
    """

    key: str
    title: str
    draw: Callable[[Any, Any, int], None]
    open: bool = False


SECTIONS: tuple[Section, ...] = (
    Section("models", "Models", models.draw, open=True),
    Section("engine", "Engine and Device", engine.draw),
    Section("graphics", "Graphics Cards", graphics.draw),
    Section("memory", "Memory and Threads", memory.draw),
    Section("new_work", "Defaults for New Work", new_work.draw),
    Section("farm", "Render Farm", farm.draw),
    Section("diagnostics", "Diagnostics", diagnostics.draw),
)


def draw_sections(layout: Any, settings: Any, context: bpy.types.Context) -> None:
    """Draws all sections.

    Args:
        settings: the extension's preferences.
    """
    from ...layout_text import width_of
    from . import user_guide

    scale = context.preferences.system.ui_scale
    width = min(width_of(context.region.width - round(_FRAMES_PX * scale), scale), _LONGEST)
    user_guide.draw(layout)
    for section in SECTIONS:
        header, body = layout.panel(f"SAM3DB_preferences_{section.key}", default_closed=not section.open)
        header.label(text=section.title)
        if body is not None:
            section.draw(body, settings, width)
    row = layout.row()
    row.alignment = "RIGHT"
    row.operator("sam3db.reset_preferences", icon="LOOP_BACK")
