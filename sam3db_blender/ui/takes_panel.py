"""The panel for videos, and for characters that were made from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from native_runtime.errors import Sam3dbError

from ..properties.takes import OPTION_NAMES
from .import_options import draw_options as draw_import_options
from .sidebar import SidebarPanel

if TYPE_CHECKING:
    from ..takes.record import TakeRecord

#: How a lamp shows what a figure means.
_ICONS = {"good": "STRIP_COLOR_04", "fair": "STRIP_COLOR_03", "poor": "STRIP_COLOR_01", "": "STRIP_COLOR_09"}

#: Lines of text that the picture of a video being read is high.
_PICTURE_SCALE = 9.0


class SAM3DB_PT_takes(SidebarPanel, bpy.types.Panel):
    """Characters that move as the people of a video did"""

    bl_label = "Takes"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        from ..handles.people import active_character
        from ..layout_text import width_of

        width = width_of(context.region.width, context.preferences.system.ui_scale)
        draw_takes(self.layout, context.window_manager, width)
        rig = active_character(context)
        if rig is not None:
            draw_quality(self.layout, rig, width)


def draw_takes(layout: Any, window_manager: Any, width: int) -> None:
    """Draws the settings and the buttons; lines of text break after ``width`` characters."""
    from ..jobs.takes import slot
    from ..takes.watching import icon
    from .long_jobs import draw_end, draw_running
    from .take_tracks import draw_tracks

    takes, job = window_manager.sam3db_takes, slot.job
    layout.use_property_split = True
    layout.use_property_decorate = False
    settings = layout.column()
    settings.enabled = not slot.busy
    settings.prop(takes, "video")
    settings.prop(takes, "out")
    frames = settings.column(align=True)
    frames.prop(takes, "first", text="First Frame")
    frames.prop(takes, "last", text="Last")
    header, body = settings.panel("sam3db_take_animation", default_closed=True)
    header.label(text="Animation")
    if body is not None:
        draw_options(body, takes)
    header, body = settings.panel("sam3db_take_engine", default_closed=True)
    header.label(text="Engine, People and Lens")
    if body is not None:
        draw_import_options(body, window_manager.sam3db, width)
    if draw_running(layout, job, "sam3db.cancel_video"):
        if job is not None and job.picture is not None:
            layout.template_icon(icon_value=icon(job.picture, job.pictures), scale=_PICTURE_SCALE)
        return
    row = layout.row()
    row.scale_y = 1.4
    row.enabled = bool(takes.video)
    row.operator_context = "EXEC_DEFAULT"
    button = row.operator("sam3db.import_video", text="Make Characters", icon="ARMATURE_DATA")
    button.filepath = takes.video
    for name in ("out", "first", "last", *OPTION_NAMES):
        setattr(button, name, getattr(takes, name))
    draw_end(layout, job, width)
    if job is not None and job.tracks is not None:
        draw_tracks(layout, job.tracks, width)
    row = layout.row()
    row.operator_context = "INVOKE_DEFAULT"
    button = row.operator("sam3db.import_take", text="Import Take...", icon="ANIM")
    for name in OPTION_NAMES:
        setattr(button, name, getattr(takes, name))


def draw_options(layout: Any, options: Any) -> None:
    """Draws how takes come into a scene."""
    layout.prop(options, "rate")
    layout.prop(options, "start")
    row = layout.row(align=True, heading="Reduce Keys")
    row.prop(options, "reduce", text="")
    part = row.row(align=True)
    part.active = options.reduce
    part.prop(options, "bound_mm", text="mm")
    column = layout.column(heading="Playback")
    column.prop(options, "strip")
    column.prop(options, "set_range")


def draw_quality(layout: Any, rig: bpy.types.Object, width: int) -> None:
    """Draws the figures of a character's take; nothing for characters of photos."""
    from ..layout_text import draw_lines
    from ..takes.quality import lamps
    from ..takes.record import read_record

    try:
        record = read_record(rig)
    except Sam3dbError as error:
        draw_lines(layout.column(align=True), str(error), width, "ERROR")
        return
    if record is None:
        return
    _draw_corrections(layout, record)
    header, body = layout.panel("sam3db_take_quality")
    header.label(text="Quality")
    if body is None:
        return
    column = body.column(align=True)
    camera = "Camera stands still" if record.camera == "fixed" else "Camera moves"
    column.label(text=f"Frames {record.first} to {record.last}. {camera}", icon="INFO")
    for lamp in lamps(record.quality):
        column.label(text=f"{lamp.title}: {lamp.text}", icon=_ICONS[lamp.level])


def _draw_corrections(layout: Any, record: TakeRecord) -> None:
    """Draws what corrects the motion on the frame that is shown."""
    from native_runtime.prompts.prompt import keypoint_names

    from ..takes.pins import in_words

    header, body = layout.panel("sam3db_take_corrections")
    header.label(text="Correct This Frame")
    if body is None:
        return
    row = body.row()
    row.operator_context = "INVOKE_DEFAULT"
    row.operator("sam3db.pin_joint", icon="EMPTY_AXIS")
    row = body.row(align=True)
    row.operator("sam3db.pin_here", icon="PINNED")
    row.operator("sam3db.smooth_here", icon="MOD_SMOOTH")
    row = body.row(align=True)
    for side, name in (("L", "Left"), ("R", "Right")):
        row.operator("sam3db.fix_foot", text=f"Fix {name} Foot", icon="LOCKED").side = side
    column = body.column(align=True)
    for prompt in record.prompts:
        row = column.row(align=True)
        row.label(text=in_words(prompt, record), icon="PINNED" if len(prompt) == 4 else "HIDE_ON")
        row.operator_context = "EXEC_DEFAULT"
        button = row.operator("sam3db.correct_take", text="", icon="X")
        button.frame, button.keypoint, button.saying = prompt[0], keypoint_names()[prompt[1]], "FORGET"


CLASSES = (SAM3DB_PT_takes,)
