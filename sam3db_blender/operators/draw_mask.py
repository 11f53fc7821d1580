"""A mask drawn around the person with the mouse."""

from typing import TYPE_CHECKING

import bpy

from native_runtime.errors import Sam3dbError

from .masks import MODES, combine
from .person import PersonOperator

if TYPE_CHECKING:
    import numpy as np
    from bpy.stub_internal.rna_enums import OperatorReturnItems
    from numpy.typing import NDArray

#: Region pixels between two points of a lasso.
_LASSO_STEP = 3.0


class Lasso(PersonOperator):
    """A mix-in: records where the mouse goes over the photo while its left button is held, then executes."""

    hint = ""
    """What to do, for the status bar."""

    _points: "list[tuple[float, float]]"
    _drawing: bool = False
    _handle: object = None
    _area: "bpy.types.Area"
    _region: "bpy.types.Region"
    _space: "bpy.types.SpaceView3D"

    @classmethod
    def poll(cls, context):
        if not super().poll(context):
            return False
        if not looks_through_photo(context):
            cls.poll_message_set("Look through the photo's camera first (Numpad 0)")
            return False
        return True

    def invoke(self, context, event) -> "set[OperatorReturnItems]":
        self._points, self._drawing = [], False
        self._area, self._space = context.area, context.space_data
        self._region = next(region for region in context.area.regions if region.type == "WINDOW")
        self._handle = bpy.types.SpaceView3D.draw_handler_add(self._draw_lasso, (), "WINDOW", "POST_PIXEL")
        context.workspace.status_text_set(self.hint)
        context.window.cursor_modal_set("CROSSHAIR")
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context, event) -> "set[OperatorReturnItems]":
        import numpy as np

        x, y = event.mouse_x - self._region.x, event.mouse_y - self._region.y
        if event.type in ("ESC", "RIGHTMOUSE"):
            self._leave(context)
            return {"CANCELLED"}
        if event.type == "LEFTMOUSE" and event.value == "PRESS":
            self.pressed(event)
            self._points, self._drawing = [(x, y)], True
        elif event.type == "MOUSEMOVE" and self._drawing:
            if np.hypot(x - self._points[-1][0], y - self._points[-1][1]) >= _LASSO_STEP:
                self._points.append((x, y))
                self._area.tag_redraw()
        elif event.type == "LEFTMOUSE" and event.value == "RELEASE" and self._drawing:
            self._leave(context)
            return self.execute(context)
        elif not self._drawing:
            return {"PASS_THROUGH"}  # the view may be moved before
        return {"RUNNING_MODAL"}

    def cancel(self, context) -> None:
        """Blender ends the operator itself."""
        self._leave(context)

    def pressed(self, event) -> None:
        """The left button goes down."""

    def drawn(self, rig: bpy.types.Object) -> "NDArray[np.float64]":
        """(N, 2) px of the photo: the line that was drawn.

        Raises:
            Sam3dbError: there is none.
        """
        import numpy as np
        from bpy_extras.view3d_utils import region_2d_to_location_3d

        from ..masks import outlines

        if len(getattr(self, "_points", ())) < 3:
            raise Sam3dbError("Draw around the person with the left mouse button held.")
        view, depth = self._space.region_3d, rig.matrix_world.translation
        assert view is not None
        places = [region_2d_to_location_3d(self._region, view, point, depth) for point in self._points]
        return outlines.seen_at(rig, np.array(places))

    def _leave(self, context) -> None:
        if self._handle is not None:
            bpy.types.SpaceView3D.draw_handler_remove(self._handle, "WINDOW")
            self._handle = None
        context.workspace.status_text_set(None)
        context.window.cursor_modal_restore()
        self._area.tag_redraw()

    def _draw_lasso(self) -> None:
        import gpu
        from gpu_extras.batch import batch_for_shader

        if bpy.context.area != self._area or len(self._points) < 2:
            return
        shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
        shader.uniform_float("viewportSize", (self._region.width, self._region.height))
        shader.uniform_float("lineWidth", 2.0)
        shader.uniform_float("color", (0.25, 1.0, 0.35, 1.0))
        ring = [(x, y, 0.0) for x, y in (*self._points, self._points[0])]
        batch_for_shader(shader, "LINE_STRIP", {"pos": ring}).draw(shader)


class SAM3DB_OT_draw_mask(Lasso, bpy.types.Operator):
    """Draw around the person on the photo, with the left mouse button held; with Shift to add to the mask, with Ctrl to subtract from it"""  # noqa: E501

    bl_idname = "sam3db.draw_mask"
    bl_label = "Draw Mask"
    bl_options = {"UNDO"}  # not to be adjusted later: the drawn points are not a property

    hint = "Draw around the person  |  Shift: add  |  Ctrl: subtract  |  Esc: cancel"

    mode: bpy.props.EnumProperty(name="Mode", description="What happens to the existing mask", items=MODES)

    def pressed(self, event) -> None:
        self.mode = "SUBTRACT" if event.ctrl else "ADD" if event.shift else self.mode

    def run(self, context):
        rig = self.rig(context)
        combine(rig, [self.drawn(rig)], self.mode)


def looks_through_photo(context: bpy.types.Context) -> bool:
    """Whether the viewport shows the photo of the person who is worked on."""
    from ..handles.people import active_character, photo_camera

    space, rig = context.space_data, active_character(context)
    if rig is None or not isinstance(space, bpy.types.SpaceView3D):
        return False
    camera = space.camera if space.use_local_camera else context.scene.camera
    return space.region_3d.view_perspective == "CAMERA" and camera is not None and camera == photo_camera(rig)


CLASSES = (SAM3DB_OT_draw_mask,)
