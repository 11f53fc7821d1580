"""The state of SAM 3D Body, and the buttons that install it: in the preferences and in a panel of the sidebar."""

from __future__ import annotations

from typing import Any

import bpy

from ..files import sam3d_body
from ..files.bodies import title_of
from ..jobs.sam3d_body import check_slot, slot
from ..layout_text import draw_lines, width_of
from .long_jobs import draw_end, draw_running
from .sidebar import SidebarPanel

_ABOUT = "Meta's model. You need its weights: Meta grants access, under the SAM License."


def draw_status(layout: Any, width: int, brief: bool = False) -> bool:
    """Draws in a line or two whether the engine can be used, and on what; whether it is installed.

    Args:
        width: where lines of text are broken, characters.
        brief: leave out why not on something better, and say where to get it when it is missing.
    """
    model = sam3d_body.installed()
    column = layout.column(align=True)
    if model is None:
        way = ": see the panel 'SAM 3D Body'" if brief else ""
        draw_lines(column, f"SAM 3D Body is not installed{way}", width, "ERROR")
        return False
    if not model.body:
        draw_lines(
            column,
            f"Its body ({title_of(sam3d_body.BODY)}) is missing: convert the checkpoint again",
            width,
            "ERROR",
        )
        return False
    check = check_slot.job
    if check is None:
        draw_lines(column, f"Installed: {model.title}", width, "CHECKMARK")
    elif check.state == "running":
        draw_lines(column, "Checking what it runs on", width, "SORTTIME")
    else:
        draw_lines(column, check.summary, width, "CHECKMARK" if check.ready else "ERROR")
        for note in () if brief else check.notes:
            draw_lines(column, note, width)
    return True


def draw_sam3d_body(layout: Any, width: int) -> None:
    """Draws how it stands, the steps to get it, and how a running one goes.

    Args:
        width: where lines of text are broken, characters.
    """
    there = draw_status(layout, width)
    if there:
        layout.operator("sam3db.check_sam3d_body", text="Check What It Runs On", icon="FILE_REFRESH")
    else:
        draw_lines(layout.column(align=True), _ABOUT, width)
    job = slot.job
    if draw_running(layout, job, "sam3db.cancel_sam3d_body"):
        return
    column = layout.column(align=True)
    column.operator_context = "INVOKE_DEFAULT"
    checkpoints = sam3d_body.checkpoints()
    column.operator("sam3db.download_sam3d_body", text="1. Download the Checkpoint", icon="IMPORT")
    text = "2. Convert" if checkpoints else "2. Convert Your Own Files"
    column.operator("sam3db.convert_sam3d_body", text=text, icon="FILE_CACHE")
    if checkpoints:
        column.operator("sam3db.convert_sam3d_body", text="Convert Other Files", icon="FILE_FOLDER").browse = True
        size = sum(sources.size for sources in checkpoints) / 1e9
        row = layout.row()
        row.operator_context = "INVOKE_DEFAULT"
        text = f"Remove Downloaded Files ({size:.1f} GB)"
        row.operator("sam3db.remove_sam3d_body_checkpoints", text=text, icon="TRASH")
    draw_end(layout, job, width)


class SAM3DB_PT_sam3d_body(SidebarPanel, bpy.types.Panel):
    """SAM 3D Body: whether it is installed, and how to get it"""

    bl_label = "SAM 3D Body"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        draw_sam3d_body(self.layout, width_of(context.region.width, context.preferences.system.ui_scale))


CLASSES = (SAM3DB_PT_sam3d_body,)
