"""The buttons that install MHR's official bodies, in the preferences and in the panel 'Models'."""

from __future__ import annotations

from typing import Any

from native_runtime.build.official_release import ABOUT_MB

from ..files import bodies
from ..jobs.bodies import SOURCE, slot
from ..layout_text import draw_lines
from .long_jobs import draw_end, draw_running

_WIDTH = 56


def draw_official_bodies(layout: Any, width: int = _WIDTH) -> None:
    """Draws what is installed, what a download would bring and under which licence, and how a running one stands.

    Args:
        width: where lines of text are broken, characters.
    """
    names = [bodies.title_of(name) for name in bodies.installed() if name.startswith("mhr-")]
    column = layout.column(align=True)
    draw_lines(column, f"Installed: {', '.join(names)}" if names else "None installed", width)
    draw_lines(column, SOURCE, width)
    job = slot.job
    if draw_running(layout, job, "sam3db.cancel_body_import"):
        return
    column = layout.column(align=True)
    column.operator_context = "INVOKE_DEFAULT"
    column.operator("sam3db.download_official_body", text=f"Download ({ABOUT_MB} MB)", icon="IMPORT")
    column.operator("sam3db.import_official_body", text="Import from File or Folder", icon="FILE_FOLDER")
    draw_end(layout, job, width)
