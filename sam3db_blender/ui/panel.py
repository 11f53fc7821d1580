"""The sidebar's panel."""

from __future__ import annotations

from typing import Any

import bpy

from ..properties.import_options import OPTION_NAMES
from .import_options import draw_options
from .shelf import draw_offer, has_news
from .sidebar import SidebarPanel


class SAM3DB_PT_import(SidebarPanel, bpy.types.Panel):
    """Make a character from a photo"""

    bl_label = "Character from Photo"

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        self.layout.menu("SAM3DB_MT_help", text="", icon="QUESTION")

    def draw(self, context: bpy.types.Context) -> None:
        from ..handles.people import active_character
        from ..layout_text import draw_lines, width_of

        state = context.window_manager.sam3db
        layout = self.layout
        width = width_of(context.region.width, context.preferences.system.ui_scale)
        # Whoever works on a character needs the room for its panels; "Models" offers the same.
        if has_news() or active_character(context) is None:
            draw_offer(layout, width)
        settings = layout.column()
        settings.enabled = not state.running
        row = settings.row(align=True)
        row.prop(state, "photo", text="")
        row.operator("sam3db.browse_photo", text="", icon="FILE_FOLDER")
        row.operator("sam3db.paste_photo", text="", icon="PASTEDOWN")
        row.menu("SAM3DB_MT_recent_photos", text="", icon="DOWNARROW_HLT")
        draw_options(settings, state, width)
        nobody = self._draw_found(settings, state)
        if state.running:
            row = layout.row(align=True)
            row.progress(factor=state.progress, text=state.status)
            row.operator("sam3db.cancel_import", text="", icon="X")
            return
        if not state.photo:
            draw_lines(layout.column(align=True), "Choose a photo, or drop one into the viewport", width, "INFO")
        row = layout.row()
        row.scale_y = 1.4
        row.enabled = bool(state.photo) and not nobody
        row.operator_context = "EXEC_DEFAULT"
        button = row.operator("sam3db.import_character", text="Make Character", icon="OUTLINER_OB_ARMATURE")
        button.filepath, button.numbers = state.photo, state.chosen_numbers
        for name in OPTION_NAMES:
            if getattr(state, name) != "":  # a body that was chosen and is gone
                setattr(button, name, getattr(state, name))

    @staticmethod
    def _draw_found(layout: Any, state: Any) -> bool:
        """Draws who was found in the photo; whether there are some, and nobody is chosen."""
        from ..previews import thumbnails

        row = layout.row(align=True)
        row.operator("sam3db.find_people", icon="COMMUNITY")
        row.operator_context = "INVOKE_DEFAULT"
        row.operator("sam3db.draw_person", text="", icon="SELECT_SET")
        if state.found_in != state.found_key or not state.found:
            return False
        grid = layout.grid_flow(columns=0, row_major=True, even_columns=True, align=True)
        grid.use_property_split = False
        for number, person in enumerate(state.found):
            column = grid.column(align=True)
            column.template_icon(thumbnails.icon(person.key_of(number)), scale=3.5)
            column.prop(person, "chosen", text=str(number + 1), toggle=True)
        if state.chosen_numbers:
            return False
        layout.label(text="Choose at least one of them", icon="ERROR")
        return True


CLASSES = (SAM3DB_PT_import,)
