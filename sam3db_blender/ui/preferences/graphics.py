"""Graphics cards: see ``ui.gpu``."""

from __future__ import annotations

from typing import Any


def draw(layout: Any, settings: Any, width: int) -> None:
    """Draws the section."""
    from ..gpu import draw_gpu

    draw_gpu(layout, settings, width)
