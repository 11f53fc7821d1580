"""Engine and device: what estimates new characters, and what it is computed on."""

from __future__ import annotations

from typing import Any

from ...jobs.engines import chosen

#: The share of a row that Blender gives to the names of properties.
_LABELS = 0.4


def draw(layout: Any, settings: Any, width: int) -> None:
    """Draws the section."""
    from native_runtime.engines import AUTO, engines

    from ...layout_text import draw_lines

    column = layout.column()
    column.use_property_split = True
    column.prop(settings, "new_engine")
    if settings.new_engine == AUTO:
        beside = column.split(factor=_LABELS)
        beside.label(text="")
        draw_lines(beside.column(align=True), f"Now: {engines()[chosen(AUTO)].title}", width, "FORWARD")
    column.prop(settings, "provider")
