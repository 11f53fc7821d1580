"""The sidebar's panel for the lens of the active person's photo."""

from __future__ import annotations

import math

import bpy

from ..handles.lens import field_of_view, focal_of, longer_side
from ..handles.people import active_character
from ..properties.import_options import FULL_FRAME_MM
from .sidebar import SidebarPanel


class SAM3DB_PT_lens(SidebarPanel, bpy.types.Panel):
    """The lens with which the photo was taken"""

    bl_label = "Lens"
    bl_parent_id = "SAM3DB_PT_pose"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        rig = active_character(context)
        assert rig is not None
        focal = focal_of(rig)
        millimetres = focal / longer_side(rig) * FULL_FRAME_MM
        degrees = math.degrees(field_of_view(rig))
        self.layout.label(text=f"{millimetres:.0f} mm (full frame), {degrees:.0f}°", icon="CAMERA_DATA")
        row = self.layout.row(align=True)
        row.operator_context = "INVOKE_DEFAULT"
        for mode, text in (("mm", "Focal Length"), ("fov", "Field of View")):
            row.operator("sam3db.set_lens", text=text).mode = mode
        row = self.layout.row()
        row.operator_context = "EXEC_DEFAULT"
        row.operator("sam3db.set_lens", text="From Photo", icon="IMAGE_DATA").mode = "auto"


CLASSES = (SAM3DB_PT_lens,)
