"""The sidebar's panel of the active character: its sliders and what can be done with them.

Everything is drawn from the rig's own properties; no body is loaded here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import bpy

from native_runtime.characters.measures.definitions import MEASURES, STATURE, Measure

from ..handles.sex import AUTOMATIC, TITLES, can_choose, chosen_sex, in_words, looks_of
from . import preset_panels
from .sidebar import PersonPanel, SidebarPanel

if TYPE_CHECKING:
    from native_runtime.characters.sliders import Section

    from ..scene.provenance import Origin

_SECTIONS: tuple[tuple[Section, str, Any], ...] = (
    ("pose", "Whole Spine", "ARMATURE_DATA"),
    ("skeleton", "Skeleton", "BONE_DATA"),
    ("shape", "Shape", "SHAPEKEY_DATA"),
    ("expression", "Expression", "USER"),
)


class SAM3DB_PT_character(PersonPanel, bpy.types.Panel):
    """Skeleton, shape and face of the active person"""

    bl_label = "Character"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..handles.people import active_character

        return active_character(context) is not None

    def _draw_person(self, context: bpy.types.Context, rig: bpy.types.Object) -> None:
        from ..files.bodies import title_of
        from ..layout_text import draw_lines, width_of
        from ..scene.bodies import knows_ages
        from ..scene.provenance import read_origin
        from ..shelf import facts
        from . import heights

        layout = self.layout
        origin = read_origin(rig)
        layout.label(text=f"{rig.name}  ·  {title_of(origin.details['body_name'])}", icon="OUTLINER_OB_ARMATURE")
        restriction = facts.restriction(origin.details)
        if restriction:
            width = width_of(context.region.width, context.preferences.system.ui_scale)
            draw_lines(layout.column(align=True), restriction, width, "INFO")
        layout.operator_menu_enum("sam3db.switch_level", "level", icon="MESH_DATA")
        height = heights.height_of(rig)
        row = layout.split(factor=0.5)
        row.label(text="Height", icon="EMPTY_SINGLE_ARROW")
        _draw_measure(row, context, STATURE, height)
        if knows_ages(rig):
            layout.operator_context = "INVOKE_DEFAULT"
            layout.operator("sam3db.set_age", text="Age …", icon="TIME")
        if can_choose(rig, origin):
            self._draw_sex(rig, origin)
        state = context.window_manager.sam3db
        layout.prop(state, "slider_filter", text="", icon="VIEWZOOM")
        # property names only; reading all values on every redraw would be felt
        groups = _groups(tuple(rig.keys()))
        if state.slider_filter:
            self._draw_found(rig, groups, state.slider_filter.lower())
            return
        for section, title, icon in _SECTIONS:
            if not groups[section]:
                continue
            header, body = layout.panel(f"SAM3DB_{section}", default_closed=section != "skeleton")
            header.label(text=title, icon=icon)
            if section != "pose":  # there it would reset all bones, not only these sliders
                reset = header.operator("sam3db.reset_character", text="", icon="LOOP_BACK", emboss=False)
                reset.parts = {section}
            if body is not None and section == "expression":
                self._draw_read_face(body, context, origin)
            if body is not None:
                self._draw_groups(body, rig, groups[section])

    @staticmethod
    def _draw_read_face(layout: bpy.types.UILayout, context: bpy.types.Context, origin: Origin) -> None:
        """What was read from the photo, and what can be done about it."""
        from ..layout_text import draw_lines, width_of
        from ..scene.photo_face import read_of

        read = read_of(origin)
        if not read:
            return
        if read.get("why"):
            width = width_of(context.region.width, context.preferences.system.ui_scale)
            draw_lines(layout.column(align=True), str(read["why"]), width, "INFO")
            return
        row = layout.row(align=True)
        row.operator("sam3db.photo_expression", text="From Photo", icon="IMAGE_DATA")
        row.operator("sam3db.reset_character", text="Neutral", icon="LOOP_BACK").parts = {"expression"}

    def _draw_sex(self, rig: bpy.types.Object, origin: Origin) -> None:
        column = self.layout.column(align=True)
        known = in_words(looks_of(origin))
        column.label(text=f"Sex:  {known}" if known else "Sex", icon="USER")
        row, chosen = column.row(align=True), chosen_sex(rig, origin) or AUTOMATIC
        for key, title in TITLES.items():
            row.operator("sam3db.choose_sex", text=title, depress=key == chosen).sex = key

    def _draw_groups(self, layout: bpy.types.UILayout, rig: bpy.types.Object, groups: dict[str, list[str]]) -> None:
        for group, keys in groups.items():
            if len(groups) == 1:
                self._draw_sliders(layout, rig, keys)
                continue
            header, body = layout.panel(f"SAM3DB_{group}", default_closed=True)
            header.label(text=group)
            if body is not None:
                self._draw_sliders(body, rig, keys)

    def _draw_found(self, rig: bpy.types.Object, groups: dict[Section, dict[str, list[str]]], letters: str) -> None:
        from native_runtime.characters.sliders import label_of

        layout, found = self.layout, False
        for names in groups.values():
            for group, keys in names.items():
                matching = [key for key in keys if letters in f"{key} {label_of(key)}".lower()]
                if matching:
                    found = True
                    layout.label(text=group)
                    self._draw_sliders(layout, rig, matching)
        if not found:
            layout.label(text="No slider's name contains this text")

    @staticmethod
    def _draw_sliders(layout: Any, rig: bpy.types.Object, keys: list[str]) -> None:
        from native_runtime.characters.sliders import label_of

        from ..rig.properties import in_centimetres, slider_path

        column, in_cm = layout.column(align=True), in_centimetres(rig)
        for key in keys:
            column.prop(rig, slider_path(key), text=label_of(key, in_cm), slider=True)


class SAM3DB_PT_measures(SidebarPanel, bpy.types.Panel):
    """What a tape measure would show, in the standard pose"""

    bl_label = "Measures"
    bl_parent_id = "SAM3DB_PT_character"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        from ..handles.people import active_character
        from . import heights

        rig = active_character(context)
        assert rig is not None
        values = heights.measures_of(rig)
        column = self.layout.column(align=True)
        for measure in MEASURES:
            if measure is not STATURE and (not values or measure.key in values):
                row = column.split(factor=0.5, align=True)
                row.label(text=measure.label)
                _draw_measure(row, context, measure, values.get(measure.key))


def _draw_measure(layout: Any, context: bpy.types.Context, measure: Measure, value: float | None) -> None:
    """Draws a value (cm) in the scene's units, which can be clicked to type another one."""
    from ..handles.measures import CM_PER_INCH

    imperial = context.scene.unit_settings.system == "IMPERIAL"
    text = "..." if value is None else f"{value / CM_PER_INCH:.1f} in" if imperial else f"{value:.1f} cm"
    layout.operator("sam3db.set_measure", text=text).measure = measure.key


