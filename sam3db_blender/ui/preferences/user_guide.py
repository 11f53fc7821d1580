"""The row above the sections: where to read more."""

from __future__ import annotations

from typing import Any

from ... import places
from .. import manual


def draw(layout: Any) -> None:
    """Draws the row."""
    row = layout.row(align=True)
    guide = row.row(align=True)
    guide.enabled = places.guide_folder().is_dir()
    guide.operator("wm.url_open", text="User Guide", icon="HELP").url = manual.address("index.html")
    row.menu("SAM3DB_MT_help", text="", icon="DOWNARROW_HLT")
