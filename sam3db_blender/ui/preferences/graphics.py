"""Graphics cards: see ``ui.gpu``."""

from __future__ import annotations

from typing import Any

from ..gpu import draw_gpu


def draw(layout: Any, settings: Any, width: int) -> None:
    """Draws the section."""
    draw_gpu(layout, settings, width)
