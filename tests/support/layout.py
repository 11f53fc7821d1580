"""Stands in for Blender's layout, which exists only while a window is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Layout:
    """Notes what is drawn: labels as they are, operators as ``[id] text``, properties as ``<name>``."""

    def __init__(self, drawn: list[str] | None = None) -> None:
        self.drawn = [] if drawn is None else drawn

    def column(self, **options: Any) -> Layout:
        return Layout(self.drawn)

    row = box = grid_flow = column

    def operator_menu_enum(self, name: str, enum: str, text: str = "", icon: str = "") -> None:
        self.drawn.append(f"[{name}] {enum}")

    def prop_enum(self, data: Any, name: str, value: str) -> None:
        self.prop(data, name)

    def panel(self, name: str, **options: Any) -> tuple[Layout, Layout]:
        """An opened one."""
        return Layout(self.drawn), Layout(self.drawn)

    def label(self, text: str, icon: str = "NONE") -> None:
        self.drawn.append(text)

    def progress(self, factor: float, text: str) -> None:
        self.drawn.append(f"{factor:.0%} {text}")

    def split(self, **options: Any) -> Layout:
        return Layout(self.drawn)

    def separator(self, **options: Any) -> None: ...

    def template_icon(self, icon_value: int, scale: float = 1.0) -> None:
        self.drawn.append("(picture)")

    def template_list(
        self, kind: str, name: str, data: Any, lines: str, active: Any, line: str, **options: Any
    ) -> None:
        self.drawn += [item.text for item in getattr(data, lines)]

    def operator(self, name: str, text: str = "", icon: str = "", depress: bool = False, emboss: bool = True) -> Layout:
        self.drawn.append(f"[{name}] {text}")
        return self

    def menu(self, name: str, text: str = "", icon: str = "NONE") -> None:
        self.drawn.append(f"({name}) {text}")

    def prop(self, data: Any, name: str, **options: Any) -> None:
        getattr(data, name)  # Blender complains about a property that is not there
        self.drawn.append(f"<{name}>")


def drawn(draw: Callable[..., object], *arguments: Any) -> str:
    """What a function draws into the layout that is its first argument."""
    layout = Layout()
    draw(layout, *arguments)
    return "\n".join(layout.drawn)
