"""Diagnostics: whether all is well with the installation, and the page for a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...jobs.doctor import DoctorJob, slot

if TYPE_CHECKING:
    from native_runtime.doctor.report import Section


def draw(layout: Any, settings: Any, width: int) -> None:
    """Draws the section."""
    from ...layout_text import draw_lines
    from ..long_jobs import draw_running

    job = slot.job
    if draw_running(layout, job, "sam3db.cancel_doctor"):
        return
    row = layout.row(align=True)
    row.operator("sam3db.run_doctor", text="Run Again" if job else "Run Diagnostics", icon="VIEWZOOM")
    row.operator("sam3db.copy_doctor", icon="COPYDOWN")
    if job is None:
        draw_lines(layout.column(align=True), "Looks at everything, and says what is wrong and what to do.", width)
    elif job.state != "done":
        draw_lines(layout.column(align=True), job.summary, width, "ERROR" if job.state == "failed" else "INFO")
    else:
        _draw_result(layout, job, width)


def _draw_result(layout: Any, job: DoctorJob, width: int) -> None:
    from ...layout_text import draw_lines

    faults = job.faults
    layout.label(text=job.achievement, icon="ERROR" if faults else "CHECKMARK")
    for text in faults:
        draw_lines(layout.column(align=True), text, width, "DOT")
    for text in job.hints:
        draw_lines(layout.column(align=True), text, width, "INFO")
    header, body = layout.panel("SAM3DB_preferences_page", default_closed=True)
    header.label(text="Details")
    if body is not None:
        for section in job.sections:
            _draw_section(body, section, width)


def _draw_section(layout: Any, section: Section, width: int) -> None:
    """The page's Markdown as Blender's rows: a table becomes columns, an item of a list a line."""
    from native_runtime.doctor.privacy import without_names

    from ...layout_text import draw_lines

    layout.label(text=without_names(section.title))
    column = layout.box().column(align=True)
    column.scale_y = 0.8
    for line in section.lines:
        if line.startswith("| ---") or not line:
            continue
        cells = [cell.strip() for cell in without_names(line).strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            draw_lines(column, without_names(line).removeprefix("- "), width)
            continue
        first, *rest = cells
        row = column.split(factor=0.4)
        row.label(text=first)
        inner = row.row(align=True)
        for cell in rest:
            inner.label(text=cell)
