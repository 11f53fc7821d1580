"""Models: where they lie, which there are, and how to get more."""

from __future__ import annotations

from typing import Any

from ..shelf import draw_shelf


def draw(layout: Any, settings: Any, width: int) -> None:
    """Draws the section."""
    column = layout.column()
    column.use_property_split = True
    column.prop(settings, "models_folder")
    column.prop(settings, "offer_models")
    draw_shelf(layout, width)