class SAM3DB_PT_presets(SidebarPanel, bpy.types.Panel):
    """What can be done with the character as a whole"""

    bl_label = "Presets"
    bl_parent_id = "SAM3DB_PT_character"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        preset_panels.get_ready()
        row = self.layout.row(align=True)
        row.popover("SAM3DB_PT_body_presets", text="Bodies", icon="OUTLINER_OB_ARMATURE")
        row.popover("SAM3DB_PT_pose_presets", text="Poses", icon="POSE_HLT")
        column = self.layout.column(align=True)
        column.operator("sam3db.reset_character", text="Reset", icon="LOOP_BACK")
        column.operator("sam3db.randomise_character", text="Randomize", icon="RNDCURVE")
        column.operator("sam3db.symmetrise_character", text="Symmetrize", icon="MOD_MIRROR")
        column.operator("sam3db.settle_pose", icon="CON_ARMATURE")
        column = self.layout.column(align=True)
        column.operator("sam3db.copy_character", icon="COPYDOWN")
        column.operator("sam3db.blend_characters", icon="ARROW_LEFTRIGHT")
        column = self.layout.column(align=True)
        column.operator("sam3db.load_settings", text="Load Settings", icon="FILE_FOLDER")
        column.operator("sam3db.save_settings", text="Save Settings", icon="FILE_TICK")
        column.operator("sam3db.save_estimate", text="Save Estimate", icon="EXPORT")


class SAM3DB_PT_correctives(SidebarPanel, bpy.types.Panel):
    """MHR's corrections of skinning errors in a pose"""

    bl_label = "Pose Correctives"
    bl_parent_id = "SAM3DB_PT_character"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        from ..handles.people import active_character
        from ..rig.driven import has_driven_correctives
        from ..scene import live
        from ..scene.bodies import is_body

        rig = active_character(context)
        assert rig is not None
        layout = self.layout
        mesh = next((child for child in rig.children if is_body(child)), None)
        if mesh is not None and has_driven_correctives(mesh):
            layout.label(text="They follow the pose by themselves", icon="CHECKMARK")
            return
        on = live.is_live(rig)
        button = layout.operator("sam3db.live_correctives", depress=on, icon="PLAY")
        button.on = not on
        problem = live.live.problems.get(rig.name)
        if problem:
            layout.label(text=problem, icon="ERROR")
        column = layout.column(align=True)
        column.operator("sam3db.bake_correctives", icon="SHAPEKEY_DATA")
        column.operator("sam3db.bake_correctives_range", icon="ACTION")
        layout.operator("sam3db.remove_correctives", icon="TRASH")


@lru_cache(maxsize=4)
def _groups(keys: tuple[str, ...]) -> dict[Section, dict[str, list[str]]]:
    from native_runtime.characters.sliders import slider_groups

    return slider_groups(keys)


CLASSES = (SAM3DB_PT_character, SAM3DB_PT_measures, SAM3DB_PT_presets, SAM3DB_PT_correctives)
