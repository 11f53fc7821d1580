"""The sidebar's panel for pictures of the characters in the scene."""

from __future__ import annotations

import bpy

from .sidebar import SidebarPanel


class SAM3DB_PT_previews(SidebarPanel, bpy.types.Panel):
    """Pictures of the characters in their current state"""

    bl_label = "Previews"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..handles.people import people_of

        return context.scene is not None and bool(people_of(context.scene))

    def draw(self, context: bpy.types.Context) -> None:
        from ..scene.behind import is_on

        layout, previews = self.layout, context.window_manager.sam3db_previews
        assert context.scene is not None
        row = layout.row(align=True)
        row.operator("sam3db.photo_behind", icon="IMAGE_BACKGROUND", depress=is_on(context.scene))
        row.operator("sam3db.photo_size", text="", icon="FULLSCREEN_ENTER")
        layout.use_property_split = True
        layout.use_property_decorate = False
        settings = layout.column()
        settings.enabled = not previews.running
        settings.column(align=True).prop(previews, "kinds")
        for name in ("look", "renderer", "size", "folder"):
            settings.prop(previews, name)
        if previews.running:
            layout.progress(factor=previews.progress, text=f"{previews.status}   (Esc: Cancel)")
            return
        row = layout.row()
        row.scale_y = 1.4
        row.operator("sam3db.render_previews", icon="RENDER_STILL")
        if previews.pictures:
            self._draw_pictures(previews)

    def _draw_pictures(self, previews: bpy.types.PropertyGroup) -> None:
        column = self.layout.column(align=True)
        for picture in previews.pictures:
            column.operator("sam3db.show_preview", text=picture.name, icon="IMAGE_DATA").filepath = picture.path
        folder = bpy.path.abspath(previews.folder)
        self.layout.operator("wm.path_open", text="Open Folder", icon="FOLDER_REDIRECT").filepath = folder


CLASSES = (SAM3DB_PT_previews,)
