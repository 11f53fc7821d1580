"""Models: where they lie, which there are, whether they are whole, and how to get more."""

from __future__ import annotations

from typing import Any

from native_runtime.models.store import models_dir

from ... import places
from ...jobs import doctor, moving
from ..shelf import draw_shelf


def draw(layout: Any, settings: Any, width: int) -> None:
    """Draws the section."""
    column = layout.column()
    column.use_property_split = True
    column.prop(settings, "models_folder")
    column.prop(settings, "offer_models")
    _draw_included(layout.box(), width)
    draw_shelf(layout, width)


def _draw_included(layout: Any, width: int) -> None:
    """Draws what everybody has, and what can be done with the models as a whole."""
    from native_runtime.doctor.privacy import without_names

    from ...files import included
    from ...layout_text import draw_lines
    from ...shelf import facts
    from ..long_jobs import draw_end, draw_running

    layout.label(text="Landmarks and the Default Body", icon="CHECKMARK")
    folder = models_dir(places.models_folder())
    where = "come with the extension" if folder == places.bundled_models() else f"in {without_names(str(folder))}"
    column = layout.column(align=True)
    for kind in included.kinds(folder):
        text = f"{kind.title}: {kind.files} files, {facts.size_text(kind.size)}, {where}"
        draw_lines(column, text if kind.files else f"{kind.title}: missing", width, "" if kind.files else "ERROR")
    draw_lines(column, "Licenses: Apache 2.0 and others that allow commercial use; see THIRD_PARTY.md", width)
    if draw_running(layout, moving.slot.job, "sam3db.cancel_move"):
        return
    if draw_running(layout, doctor.verify_slot.job, "sam3db.cancel_verify"):
        return
    row = layout.row(align=True)
    row.operator("sam3db.verify_models", text="Verify All", icon="CHECKMARK")
    row.operator_context = "INVOKE_DEFAULT"
    row.operator("sam3db.move_models", text="Move All to...", icon="FILE_FOLDER")
    row.operator("sam3db.stop_worker")
    draw_end(layout, moving.slot.job, width)
    _draw_verified(layout.column(align=True), width)


def _draw_verified(layout: Any, width: int) -> None:
    from ...layout_text import draw_lines

    job = doctor.verify_slot.job
    if job is None:
        return
    if job.state != "done":
        draw_lines(layout, job.summary, width, "ERROR" if job.state == "failed" else "INFO")
    elif job.faults:
        for text in job.faults:
            draw_lines(layout, text, width, "ERROR")
    else:
        count = sum(len(section.facts.get("files", ())) for section in job.sections)
        draw_lines(layout, f"All {count} model files are as they should be.", width, "CHECKMARK")
