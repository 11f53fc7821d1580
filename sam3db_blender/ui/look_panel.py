"""The sidebar's panel for what the active person wears."""

from __future__ import annotations

from typing import Any

import bpy

from native_runtime.wearables.kinds import KINDS

from .sidebar import PersonPanel


def _menu_name(kind: str) -> str:
    return f"SAM3DB_MT_wear_{kind}"


class _StyleMenu:
    """A mix-in: a menu of the styles of a kind, and None."""

    kind: str
    layout: Any

    def draw(self, context: bpy.types.Context) -> None:
        from native_runtime.wearables import wardrobe

        styles = {"none": "None", **{name: style.title for name, style in wardrobe.STYLES[self.kind].items()}}
        for name, title in styles.items():
            choice = self.layout.operator("sam3db.wear", text=title)
            choice.kind = self.kind
            choice.style = name


#: One menu for each kind that can be worn.
_MENUS = tuple(
    type(_menu_name(kind), (_StyleMenu, bpy.types.Menu), {"bl_label": title, "kind": kind})
    for kind, title in KINDS.items()
)


class SAM3DB_PT_look(PersonPanel, bpy.types.Panel):
    """Hair, clothes and shoes"""

    bl_label = "Look"
    bl_parent_id = "SAM3DB_PT_pose"
    bl_options = {"DEFAULT_CLOSED"}

    def _draw_person(self, context: bpy.types.Context, rig: bpy.types.Object) -> None:
        from native_runtime.wearables import wardrobe

        from ..layout_text import draw_lines, width_of
        from ..scene.bodies import body_mesh
        from ..scene.textured import texture_of
        from ..wearables.dressing import style_title, worn_of

        column = self.layout.column()
        column.operator("sam3db.wear_from_photo", icon="IMAGE_DATA")
        split = column.split(factor=0.3)
        split.label(text="Skin")
        split.prop(rig, "sam3db_skin_color", text="")
        if texture_of(body_mesh(rig)) is not None:
            split.enabled = False
            width = width_of(context.region.width, context.preferences.system.ui_scale)
            draw_lines(column.column(align=True), "The texture covers it: paint there, or remove it.", width, "INFO")
        for kind, title in KINDS.items():
            if not wardrobe.STYLES.get(kind):
                continue
            split = column.split(factor=0.3)
            split.label(text=title)
            row = split.row(align=True)
            worn = worn_of(rig, kind)
            row.menu(_menu_name(kind), text="None" if worn is None else style_title(worn))
            if worn is None:
                continue
            for slot in worn.material_slots:
                if slot.material is not None:
                    colour = row.row(align=True)
                    colour.ui_units_x = 1.2
                    colour.prop(slot.material, "sam3db_colour", text="")
            remove = row.operator("sam3db.wear", text="", icon="X")
            remove.kind, remove.style = kind, "none"


CLASSES = (*_MENUS, SAM3DB_PT_look)
