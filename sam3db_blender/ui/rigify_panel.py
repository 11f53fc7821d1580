"""The sidebar's panel for a character's Rigify rig."""

from __future__ import annotations

import bpy

from .sidebar import CharacterPanel

#: The limbs in the order of their rows: title, and the bones with the settings of the right and the left one.
_LIMBS = (("Arm", "upper_arm_parent"), ("Leg", "thigh_parent"))


class SAM3DB_PT_rigify(CharacterPanel, bpy.types.Panel):
    """A rig with Rigify's controls, which the character follows"""

    bl_label = "Rigify"
    bl_parent_id = "SAM3DB_PT_character"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        from ..handles.people import active_character
        from ..layout_text import draw_lines, width_of
        from ..rig.resting import animated
        from ..rigify import add_on
        from ..rigify.making import is_outdated
        from ..rigify.parts import rigify_of

        rig = active_character(context)
        assert rig is not None
        layout = self.layout
        width = width_of(context.region.width, context.preferences.system.ui_scale)
        rigify = rigify_of(rig)
        if rigify is None:
            layout.operator("sam3db.make_rigify", icon="ARMATURE_DATA")
            return
        if not add_on.is_enabled():
            draw_lines(layout.column(align=True), "The add-on Rigify is switched off: it has no panel.", width, "INFO")
        if is_outdated(rig):
            text = "The skeleton has changed. Update the rig, so that its controls lie on the joints again."
            draw_lines(layout.column(align=True), text, width, "ERROR")
        self._draw_limbs(rigify)
        if animated(rig):
            layout.operator("sam3db.animate_rigify", icon="ACTION")
        layout.operator("sam3db.update_rigify", icon="FILE_REFRESH")
        layout.operator("sam3db.remove_rigify", icon="TRASH")

    def _draw_limbs(self, rigify: bpy.types.Object) -> None:
        from ..rigify.making import SWITCH

        column = self.layout.column(align=True)
        for title, bone in _LIMBS:
            row = column.row(align=True)
            for side in ("R", "L"):
                master = f"{bone}.{side}"
                posed = rigify.pose.bones.get(master)
                if posed is None:
                    continue
                is_fk = float(posed.get(SWITCH, 0.0)) > 0.5
                button = row.operator("sam3db.switch_rigify", text=f"{title} {side}: {'FK' if is_fk else 'IK'}")
                button.limb, button.to = master, "IK" if is_fk else "FK"
        row = self.layout.row(align=True)
        for kind in ("FK", "IK"):
            button = row.operator("sam3db.switch_rigify", text=f"All to {kind}")
            button.limb, button.to = "", kind


CLASSES = (SAM3DB_PT_rigify,)
