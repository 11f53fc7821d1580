"""The panel for folders of photos."""

from __future__ import annotations

from typing import Any

import bpy

from .import_options import draw_options
from .sidebar import SidebarPanel


class SAM3DB_PT_batch(SidebarPanel, bpy.types.Panel):
    """A folder of photos to a folder of characters"""

    bl_label = "Batch"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        from ..layout_text import width_of

        width = width_of(context.region.width, context.preferences.system.ui_scale)
        draw_batch(self.layout, context.window_manager, width)


def draw_batch(layout: Any, window_manager: Any, width: int) -> None:
    """Draws the settings, the button, and how a batch stands; lines of text break after ``width`` characters."""
    from ..jobs.batch import slot
    from .long_jobs import draw_end, draw_running

    batch, job = window_manager.sam3db_batch, slot.job
    layout.use_property_split = True
    layout.use_property_decorate = False
    settings = layout.column()
    settings.enabled = not slot.busy
    for name in ("folder", "out", "patterns", "recursive", "layout"):
        settings.prop(batch, name)
    settings.prop(batch, "retry_failed")
    header, body = settings.panel("sam3db_batch_files", default_closed=True)
    header.label(text="Previews and Exports")
    if body is not None:
        body.column(align=True).prop(batch, "previews")
        body.column(align=True).prop(batch, "exports")
        if batch.exports:
            body.prop(batch, "names")
    header, body = settings.panel("sam3db_batch_engine", default_closed=True)
    header.label(text="Engine, People and Lens")
    if body is not None:
        draw_options(body, window_manager.sam3db, width, of_scene=False)

    if draw_running(layout, job, "sam3db.cancel_batch"):
        return
    row = layout.row()
    row.scale_y = 1.4
    row.operator("sam3db.run_batch", icon="FILE_FOLDER")
    draw_end(layout, job, width)
    if job is not None and job.out is not None:
        layout.operator("wm.path_open", text="Open Folder", icon="FOLDER_REDIRECT").filepath = str(job.out)


CLASSES = (SAM3DB_PT_batch,)
