"""The sidebar's panel for the lens of the active person's photo."""

from __future__ import annotations

import math

import bpy

from ..properties.import_options import FULL_FRAME_MM
from .sidebar import SidebarPanel


class SAM3DB_PT_lens(SidebarPanel, bpy.types.Panel):
    """The lens with which the photo was taken"""

    bl_label = "Lens"
    bl_parent_id = "SAM3DB_PT_pose"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        from ..handles.lens import field_of_view, focal_of, lens_of, longer_side, source_in_words
        from ..handles.people import active_character

        rig = active_character(context)
        assert rig is not None
        focal = focal_of(rig)
        millimetres = focal / longer_side(rig) * FULL_FRAME_MM
        degrees = math.degrees(field_of_view(rig))
        self.layout.label(text=f"{millimetres:.0f} mm (full frame), {degrees:.0f}°", icon="CAMERA_DATA")
        known = lens_of(rig)
        source, interval = source_in_words(known), known.get("fov_interval_deg")
        if source:
            unsure = known.get("text") and interval
            between = f": {interval[0]:.0f}° to {interval[1]:.0f}°" if unsure else ""
            self.layout.label(text=f"{source}{between}", icon="QUESTION" if unsure else "NONE")
        row = self.layout.row(align=True)
        row.operator_context = "INVOKE_DEFAULT"
        for mode, text in (("mm", "Focal Length"), ("fov", "Field of View")):
            row.operator("sam3db.set_lens", text=text).mode = mode
        row = self.layout.row()
        row.operator_context = "INVOKE_DEFAULT"
        row.operator("sam3db.draw_lens", icon="MOD_LATTICE")
        row = self.layout.row()
        row.operator_context = "EXEC_DEFAULT"
        row.operator("sam3db.set_lens", text="From Photo", icon="IMAGE_DATA").mode = "auto"


CLASSES = (SAM3DB_PT_lens,)
