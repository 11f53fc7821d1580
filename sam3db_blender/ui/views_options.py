"""Draws the options of "Character from Several Photos" beside the file browser."""

from __future__ import annotations

import bpy

from .import_options import draw_options


class SAM3DB_PT_import_view_options(bpy.types.Panel):
    """The options of "Character from Several Photos" beside the file browser"""

    bl_space_type = "FILE_BROWSER"
    bl_region_type = "TOOL_PROPS"
    bl_parent_id = "FILE_PT_operator"
    bl_label = "Options"
    bl_options = {"HIDE_HEADER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        operator = context.space_data.active_operator
        return operator is not None and operator.bl_idname == "SAM3DB_OT_import_view_photos"

    def draw(self, context: bpy.types.Context) -> None:
        operator, layout = context.space_data.active_operator, self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        column = layout.column()
        column.prop(operator, "moment")
        cameras = column.column()
        cameras.active = operator.moment == "SAME"
        cameras.prop(operator, "calibration")
        if operator.calibration:
            cameras.prop(operator, "unit")
        draw_options(layout, operator, one_photo=False)


CLASSES = (SAM3DB_PT_import_view_options,)
