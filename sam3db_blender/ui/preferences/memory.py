"""Memory and threads of the background process, and what it keeps on the disk."""

from __future__ import annotations

from typing import Any


def draw(layout: Any, settings: Any, width: int) -> None:
    """Draws the section."""
    column = layout.column()
    column.use_property_split = True
    column.prop(settings, "remember_photos")
    column.operator("sam3db.stop_worker")
