"""The sidebar's panel for files for other programs, and the entry under File > Export."""

from __future__ import annotations

import bpy

from .sidebar import SidebarPanel


class SAM3DB_PT_export(SidebarPanel, bpy.types.Panel):
    """The character in a file for another program"""

    bl_label = "Export"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..handles.people import people_of

        return context.scene is not None and bool(people_of(context.scene))

    def draw(self, context: bpy.types.Context) -> None:
        from ..handles.people import active_character

        layout, settings = self.layout, context.window_manager.sam3db_export
        layout.use_property_split = True
        layout.use_property_decorate = False
        rig = active_character(context)
        layout.label(text="" if rig is None else rig.name, icon="OUTLINER_OB_ARMATURE")
        settings.draw_target(layout)
        header, body = layout.panel("SAM3DB_export_details", default_closed=True)
        header.label(text="Advanced")
        if body is not None:
            settings.draw_details(body)
            body.operator("sam3db.copy_map", icon="DUPLICATE").names = settings.names
        row = layout.row()
        row.scale_y = 1.4
        row.operator("sam3db.export_character", text="Export...", icon="EXPORT")


CLASSES = (SAM3DB_PT_export,)


def draw_export(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    self.layout.operator("sam3db.export_character", text="Character (FBX, glTF, VRM, BVH, USD)")


def attach() -> None:
    """Adds the entry under File > Export."""
    bpy.types.TOPBAR_MT_file_export.append(draw_export)


def detach() -> None:
    """Takes it away again."""
    bpy.types.TOPBAR_MT_file_export.remove(draw_export)
