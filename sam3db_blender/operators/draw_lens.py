"""The lens and the tilt of a photo's camera by lines that are dragged onto edges of the photo."""

import math
from typing import TYPE_CHECKING, Any

import bpy

from native_runtime.errors import Sam3dbError

from .draw_mask import looks_through_photo
from .person import PersonOperator

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from native_runtime.lens.by_hand import CameraByLines

#: How near to an end of a line the mouse takes it, px at the usual size of the user interface.
_NEAR = 14.0
_HELP = "Drag the ends of the lines onto edges  |  V: first pair vertical or not  |  Enter: apply  |  Esc: cancel"


class SAM3DB_OT_draw_lens(PersonOperator, bpy.types.Operator):
    """Drag two pairs of lines onto edges that are parallel in reality; the lens and the tilt of the camera follow"""

    bl_idname = "sam3db.draw_lens"
    bl_label = "Lens from Lines"
    bl_options = {"REGISTER", "UNDO"}

    lines: bpy.props.FloatVectorProperty(
        name="Lines", description="Two pairs of lines with two ends each, in pixels of the photo", size=16
    )
    vertical: bpy.props.BoolProperty(
        name="First Pair Vertical", description="Otherwise both pairs are horizontal", default=True
    )

    _taken: int | None = None
    _drawing: object = None
    _area: "bpy.types.Area"
    _region: "bpy.types.Region"
    _space: "bpy.types.SpaceView3D"
    _rig: "bpy.types.Object"

    @classmethod
    def poll(cls, context):
        if not super().poll(context):
            return False
        if not bpy.app.background and not looks_through_photo(context):
            cls.poll_message_set("Look through the photo's camera first (Numpad 0)")
            return False
        return True

    def invoke(self, context, event) -> "set[OperatorReturnItems]":
        from ..handles import lens_lines

        self._rig = self.rig(context)
        self.lines, self.vertical = lens_lines.lines_of(self._rig)
        self._area, self._space, self._taken = context.area, context.space_data, None
        self._region = next(region for region in context.area.regions if region.type == "WINDOW")
        self._drawing = bpy.types.SpaceView3D.draw_handler_add(self._draw, (), "WINDOW", "POST_PIXEL")
        context.workspace.status_text_set(_HELP)
        context.window_manager.modal_handler_add(self)
        self._area.tag_redraw()
        return {"RUNNING_MODAL"}

    def modal(self, context, event) -> "set[OperatorReturnItems]":
        import numpy as np

        from ..handles import lens_lines

        mouse = np.array([event.mouse_x - self._region.x, event.mouse_y - self._region.y], np.float64)
        if event.type in ("ESC", "RIGHTMOUSE"):
            self._leave(context)
            return {"CANCELLED"}
        if event.type in ("RET", "NUMPAD_ENTER") and event.value == "PRESS":
            try:
                lens_lines.camera_of_lines(self._rig, self.lines, self.vertical)
            except Sam3dbError as error:  # the lines stay, to be mended
                self.report({"WARNING"}, str(error))
                return {"RUNNING_MODAL"}
            self._leave(context)
            return self.execute(context)
        if event.type == "V" and event.value == "PRESS":
            self.vertical = not self.vertical
        elif event.type == "LEFTMOUSE" and event.value == "PRESS":
            self._taken = self._end_at(context, mouse)
            if self._taken is None:
                return {"PASS_THROUGH"}
        elif event.type in ("MOUSEMOVE", "LEFTMOUSE") and self._taken is not None:
            pixel = lens_lines.pixel_at(self._rig, self._region, self._space.region_3d, mouse)
            if pixel is not None:
                self.lines[2 * self._taken : 2 * self._taken + 2] = pixel
            if event.value == "RELEASE" and event.type == "LEFTMOUSE":  # where it was let go counts
                self._taken = None
        else:
            return {"PASS_THROUGH"}  # the view may be moved
        self._area.tag_redraw()
        return {"RUNNING_MODAL"}

    def cancel(self, context) -> None:
        """Blender ends the operator itself."""
        self._leave(context)

    def run(self, context):
        from ..handles import lens, lens_lines, watch

        rig = self.rig(context)
        found = lens_lines.camera_of_lines(rig, self.lines, self.vertical)
        lens_lines.keep_lines(rig, self.lines, self.vertical)
        focal = lens.focal_of(rig) if found.focal_px is None else found.focal_px
        known: dict[str, Any] = {"source": "hand", "evidence": [], "text": None}
        for other in lens.set_camera(context.scene, rig, focal, found.up, known):
            watch.refresh(other)
        if found.focal_px is None:
            self.report({"INFO"}, "The lines are parallel in the photo: only the camera's tilt was set")

    def _end_at(self, context: bpy.types.Context, mouse: Any) -> int | None:
        """The number (0 to 7) of the end of a line that is near the mouse; None where none is."""
        import numpy as np

        from ..handles import lens_lines

        places = lens_lines.in_region(self._rig, self._region, self._space.region_3d, self.lines)
        apart = np.linalg.norm(places - mouse, axis=1)
        nearest = int(np.nanargmin(apart))
        return nearest if apart[nearest] <= _NEAR * context.preferences.system.ui_scale else None

    def _leave(self, context: bpy.types.Context) -> None:
        if self._drawing is not None:
            bpy.types.SpaceView3D.draw_handler_remove(self._drawing, "WINDOW")
            self._drawing = None
        context.workspace.status_text_set(None)
        self._area.tag_redraw()

    def _draw(self) -> None:
        from native_runtime.lens.by_hand import horizon

        from ..handles import lens, lens_lines
        from ..handles.lens_drawing import draw_lines

        if bpy.context.area != self._area:
            return
        view = self._space.region_3d
        ends = lens_lines.in_region(self._rig, self._region, view, self.lines)
        try:
            found = lens_lines.camera_of_lines(self._rig, self.lines, self.vertical)
        except Sam3dbError as error:
            draw_lines(self._region, ends, None, self.vertical, str(error))
            return
        intrinsics, (width, _) = lens_lines.seen_through(self._rig, found.focal_px), lens.size_of(self._rig)
        level = horizon(intrinsics, found.up, width)
        across = None if level is None else lens_lines.in_region(self._rig, self._region, view, level.ravel())
        draw_lines(self._region, ends, across, self.vertical, _in_words(self._rig, found))


def _in_words(rig: bpy.types.Object, found: "CameraByLines") -> str:
    """The lens and the tilt, in a line."""
    from native_runtime.lens.cameras import pitch_and_roll

    from ..handles import lens

    focal = lens.focal_of(rig) if found.focal_px is None else found.focal_px
    side = lens.longer_side(rig)
    pitch, roll = (math.degrees(angle) for angle in pitch_and_roll(found.up))
    kept = " (kept: the lines are parallel)" if found.focal_px is None else ""
    return (
        f"{math.degrees(2 * math.atan(side / 2 / focal)):.0f}°, {focal / side * 36:.0f} mm{kept}   "
        f"Pitch {pitch:.1f}°   Roll {roll:.1f}°"
    )


CLASSES = (SAM3DB_OT_draw_lens,)
