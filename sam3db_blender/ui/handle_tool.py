"""The tool "Pose from Photo": handles as gizmos, activated after every import.

What is dragged is the same: a gizmo moves the handle that it stands for, whether or not that is seen, and the loop of
``posing`` does the rest.
"""

from typing import Any

import bpy

from ..handles.handles import (
    ALL,
    SUGGESTED,
    TOOL,
    WARNING,
    State,
    appearance,
    by_keypoint,
    drag,
    group_of,
    handles_of,
    keypoint_of,
    place,
    state_of,
)

#: Region px at the usual size of the user interface: the smallest spot, how near to it the mouse must be, and
#: how far it must go for a drag; and how far apart spots of one joint must lie for both to be shown.
_SMALLEST, _REACH, _THRESHOLD, _APART = 3.5, 8.0, 3.0, 22.0
_HOVERED = 1.35
_TEXT_SIZE = 12.0
_SAYINGS: "tuple[tuple[str, str, Any], ...]" = (
    ("PINNED", "Pin", "PINNED"),
    ("PREDICTED", "Unpin", "UNPINNED"),
    ("IGNORED", "Ignore", "HIDE_ON"),
    ("INCORRECT", "Mark as Wrong", "CANCEL"),
)


class SAM3DB_GT_handles(bpy.types.Gizmo):
    """All handles of the active person; each part (Blender's term) is a keypoint"""

    bl_idname = "SAM3DB_GT_handles"

    __slots__ = ("before", "character", "dragged", "grip", "hovered", "pressed", "spots")

    def setup(self):
        from native_runtime.prompts.spots import Spots

        self.spots, self.hovered, self.character = Spots(), None, ""
        self.pressed, self.grip, self.before, self.dragged = (0, 0), None, (0.0, 0.0), False
        self.use_draw_modal = True

    def draw(self, context):
        from native_runtime.prompts.spots import Spots

        from ..handles.choice import chosen_handle
        from ..handles.people import active_character
        from ..handles.spot_pictures import draw_pictures
        from ..handles.views import looks_through
        from ..scene.provenance import character_id

        rig = active_character(context)
        if rig is None or not looks_through(context, rig):
            self.spots = Spots()  # beside the photo's camera, spots would hang in mid-air
            return
        handles, chosen = by_keypoint(rig), chosen_handle(context)
        self.spots, self.character = self._seen(context, handles), character_id(rig)
        scale = context.preferences.system.ui_scale
        marked = {None if chosen is None else keypoint_of(chosen)}
        if self.is_highlight or self.is_modal:
            marked = {self.hovered}
        drawn = []
        for keypoint, centre, radius in zip(self.spots.keypoints, self.spots.centres, self.spots.radii):
            size = radius * (_HOVERED if keypoint in marked else 1.0)
            drawn.append((*appearance(handles[keypoint]), centre, size))
            if keypoint in marked:
                _write_name(keypoint, centre, size, scale)
        draw_pictures(drawn)

    def _seen(self, context, handles):
        """The spots to be shown now. While one is dragged they stay the same."""
        from native_runtime.prompts.spots import thin_out

        from ..handles.choice import chosen_handle
        from ..handles.spots import spots_of

        scale, groups = context.preferences.system.ui_scale, context.window_manager.sam3db.tool_groups
        region, chosen = context.region, chosen_handle(context)
        wanted = {index: handle for index, handle in handles.items() if group_of(handle) in groups}
        size = (region.width, region.height)
        if self.is_modal:
            wanted = {index: handle for index, handle in wanted.items() if index in self.spots.keypoints}
            return spots_of(wanted, context.region_data.perspective_matrix, size, _SMALLEST * scale)
        spots = spots_of(wanted, context.region_data.perspective_matrix, size, _SMALLEST * scale)
        always = [index for index, handle in wanted.items() if handle == chosen or _stands_out(handle)]
        return thin_out(spots, _APART * scale, always)

    def test_select(self, context, location):
        self.hovered = self.spots.at(location, _REACH * context.preferences.system.ui_scale)
        return -1 if self.hovered is None else self.hovered

    def invoke(self, context, event):
        from ..handles.choice import choose_handle
        from ..scene.lookup import may_change, rig_with

        handle, rig = self._handle(), rig_with(self.character)
        if handle is None or rig is None or not may_change(rig):
            return {"CANCELLED"}
        self.pressed, self.grip, self.dragged = _mouse(event), _pixel(context, handle, _mouse(event)), False
        self.before = place(handle)
        choose_handle(context, handle)
        return {"RUNNING_MODAL"}

    def modal(self, context, event, tweak):
        import numpy as np

        from ..handles import watch
        from ..scene.lookup import rig_with

        handle, rig = self._handle(), rig_with(self.character)
        if handle is None or rig is None:
            return {"CANCELLED"}
        if event.type == "MOUSEMOVE":
            mouse = _mouse(event)
            pixel = _pixel(context, handle, mouse)
            away = np.hypot(*np.subtract(mouse, self.pressed))
            self.dragged = self.dragged or away >= _THRESHOLD * context.preferences.system.ui_scale
            if self.dragged and pixel is not None and self.grip is not None:
                drag(handle, self.before + pixel - self.grip)
                watch.touch(rig)
                context.region.tag_redraw()
        return {"RUNNING_MODAL"}

    def exit(self, context, cancel):
        from ..handles import watch
        from ..scene.lookup import rig_with

        handle, rig = self._handle(), rig_with(self.character)
        if handle is None or rig is None:
            return
        if cancel:
            drag(handle, self.before)
            watch.touch(rig)
        elif self.dragged:
            # gizmos make no undo step of their own; the pose will make its own, as after any drag
            bpy.ops.ed.undo_push(message="Move Handle")
            watch.touch(rig)
        else:
            bpy.ops.wm.call_menu(name=SAM3DB_MT_keypoint.__name__)

    def _handle(self):
        from ..scene.lookup import rig_with

        rig = rig_with(self.character)
        return None if rig is None or self.hovered is None else by_keypoint(rig).get(self.hovered)


