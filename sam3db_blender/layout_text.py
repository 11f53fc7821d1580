"""Texts of several lines, which Blender's labels do not have."""

from __future__ import annotations

import textwrap
from typing import Any


def draw_lines(layout: Any, text: str, width: int, icon: str = "") -> None:
    """Draws a text, broken after ``width`` characters; the icon stands before the first line."""
    for number, line in enumerate(textwrap.wrap(text, width)):
        layout.label(text=line, icon="NONE" if not icon else "BLANK1" if number else icon)


def width_of(region_width: int, ui_scale: float) -> int:
    """How many characters fit into a sidebar: about seven pixels a letter at the usual size."""
    return max(20, int(region_width / (7.0 * (ui_scale or 1.0))) - 6)
