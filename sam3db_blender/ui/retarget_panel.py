"""The sidebar's panel for posing an armature that the artist already has."""

from __future__ import annotations

import bpy

from .sidebar import SidebarPanel


class SAM3DB_UL_retarget_bones(bpy.types.UIList):
    """A row for each part of the body: its title, and the bone that corresponds to it"""

    def draw_item(  # type: ignore[override]  # Blender passes as many arguments as it finds
        self, context, layout, data, item, icon, active_data, active_property, index
    ):
        from native_runtime.retarget.roles import EXPECTED

        armature = data.id_data
        wanting = bool(item.bone) and item.bone not in armature.data.bones
        if item.joint in EXPECTED:
            wanting = item.bone not in armature.data.bones
        row = layout.split(factor=0.42)
        row.alert = wanting
        row.label(text=item.name)
        row.prop_search(item, "bone", armature.data, "bones", text="")


class SAM3DB_PT_retarget(SidebarPanel, bpy.types.Panel):
    """Pose any armature like a person of a photo"""

    bl_label = "Pose an Armature"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.sam3db_retarget
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(settings, "armature", icon="ARMATURE_DATA")
        layout.row().prop(settings, "source", expand=True)
        if settings.source == "FILE":
            layout.prop(settings, "estimate")
        else:
            layout.prop(settings, "character", icon="OUTLINER_OB_ARMATURE")
        column = layout.column(align=True)
        for name in ("stand", "floor"):
            column.prop(settings, name)
        if settings.source == "CHARACTER":
            column.prop(settings, "whole")
        part = column.row()
        part.enabled = settings.source == "FILE" or not settings.whole
        part.prop(settings, "keyframe")
        layout.row().prop(settings, "controls", expand=True)
        row = layout.row()
        row.scale_y = 1.4
        row.operator("sam3db.pose_armature", icon="POSE_HLT")


class SAM3DB_PT_retarget_bones(SidebarPanel, bpy.types.Panel):
    """Which bone of the armature corresponds to which part of the body"""

    bl_label = "Bones"
    bl_parent_id = "SAM3DB_PT_retarget"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene.sam3db_retarget.armature is not None

    def draw(self, context: bpy.types.Context) -> None:
        from ..layout_text import draw_lines, width_of
        from ..retarget.assignment import missing_bones

        settings = context.scene.sam3db_retarget
        rows = settings.armature.sam3db_retarget
        layout = self.layout
        row = layout.row(align=True)
        row.prop(settings, "map", text="")
        row.operator("sam3db.find_bones", icon="VIEWZOOM")
        if not rows.bones:
            return
        width = width_of(context.region.width, context.preferences.system.ui_scale)
        draw_lines(layout, rows.how, width, icon="INFO")
        missing = missing_bones(settings.armature)
        if missing:
            draw_lines(layout, f"No bone for: {', '.join(missing)}", width, icon="ERROR")
        layout.template_list("SAM3DB_UL_retarget_bones", "", rows, "bones", rows, "active", rows=8)
        column = layout.column(align=True)
        if 0 <= rows.active < len(rows.bones):  # long names do not fit into the list
            chosen = rows.bones[rows.active]
            column.label(text=chosen.name)
            column.prop_search(chosen, "bone", settings.armature.data, "bones", text="")
        column.operator("sam3db.take_active_bone", icon="EYEDROPPER")
        column.operator("sam3db.save_bones", icon="FILE_TICK")


CLASSES = (SAM3DB_UL_retarget_bones, SAM3DB_PT_retarget, SAM3DB_PT_retarget_bones)
