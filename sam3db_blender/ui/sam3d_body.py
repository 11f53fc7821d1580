"""Whether SAM 3D Body can be used, and on what."""

from __future__ import annotations

from typing import Any

from ..files import sam3d_body
from ..files.bodies import title_of
from ..jobs.sam3d_body import check_slot
from ..layout_text import draw_lines


def draw_status(layout: Any, width: int, brief: bool = False) -> None:
    """Draws in a line or two whether the engine can be used, and on what.

    Args:
        width: where lines of text are broken, characters.
        brief: leave out why not on something better, and say where to get it when it is missing.
    """
    model = sam3d_body.installed()
    column = layout.column(align=True)
    if model is None:
        way = ": see the panel 'Models'" if brief else ""
        draw_lines(column, f"SAM 3D Body is not installed{way}", width, "ERROR")
        return
    if not model.body:
        draw_lines(column, f"Its body ({title_of(sam3d_body.BODY)}) is missing: install it again", width, "ERROR")
        return
    check = check_slot.job
    if check is None:
        draw_lines(column, f"Installed: {model.title}", width, "CHECKMARK")
    elif check.state == "running":
        draw_lines(column, "Checking what it runs on", width, "SORTTIME")
    else:
        draw_lines(column, check.summary, width, "CHECKMARK" if check.ready else "ERROR")
        for note in () if brief else check.notes:
            draw_lines(column, note, width)