class SAM3DB_GGT_handles(bpy.types.GizmoGroup):
    """The gizmos of the tool"""

    bl_idname = "SAM3DB_GGT_handles"
    bl_label = "Handles on the Photo"
    bl_space_type = "VIEW_3D"
    bl_region_type = "WINDOW"
    bl_options = {"SHOW_MODAL_ALL"}

    @classmethod
    def poll(cls, context):
        from ..handles.people import active_character

        return context.mode == "OBJECT" and active_character(context) is not None

    def setup(self, context):
        self.gizmos.new(SAM3DB_GT_handles.bl_idname)


class SAM3DB_MT_keypoint(bpy.types.Menu):
    """Pin or mark the handle that was clicked"""

    bl_label = "Handle"

    def draw(self, context):
        keypoint = context.window_manager.sam3db.tool_keypoint
        self.layout.label(text=_title(keypoint))
        for state, text, icon in _SAYINGS:
            button = self.layout.operator("sam3db.say_of_keypoint", text=text, icon=icon)
            button.keypoint, button.state = keypoint, state


class PoseTool(bpy.types.WorkSpaceTool):
    """The tool in the toolbar"""

    bl_space_type = "VIEW_3D"
    bl_context_mode = "OBJECT"
    bl_idname = TOOL
    bl_label = "Pose from Photo"
    bl_description = (
        "Drag the handles on the photo to where the joints are; the body follows.\n"
        "Click one to pin it, ignore it or mark it as wrong. Zoom in for more of them"
    )
    bl_icon = "ops.pose.relax"
    bl_widget = SAM3DB_GGT_handles.bl_idname
    bl_keymap = (
        ("view3d.select", {"type": "LEFTMOUSE", "value": "PRESS"}, {"properties": [("deselect_all", True)]}),
        ("view3d.select", {"type": "LEFTMOUSE", "value": "PRESS", "shift": True}, {"properties": [("toggle", True)]}),
    )

    @staticmethod
    def draw_settings(context, layout, tool):
        from ..handles.people import active_character
        from ..handles.showing import shown
        from ..handles.views import looks_through

        rig = active_character(context)
        if rig is None:
            layout.label(text="Make a character from a photo first", icon="INFO")
            return
        handles = handles_of(rig)
        if not looks_through(context, rig):
            layout.operator("sam3db.pose_from_photo", icon="VIEW_CAMERA")
        if handles:
            layout.prop(context.window_manager.sam3db, "tool_groups", expand=True)
        visible = shown(rig)
        text = "Hide Empties" if visible else "Show Empties" if handles else "Make Handles"
        button = layout.operator("sam3db.show_handles", text=text, icon="HIDE_OFF" if visible else "HIDE_ON")
        button.group, button.on = ALL, not visible
        layout.operator("sam3db.next_handle", text="", icon="FORWARD")


def _stands_out(handle):
    """Whether the artist or the engine says something about a handle, so that it must be seen."""
    return state_of(handle) is not State.PREDICTED or bool(handle.get(WARNING)) or handle.get(SUGGESTED) == 1


def _mouse(event):
    return event.mouse_region_x, event.mouse_region_y


def _pixel(context, handle, mouse):
    """The pixel of the photo under the mouse, on the plane of a handle; None where the view looks past it."""
    from bpy_extras.view3d_utils import region_2d_to_origin_3d, region_2d_to_vector_3d

    from ..handles.plane import met_by

    view = (context.region, context.region_data, mouse)
    start: Any = region_2d_to_origin_3d(*view)
    direction: Any = region_2d_to_vector_3d(*view)
    return met_by(handle.parent, start, direction)


def _title(keypoint):
    from native_runtime.prompts.prompt import keypoint_titles

    return keypoint_titles()[keypoint]


def _write_name(keypoint, centre, radius, scale):
    import blf

    blf.size(0, _TEXT_SIZE * scale)
    blf.enable(0, blf.SHADOW)
    blf.shadow(0, 3, 0.0, 0.0, 0.0, 1.0)
    blf.color(0, 1.0, 1.0, 1.0, 1.0)
    blf.position(0, centre[0] + radius + 4 * scale, centre[1] - 4 * scale, 0)
    blf.draw(0, _title(keypoint))
    blf.disable(0, blf.SHADOW)


CLASSES = (SAM3DB_GT_handles, SAM3DB_GGT_handles, SAM3DB_MT_keypoint)


def attach() -> None:
    """Puts the tool at the end of the toolbar."""
    bpy.utils.register_tool(PoseTool, separator=True)


def detach() -> None:
    """Takes it away again."""
    bpy.utils.unregister_tool(PoseTool)
