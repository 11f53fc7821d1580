"""The progress of a download or a conversion, as panels and the preferences show it."""

from __future__ import annotations

from typing import Any

from ..jobs.long import LongJob
from ..layout_text import draw_lines


def draw_running(layout: Any, job: LongJob | None, cancel: str) -> bool:
    """Draws how far a job is, with the button of the operator ``cancel``; False where none is under way."""
    if job is None or job.state != "running":
        return False
    row = layout.row(align=True)
    row.progress(factor=job.progress, text=job.status)
    row.operator(cancel, text="", icon="X")
    return True


def draw_end(layout: Any, job: LongJob | None, width: int) -> None:
    """Draws how the last job ended, and what the user should know of it; nothing where there was none."""
    if job is None:
        return
    column = layout.column(align=True)
    column.alert = job.state == "failed"
    draw_lines(column, job.summary, width, "ERROR" if job.state == "failed" else "INFO")
    for note in job.notes:
        draw_lines(column, note, width)
