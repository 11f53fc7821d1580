"""The panel that hands a batch to a farm."""

from __future__ import annotations

from typing import Any

import bpy

from ..properties import farm as farm_properties
from .sidebar import SidebarPanel


class SAM3DB_PT_farm(SidebarPanel, bpy.types.Panel):
    """Shares the batch among the machines of a studio"""

    bl_label = "Submit to Farm"
    bl_parent_id = "SAM3DB_PT_batch"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        from ..layout_text import width_of

        width = width_of(context.region.width, context.preferences.system.ui_scale)
        draw_farm(self.layout, context.window_manager, width)


def draw_farm(layout: Any, window_manager: Any, width: int) -> None:
    """Draws the settings, the button, and how the job stands; lines of text break after ``width`` characters."""
    from native_runtime.farm.flamenco.address import manager_page

    from ..jobs.farm import slot
    from ..layout_text import draw_lines
    from .long_jobs import draw_end, draw_running

    farm, job, settings = window_manager.sam3db_farm, slot.job, farm_properties.farm_settings()
    layout.use_property_split = True
    layout.use_property_decorate = False
    column = layout.column()
    column.enabled = not slot.busy
    if settings is not None:
        column.prop(settings, "farm")
    flamenco = farm_properties.chosen_farm() == "flamenco"
    if flamenco and settings is not None:
        column.prop(settings, "farm_manager")
    for name in ("photos_per_task", "title", "models"):
        column.prop(farm, name)
    for name in ("priority", "worker_tag", "paused") if flamenco else ("bundle",):
        column.prop(farm, name)
    if draw_running(layout, job, "sam3db.stop_watching"):
        if flamenco:
            page = manager_page(farm_properties.manager_address())
            layout.operator("wm.url_open", text="Open Flamenco", icon="URL").url = page
        return
    row = layout.row()
    row.scale_y = 1.4
    row.operator("sam3db.submit_batch", text="Submit" if flamenco else "Write Job Bundle", icon="NETWORK_DRIVE")
    if flamenco:
        layout.operator("sam3db.write_job_type", icon="FILE_TEXT")
    if job is None:
        draw_lines(layout.column(align=True), "All machines need this extension and the same folders.", width)
        return
    draw_end(layout, job, width)
    if job.page:
        layout.operator("wm.url_open", text="Open in Browser", icon="URL").url = job.page


CLASSES = (SAM3DB_PT_farm,)
