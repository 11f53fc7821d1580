"""The sidebar's panel for what the active person wears."""

from __future__ import annotations

import bpy

from native_runtime.wearables import wardrobe

from ..wearables.dressing import style_title, worn_of
from .sidebar import PersonPanel


class SAM3DB_PT_look(PersonPanel, bpy.types.Panel):
    """Hair, clothes and shoes"""

    bl_label = "Look"
    bl_parent_id = "SAM3DB_PT_pose"
    bl_options = {"DEFAULT_CLOSED"}

    def _draw_person(self, context: bpy.types.Context, rig: bpy.types.Object) -> None:
        column = self.layout.column()
        column.operator("sam3db.wear_from_photo", icon="IMAGE_DATA")
        split = column.split(factor=0.3)
        split.label(text="Skin")
        split.prop(rig, "sam3db_skin_color", text="")
        for kind, title in wardrobe.KINDS.items():
            if not wardrobe.STYLES.get(kind):
                continue
            split = column.split(factor=0.3)
            split.label(text=title)
            row = split.row(align=True)
            worn = worn_of(rig, kind)
            choice = row.operator_menu_enum(
                "sam3db.wear", "style", text="None" if worn is None else style_title(worn), icon="DOWNARROW_HLT"
            )
            choice.kind = kind
            if worn is None:
                continue
            for slot in worn.material_slots:
                if slot.material is not None:
                    colour = row.row(align=True)
                    colour.ui_units_x = 1.2
                    colour.prop(slot.material, "sam3db_colour", text="")
            remove = row.operator("sam3db.wear", text="", icon="X")
            remove.kind, remove.style = kind, "none"


CLASSES = (SAM3DB_PT_look,)
