"""Engine and device: what estimates new characters, and what it is computed on."""

from __future__ import annotations

from typing import Any


def draw(layout: Any, settings: Any, width: int) -> None:
    """Draws the section."""
    column = layout.column()
    column.use_property_split = True
    column.prop(settings, "provider")
