"""Draws the options of an import: in the sidebar, for a batch, and beside the file browser."""

from __future__ import annotations

from typing import Any

import bpy

from ..properties.import_options import KINDS, ImportOptions
from .shelf import draw_installed


class SAM3DB_PT_import_options(bpy.types.Panel):
    """The options of "Character from Photo" beside the file browser"""

    bl_space_type = "FILE_BROWSER"
    bl_region_type = "TOOL_PROPS"
    bl_parent_id = "FILE_PT_operator"
    bl_label = "Options"
    bl_options = {"HIDE_HEADER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        operator = context.space_data.active_operator
        return operator is not None and operator.bl_idname == "SAM3DB_OT_import_character"

    def draw(self, context: bpy.types.Context) -> None:
        draw_options(self.layout, context.space_data.active_operator)


def draw_options(
    layout: bpy.types.UILayout | None,
    options: ImportOptions,
    width: int = 40,
    of_scene: bool = True,
    one_photo: bool = True,
) -> None:
    """Draws the options; of the lens only what its choice needs. Lines of text break after ``width`` characters.

    Args:
        of_scene: also those that concern the open scene.
        one_photo: also who of a photo is meant.
    """
    from native_runtime.engines import AUTO, engines

    from ..files import bodies, sam3d_body
    from ..jobs import engine_check
    from ..jobs.engines import capabilities_of, chosen, inferences_of
    from ..layout_text import draw_lines
    from .sam3d_body import draw_status

    assert layout is not None
    layout.use_property_split = True
    layout.use_property_decorate = False
    column = layout.column()
    column.prop(options, "engine")
    engine = chosen(options.engine)
    if options.engine == AUTO:
        draw_lines(column.column(align=True), f"Now: {engines()[engine].title}", width, "FORWARD")
    if engine == sam3d_body.ENGINE:
        draw_status(column, width, brief=True)
    elif engine == engine_check.ENGINE:
        _draw_bundled(column, width)
    else:
        draw_installed(column.column(align=True), engine, width)
    can = capabilities_of(options.engine)
    offered = set(inferences_of(options.engine))
    for name, kinds in KINDS.items():
        if not offered.isdisjoint(kinds):
            column.prop(options, name)
            if getattr(options, name) not in offered:
                draw_lines(column, "Not with this model: convert it again to use smaller crops", width, "INFO")
    if not can.fits:
        column.prop(options, "refine", slider=True)
    if one_photo:
        column.prop(options, "persons")
    column.prop(options, "body")
    if not can.supports_body(options.body):
        draw_lines(column, f"Uses the model's own body: {bodies.title_of(can.body)}", width, "INFO")
    column.prop(options, "lens")
    if options.lens != "auto":
        column.prop(options, {"mm": "focal_mm"}.get(options.lens, options.lens))
    header, more = layout.panel("SAM3DB_more_options", default_closed=True)  # so that the button stays in sight
    header.label(text="More Options")
    if more is not None:
        _draw_more(more, options, width, can.ages, of_scene)


def _draw_more(
    layout: bpy.types.UILayout, options: ImportOptions, width: int, takes_ages: bool, of_scene: bool
) -> None:
    """Draws what is seldom needed: what is known of the person, how the photo lies, and what the scene gets."""
    from ..layout_text import draw_lines

    column = layout.column()
    if of_scene:  # a batch has a person of each photo
        row = column.row(heading="Known Height")
        row.prop(options, "height_known", text="")
        value = row.row()
        value.active = options.height_known
        value.prop(options, "height", text="")
    row = column.row(heading="Known Age")
    row.active = takes_ages
    row.prop(options, "age_known", text="")
    value = row.row()
    value.active = options.age_known
    value.prop(options, "age", text="")
    if options.age_known and not takes_ages:
        draw_lines(column, "This engine does not use an age", width, "INFO")
    column.prop(options, "turn")
    column.prop(options, "texture")
    if of_scene:
        column.prop(options, "light")
        column.prop(options, "controls")
        column.prop(options, "worn")


def _draw_bundled(layout: Any, width: int) -> None:
    """Draws whether the bundled engine can be used, and on what."""
    from ..jobs import engine_check
    from ..layout_text import draw_lines

    row = layout.row(align=True)
    lines, check = row.column(align=True), engine_check.slot.job
    if not engine_check.networks_installed():
        draw_lines(lines, "Its networks are missing: reinstall the extension", width, "ERROR")
    elif check is None:
        draw_lines(lines, "Comes with the extension", width, "CHECKMARK")
    elif check.state == "running":
        draw_lines(lines, "Checking what it runs on", width, "SORTTIME")
    else:
        draw_lines(lines, check.summary, width, "CHECKMARK" if check.ready else "ERROR")
    row.operator("sam3db.check_landmarks", text="", icon="FILE_REFRESH")


CLASSES = (SAM3DB_PT_import_options,)
