"""The sidebar's panel of a character's controls."""

from __future__ import annotations

from typing import Any

import bpy

from .sidebar import CharacterPanel

_LIMBS = (("Arm", "arm"), ("Leg", "leg"))
_FOLLOWS = (
    ("Neck", "neck_follow"),
    ("Head", "head_follow"),
    ("Hand L", "hand_ik_parent.L"),
    ("Hand R", "hand_ik_parent.R"),
    ("Foot L", "foot_ik_parent.L"),
    ("Foot R", "foot_ik_parent.R"),
    ("Elbow Pole L", "elbow_pole_parent.L"),
    ("Elbow Pole R", "elbow_pole_parent.R"),
    ("Knee Pole L", "knee_pole_parent.L"),
    ("Knee Pole R", "knee_pole_parent.R"),
)


class SAM3DB_PT_controls(CharacterPanel, bpy.types.Panel):
    """Controls with FK and IK, which the character follows"""

    bl_label = "Controls"
    bl_parent_id = "SAM3DB_PT_character"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        from native_runtime.characters.controls.plan import VERSION

        from ..handles.people import active_character
        from ..rig.control_pose import controls_of, version_of
        from ..rig.followed import followed
        from ..rig.properties import slider_path

        rig = active_character(context)
        assert rig is not None
        controls = controls_of(rig)
        layout = self.layout
        if controls is None:
            layout.operator("sam3db.mirror_pose", icon="MOD_MIRROR")
            if followed(rig) is None:
                layout.operator("sam3db.add_controls", icon="ARMATURE_DATA")
            else:
                self._say(context, "A Rigify rig takes the place of controls. Remove it in the panel Rigify.", "INFO")
            return
        if version_of(controls) > VERSION:
            self._say(context, "A newer version of the extension made these controls. Update the extension.", "ERROR")
            return
        if version_of(controls) < VERSION:
            self._say(context, "An earlier version of the extension made these controls.", "INFO")
            layout.operator("sam3db.update_controls", icon="FILE_REFRESH")
        self._draw_limbs(controls)
        row = layout.row(align=True)
        row.operator("sam3db.mirror_pose", icon="MOD_MIRROR")
        row.operator("sam3db.reset_character", text="Reset", icon="LOOP_BACK").parts = {"pose"}
        self._draw_groups(controls)
        header, body = layout.panel("SAM3DB_control_follows", default_closed=True)
        header.label(text="Follow")
        if body is not None:
            column = body.column(align=True)
            for title, key in (*_FOLLOWS, ("Eyes Aim", "eyes_aim")):
                if controls.get(key) is not None:
                    column.prop(controls, slider_path(key), text=title)
        self._draw_soft(controls)
        layout.operator("sam3db.make_pose_assets", icon="ASSET_MANAGER")
        layout.operator("sam3db.remove_controls", icon="TRASH")

    def _say(self, context: bpy.types.Context, text: str, icon: str) -> None:
        from ..layout_text import draw_lines, width_of

        width = width_of(context.region.width, context.preferences.system.ui_scale)
        draw_lines(self.layout.column(align=True), text, width, icon)

    def _draw_limbs(self, controls: bpy.types.Object) -> None:
        from ..rig.properties import slider_path

        column = self.layout.column(align=True)
        row = _limb_row(column, "")
        for title in ("IK", "", "", "Stretch"):  # a narrow sidebar has no place for them in the rows
            row.label(text=title)
        for title, limb in _LIMBS:
            for side in ("R", "L"):
                key = f"{limb}_ik.{side}"
                if controls.get(key) is None:
                    continue
                row = _limb_row(column, f"{title} {side}")
                row.prop(controls, slider_path(key), text="", slider=True)
                for kind in ("FK", "IK"):
                    button = row.operator("sam3db.snap_controls", text=f"To {kind}")
                    button.limb, button.to = key, kind
                row.prop(controls, slider_path(f"{limb}_stretch.{side}"), text="", slider=True)
        row = column.row(align=True)
        for kind in ("FK", "IK"):
            button = row.operator("sam3db.snap_controls", text=f"All to {kind}")
            button.limb, button.to = "all", kind

    def _draw_soft(self, controls: bpy.types.Object) -> None:
        from ..rig.properties import slider_path

        header, body = self.layout.panel("SAM3DB_control_soft", default_closed=True)
        header.label(text="Soft IK")
        if body is None:
            return
        column = body.column(align=True)
        for title, limb in _LIMBS:
            for side in ("R", "L"):
                key = f"{limb}_soft.{side}"
                if controls.get(key) is not None:
                    column.prop(controls, slider_path(key), text=f"{title} {side}", slider=True)

    def _draw_groups(self, controls: bpy.types.Object) -> None:
        header, body = self.layout.panel("SAM3DB_control_groups", default_closed=False)
        header.label(text="Groups")
        if body is None:
            return
        groups: Any = controls.data.collections  # type: ignore[union-attr]
        column = body.column(align=True)
        for group in groups:
            if group.name == "Mechanism":
                continue
            row = column.row(align=True)
            row.operator("sam3db.select_controls", text=group.name).group = group.name
            row.prop(group, "is_visible", text="", icon="HIDE_OFF" if group.is_visible else "HIDE_ON")
            row.prop(group, "is_solo", text="", icon="SOLO_ON" if group.is_solo else "SOLO_OFF")
            locked = all(bone.hide_select for bone in group.bones)
            lock = row.operator("sam3db.lock_controls", text="", icon="LOCKED" if locked else "UNLOCKED")
            lock.group = group.name


def _limb_row(column: bpy.types.UILayout, title: str) -> bpy.types.UILayout:
    """The row of a limb behind its name."""
    split = column.split(factor=0.18, align=True)
    split.label(text=title)
    return split.row(align=True)


CLASSES = (SAM3DB_PT_controls,)
