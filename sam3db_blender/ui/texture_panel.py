"""The sidebar's panel for the active person's texture."""

from __future__ import annotations

import bpy

from native_runtime.errors import Sam3dbError

from .sidebar import SidebarPanel


class SAM3DB_PT_texture(SidebarPanel, bpy.types.Panel):
    """Skin and clothes from the photo"""

    bl_label = "Texture"
    bl_parent_id = "SAM3DB_PT_pose"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        from ..handles.people import active_character
        from ..scene.bodies import body_mesh
        from ..scene.textured import record_of, texture_of

        rig = active_character(context)
        assert rig is not None
        try:
            mesh = body_mesh(rig)
        except Sam3dbError as error:
            self.layout.label(text=str(error), icon="ERROR")
            return
        there = texture_of(mesh) is not None
        column = self.layout.column(align=True)
        column.operator(
            "sam3db.project_texture",
            text="Re-project Texture" if there else "Texture from Photo",
            icon="FILE_REFRESH" if there else "TEXTURE",
        )
        if not there:
            return
        column.operator("sam3db.remove_texture", text="Remove", icon="X")
        shares = (record_of(mesh) or {}).get("shares", {})
        if shares:
            text = self.layout.column(align=True)
            for name, title in (
                ("seen", "seen in the photo"),
                ("mirrored", "from the other side"),
                ("spread", "filled in"),
            ):
                text.label(text=f"{100 * float(shares.get(name, 0)):.0f} % {title}")


CLASSES = (SAM3DB_PT_texture,)
