"""The row above the sections: where to read more."""

from __future__ import annotations

from typing import Any

from ... import places


def draw(layout: Any) -> None:
    """Draws the row."""
    row = layout.row(align=True)
    row.operator("wm.url_open", text="User Guide", icon="HELP").url = places.user_guide().as_uri()
    row.menu("SAM3DB_MT_help", text="", icon="DOWNARROW_HLT")
