"""The sidebar's panel."""

from __future__ import annotations

import bpy

from .options import OPTION_NAMES, draw_options
from .sidebar import SidebarPanel
from .text import width_of


class SAM3DB_PT_import(SidebarPanel, bpy.types.Panel):
    """Make a character of a photo"""

    bl_label = "Character from Photo"

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        self.layout.menu("SAM3DB_MT_help", text="", icon="QUESTION")

    def draw(self, context: bpy.types.Context) -> None:
        state = context.window_manager.sam3db
        layout = self.layout
        settings = layout.column()
        settings.enabled = not state.running
        row = settings.row(align=True)
        row.prop(state, "photo", text="")
        row.operator("sam3db.paste_photo", text="", icon="PASTEDOWN")
        row.menu("SAM3DB_MT_recent_photos", text="", icon="DOWNARROW_HLT")
        draw_options(settings, state, width_of(context.region.width, context.preferences.system.ui_scale))
        if state.running:
            row = layout.row(align=True)
            row.progress(factor=state.progress, text=state.status)
            row.operator("sam3db.cancel_import", text="", icon="X")
            return
        if not state.photo:
            layout.label(text="Choose a photo, or drop one into the viewport", icon="INFO")
        row = layout.row()
        row.scale_y = 1.4
        row.enabled = bool(state.photo)
        row.operator_context = "EXEC_DEFAULT"
        button = row.operator("sam3db.import_character", text="Make Character", icon="OUTLINER_OB_ARMATURE")
        button.filepath = state.photo
        for name in OPTION_NAMES:
            if getattr(state, name) != "":  # a body that was chosen and is gone
                setattr(button, name, getattr(state, name))


CLASSES = (SAM3DB_PT_import,)
