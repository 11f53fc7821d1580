"""The sidebar's panel for the active person's mask."""

from __future__ import annotations

import bpy

from .sidebar import SidebarPanel


class SAM3DB_PT_mask(SidebarPanel, bpy.types.Panel):
    """Which pixels of the photo are this person"""

    bl_label = "Mask"
    bl_parent_id = "SAM3DB_PT_pose"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        from ..handles.people import active_character, photo_camera
        from ..masks import store as masks

        rig = active_character(context)
        assert rig is not None
        column = self.layout.column(align=True)
        there = masks.has_mask(rig)
        column.operator_context = "INVOKE_DEFAULT"
        for mode, text in (("REPLACE", "Draw"), ("ADD", "Draw to Add"), ("SUBTRACT", "Draw to Subtract")):
            if there or mode == "REPLACE":
                column.operator("sam3db.draw_mask", text=text, icon="GREASEPENCIL").mode = mode
        column.operator("sam3db.mask_from_photo", text="From Photo", icon="IMAGE_DATA")
        column.operator("sam3db.load_mask", text="From Picture", icon="FILE_IMAGE")
        column.operator("sam3db.mask_from_object", text="From Active Object", icon="OUTLINER_OB_CURVE")
        if not there:
            return
        row = self.layout.row(align=True)
        shown = photo_camera(rig) is not None and masks.overlay_shown(rig)
        text = "Hide" if shown else "Show"
        button = row.operator("sam3db.show_mask", text=text, icon="HIDE_OFF" if shown else "HIDE_ON", depress=shown)
        button.on = not shown
        row.operator("sam3db.clear_mask", text="Clear", icon="X")


CLASSES = (SAM3DB_PT_mask,)
