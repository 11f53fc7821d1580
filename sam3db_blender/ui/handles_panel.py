"""The sidebar's panels for posing on the photo: the people, and the handles of the active one.

Everything is drawn from properties of the objects in the scene, which are gone through once a drawing.
"""

from __future__ import annotations

import time
from typing import Any

import bpy

from native_runtime.bounds import REFINE

from ..handles.handles import ALL, GROUPS, WARNING, State, group_of, handles_of, is_handle, keypoint_of, state_of
from .sidebar import PersonPanel, SidebarPanel

#: How many lines high the picture of a person is.
_PICTURE = 2.0
_LOWER_ROW = ("left_hand", "right_hand", "face")
#: How many of the artist's edits are listed.
_EDITS_SHOWN = 10
_STATES = (
    (State.PINNED, "pinned"),
    (State.IGNORED, "ignored"),
    (State.INCORRECT, "marked as wrong"),
)


class SAM3DB_PT_people(SidebarPanel, bpy.types.Panel):
    """The people of the scene's photos"""

    bl_label = "People"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..handles.people import active_character

        return active_character(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        from ..handles.people import active_character, people_by_photo
        from ..previews import thumbnails
        from ..scene.provenance import character_id

        active = active_character(context)
        assert active is not None
        assert context.scene is not None
        for camera, rigs in people_by_photo(context.scene).items():
            title = "Without a Camera" if camera is None else camera.name.removesuffix(" Camera")
            column = self.layout.column(align=True)
            column.label(text=title, icon="ERROR" if camera is None else "IMAGE_DATA")
            for rig in rigs:
                chosen = character_id(rig) == character_id(active)
                row, picture = column.row(align=True), thumbnails.icon_of(rig)
                if picture:
                    row.template_icon(picture, scale=_PICTURE)
                beside = row.row(align=True)
                beside.scale_y = _PICTURE if picture else 1.0
                button = beside.operator(
                    "sam3db.pick_person",
                    text=rig.name.removesuffix(" Rig"),
                    icon="RADIOBUT_ON" if chosen else "RADIOBUT_OFF",
                    depress=chosen,
                )
                button.character = character_id(rig)
                beside.operator("sam3db.remove_character", text="", icon="TRASH").character = character_id(rig)


class SAM3DB_PT_pose(PersonPanel, bpy.types.Panel):
    """Pose a person by handles on the photo"""

    bl_label = "Pose"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..handles.people import active_character

        return active_character(context) is not None

    def _draw_person(self, context: bpy.types.Context, rig: bpy.types.Object) -> None:
        from ..handles.view_look import posing_in
        from ..layout_text import width_of

        width = width_of(context.region.width, context.preferences.system.ui_scale)
        handles = handles_of(rig)
        self._draw_view(context, rig)
        if posing_in(context):
            self._draw_tool_groups(context.window_manager.sam3db, handles)
        else:
            self._draw_shown(handles)
        if handles:
            self._draw_selected(self.layout)
            self._draw_all(self.layout, handles)
        self._draw_inference(rig, width)
        self._draw_warnings(handles, width)

    def _draw_view(self, context: bpy.types.Context, rig: bpy.types.Object) -> None:
        """Draws what goes to the photo's camera, and how much of the photo is seen over the body."""
        from ..handles.people import photo_camera
        from ..handles.view_look import posing_in
        from ..handles.views import looks_through
        from ..scene.photo_over import over_of

        column = self.layout.column(align=True)
        posing = posing_in(context) and looks_through(context, rig)
        column.operator("sam3db.pose_from_photo", icon="VIEW_CAMERA", depress=posing)
        camera = photo_camera(rig)
        over = None if camera is None else over_of(camera)
        if over is not None:
            column.prop(over, "alpha", text="Body Transparency", slider=True)

    def _draw_tool_groups(self, state: Any, handles: list[bpy.types.Object]) -> None:
        """Draws which handles the tool shows; of as many rows as ``_draw_shown`` has."""
        column = self.layout.column(align=True)
        shown = any(not handle.hide_viewport for handle in handles)
        button = column.operator(
            "sam3db.show_handles", text="Hide Empties" if shown else "Show Empties",
            icon="HIDE_OFF" if shown else "HIDE_ON",
        )  # fmt: skip
        button.group, button.on = ALL, not shown
        rows = (column.row(align=True), column.row(align=True))
        for group in GROUPS:
            rows[group in _LOWER_ROW].prop_enum(state, "tool_groups", group)

    def _draw_shown(self, handles: list[bpy.types.Object]) -> None:
        shown = {group_of(handle) for handle in handles if not handle.hide_viewport}
        column = self.layout.column(align=True)
        text = "Hide Handles" if shown else "Show Handles"
        button = column.operator("sam3db.show_handles", text=text, icon="HIDE_OFF" if shown else "HIDE_ON")
        button.group, button.on = ALL, not shown
        rows = (column.row(align=True), column.row(align=True))
        for group, label in GROUPS.items():
            row = rows[group in _LOWER_ROW]
            button = row.operator("sam3db.show_handles", text=label, depress=group in shown)
            button.group, button.on = group, group not in shown

    @staticmethod
    def _draw_selected(layout: Any) -> None:
        column = layout.column(align=True)
        column.label(text="Selected Handles")
        draw_handle_operators(column.grid_flow(columns=2, row_major=True, even_columns=True, align=True))

    @staticmethod
    def _draw_all(layout: Any, handles: list[bpy.types.Object]) -> None:
        column = layout.column(align=True)
        states = [state_of(handle) for handle in handles]
        counts = [f"{states.count(state)} {word}" for state, word in _STATES if state in states]
        column.label(text="All Handles" + (f":  {', '.join(counts)}" if counts else ""))
        row = column.row(align=True)
        row.operator("sam3db.reset_handles", text="Reset", icon="LOOP_BACK").group = ALL
        row.operator_menu_enum("sam3db.reset_handles", "group", text="", icon="DOWNARROW_HLT")
        column.operator("sam3db.next_handle", icon="FORWARD")

    def _draw_inference(self, rig: bpy.types.Object, width: int) -> None:
        from ..handles import watch
        from ..handles.session import SNAP, infers_whole_body, is_rough, refine_of
        from ..jobs.engines import capabilities_of, engine_that_made
        from ..layout_text import draw_lines
        from ..scene.edits import shown_groups
        from ..scene.provenance import read_origin
        from ..scene.viewpoints import has_views

        column = self.layout.column(align=True)
        column.operator("sam3db.infer_again", icon="FILE_REFRESH")
        origin = read_origin(rig)
        can = capabilities_of(engine_that_made(origin.details))
        if not can.fits:
            strength = refine_of(rig, origin)
            refine = column.operator(
                "sam3db.refine_to_photo", icon="CHECKBOX_HLT" if strength else "CHECKBOX_DEHLT", depress=strength > 0
            )
            refine.strength = 0.0 if strength else REFINE
        if not can.edits:
            snapped = bool(rig.get(SNAP, False))
            button = column.operator(
                "sam3db.snap_to_handles", icon="CHECKBOX_HLT" if snapped else "CHECKBOX_DEHLT", depress=snapped
            )
            button.on = not snapped
        if can.doubts_prompts and not has_views(rig):
            whole = infers_whole_body(rig, origin)
            button = column.operator(
                "sam3db.pose_whole_body", icon="CHECKBOX_HLT" if whole else "CHECKBOX_DEHLT", depress=whole
            )
            button.on = not whole
        status = watch.status(rig)
        # this row is always there, lest what stands below moves away from under the mouse
        row = self.layout.row(align=True)
        if status.state == "waiting":
            row.label(text=status.text, icon="SORTTIME")
            row.operator("sam3db.cancel_pose", text="", icon="X")
        elif status.state == "error":
            row.alert = True
            draw_lines(row.column(align=True), status.text, width, "ERROR")
        elif rough := is_rough(read_origin(rig)):
            row.label(text=f"Rough {rough.title()}: Update from Photo", icon="INFO")
        else:
            differing = sum(bool(by) for _, by in shown_groups(rig))
            text = f"{differing} of My Edits Differ{'s' * (differing == 1)}" if differing else "Up to Date"
            row.label(text=text, icon="INFO" if differing else "CHECKMARK")

    def _draw_warnings(self, handles: list[bpy.types.Object], width: int) -> None:
        from native_runtime.prompts.prompt import keypoint_titles

        from ..layout_text import draw_lines

        odd = [handle for handle in handles if handle.get(WARNING)]
        if not odd:
            return
        column = self.layout.column(align=True)
        column.label(text="Contradictions")
        for handle in odd:
            row = column.row()
            row.alignment = "LEFT"
            button = row.operator(
                "sam3db.select_handle", text=keypoint_titles()[keypoint_of(handle)], icon="ERROR", emboss=False
            )
            button.keypoint = keypoint_of(handle)
            draw_lines(column, str(handle[WARNING]), width)


class SAM3DB_PT_edits(PersonPanel, bpy.types.Panel):
    """What was changed on a person by hand, and by how much the inference differs"""

    bl_label = "My Edits"
    bl_parent_id = "SAM3DB_PT_pose"

    def _draw_person(self, context: bpy.types.Context, rig: bpy.types.Object) -> None:
        from ..scene.edits import shown_groups

        groups = shown_groups(rig)
        column = self.layout.column(align=True)
        column.operator("sam3db.discard_edits", icon="LOOP_BACK")
        for name, by in sorted(groups, key=lambda group: not group[1])[:_EDITS_SHOWN]:
            row = column.split(factor=0.6, align=True)
            row.label(text=f"{name}:  {by} off" if by else name, icon="INFO" if by else "CHECKMARK")
            row.operator("sam3db.use_inference", text="Use Inference").group = name
        if len(groups) > _EDITS_SHOWN:
            column.label(text=f"and {len(groups) - _EDITS_SHOWN} more")


class SAM3DB_PT_earlier_estimates(PersonPanel, bpy.types.Panel):
    """The last estimates of a person, to go back to"""

    bl_label = "Earlier Estimates"
    bl_parent_id = "SAM3DB_PT_pose"
    bl_options = {"DEFAULT_CLOSED"}

    def _draw_person(self, context: bpy.types.Context, rig: bpy.types.Object) -> None:
        from ..scene.snapshots import entries

        found = entries(rig)
        column = self.layout.column(align=True)
        for name, when in reversed(found):
            row = column.split(factor=0.8, align=True)
            row.operator("sam3db.go_back", text=name, icon="RECOVER_LAST").when = repr(when)
            row.label(text=time.strftime("%H:%M", time.localtime(when)))
        if not found:
            column.label(text="None yet: drag a handle")


def draw_handle_operators(layout: Any) -> None:
    """Draws what can be said about the selected handles."""
    layout.operator("sam3db.pin_handles", icon="PINNED")
    layout.operator("sam3db.unpin_handles", icon="UNPINNED")
    layout.operator("sam3db.pin_handles_symmetric", icon="MOD_MIRROR")
    layout.operator("sam3db.ignore_handles", icon="HIDE_ON")
    layout.operator("sam3db.mark_handles_wrong", icon="CANCEL")


def draw_context_menu(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    """The same in the menu of the right mouse button, where a handle is the active object."""
    if not is_handle(context.object):
        return
    draw_handle_operators(self.layout)
    self.layout.operator("sam3db.next_handle", icon="FORWARD")
    self.layout.separator()


def attach() -> None:
    """Puts the entries at the top of the context menu."""
    bpy.types.VIEW3D_MT_object_context_menu.prepend(draw_context_menu)


def detach() -> None:
    """Takes them away again."""
    bpy.types.VIEW3D_MT_object_context_menu.remove(draw_context_menu)


CLASSES = (SAM3DB_PT_people, SAM3DB_PT_pose, SAM3DB_PT_edits, SAM3DB_PT_earlier_estimates)
