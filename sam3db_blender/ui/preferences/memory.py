"""Memory and threads of the background process, and what it keeps on the disk."""

from __future__ import annotations

from typing import Any


def draw(layout: Any, settings: Any, width: int) -> None:
    """Draws the section."""
    column = layout.column()
    column.use_property_split = True
    row = column.row(heading="Memory Limit")
    row.prop(settings, "memory_limited", text="")
    value = row.row()
    value.active = settings.memory_limited
    value.prop(settings, "memory_limit", text="GB")
    column.prop(settings, "threads_mode")
    row = column.row()
    row.active = settings.threads_mode == "FIXED"
    row.prop(settings, "threads")
    column.prop(settings, "remember_photos")
    row = column.row()
    row.operator("sam3db.stop_worker")
