"""What the panels of a new file begin with."""

from __future__ import annotations

from typing import Any


def draw(layout: Any, settings: Any, width: int) -> None:
    """Draws the section."""
    from ...layout_text import draw_lines

    draw_lines(
        layout.column(align=True),
        "New files begin with these. What you choose in a panel counts before them.",
        width,
    )
    column = layout.column(heading="New Characters")
    column.use_property_split = True
    column.prop(settings, "new_body")
    column.prop(settings, "new_persons")
    for name in ("new_texture", "new_worn", "new_light"):
        column.prop(settings, name)
    column.prop(settings, "make_controls", text="Controls")
    column = layout.column()
    column.use_property_split = True
    column.prop(settings, "handle_groups")
    column.separator()
    column.prop(settings, "preview_kinds", text="Previews")
    column.prop(settings, "preview_renderer", text="Preview Renderer")
    column.prop(settings, "preview_height", text="Preview Height")
    column.separator()
    column.prop(settings, "export_target", text="Export Target")
