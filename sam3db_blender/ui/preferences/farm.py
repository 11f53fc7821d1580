"""Which farm shares batches among machines, and where it is."""

from __future__ import annotations

from typing import Any


def draw(layout: Any, settings: Any, width: int) -> None:
    """Draws the section."""
    column = layout.column()
    column.use_property_split = True
    column.prop(settings, "farm")
    if settings.farm == "flamenco":
        column.prop(settings, "farm_manager")
        column.operator("sam3db.write_job_type", icon="FILE_TEXT")
