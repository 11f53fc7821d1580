"""Masks of a person: from a picture, from a drawn object, or drawn around the person with the mouse."""

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np
from bpy_extras.io_utils import ImportHelper
from bpy_extras.view3d_utils import region_2d_to_location_3d

from native_runtime.errors import Sam3dbError

from .. import jobs
from ..posing import masks, watch
from ..posing.handles import character_id, is_handle, rig_of, rig_with
from ..posing.people import active_character, photo_camera
from ..posing.session import segment_job
from ..ui.options import PHOTO_FILTER
from .modal_job import ModalJobOperator
from .person import PersonOperator, reported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bpy.stub_internal.rna_enums import OperatorReturnItems
    from numpy.typing import ArrayLike

_MODES = (
    ("REPLACE", "New", "The mask is what is drawn"),
    ("ADD", "Add", "What is drawn is added to the mask"),
    ("SUBTRACT", "Subtract", "What is drawn is cut out of the mask"),
)
#: Region pixels between two points of a lasso.
_LASSO_STEP = 3.0
_DRAWABLE = ("MESH", "CURVE", "GPENCIL", "GREASEPENCIL")


def combine(rig: bpy.types.Object, outlines: "Sequence[ArrayLike]", mode: str) -> None:
    """Makes of a person's mask and some outlines (px) the new mask, and has the pose inferred anew.

    Raises:
        Sam3dbError: nothing is left, or the engine fails.
    """
    drawn = masks.fill_outlines(outlines, masks.size_of(rig))
    if mode != "REPLACE":
        before = masks.read_own_mask(rig)
        drawn = before | drawn if mode == "ADD" else before & ~drawn
    masks.set_mask(rig, drawn)
    watch.refresh(rig)


class SAM3DB_OT_load_mask(PersonOperator, bpy.types.Operator, ImportHelper):  # type: ignore[misc]
    """Take a picture as the person's mask: as large as the photo, the person white (or opaque), all else black"""

    bl_idname = "sam3db.load_mask"
    bl_label = "Load Mask"
    bl_options = {"REGISTER", "UNDO"}

    filename_ext = ""
    filter_glob: bpy.props.StringProperty(default=PHOTO_FILTER, options={"HIDDEN"})

    def run(self, context):
        from native_runtime.image import read_mask

        rig = self.rig(context)
        path = Path(bpy.path.abspath(self.filepath))
        masks.set_mask(rig, read_mask(path, masks.size_of(rig)))
        watch.refresh(rig)


class SAM3DB_OT_mask_from_photo(ModalJobOperator, PersonOperator, bpy.types.Operator):  # type: ignore[misc]
    """Let the bundled network for outlines mark the person on the photo; a mask that there is, is replaced"""

    bl_idname = "sam3db.mask_from_photo"
    bl_label = "Mask from Photo"
    bl_options = {"UNDO"}

    _character: str

    def execute(self, context):
        def work():
            rig = self.rig(context)
            self._character = character_id(rig)
            return self.begin(context, segment_job(rig, jobs.worker()))

        return reported(self, work)

    def finish(self, context):
        job = self._job
        if job.state == "cancelled":
            return {"CANCELLED"}
        return reported(self, lambda: self.run(context))

    def run(self, context):
        job, rig = self._job, rig_with(self._character)
        if job.state == "failed":
            raise Sam3dbError(job.error)
        if rig is None:
            raise Sam3dbError("The person's character was deleted meanwhile.")
        masks.set_mask(rig, masks.fitted(job.mask, masks.size_of(rig)))
        watch.refresh(rig)


class SAM3DB_OT_mask_from_object(PersonOperator, bpy.types.Operator):
    """Take what the active curve, mesh or Grease Pencil object outlines on the photo as the mask of the person"""

    bl_idname = "sam3db.mask_from_object"
    bl_label = "Mask from Object"
    bl_options = {"REGISTER", "UNDO"}

    mode: bpy.props.EnumProperty(name="Mode", description="What becomes of the mask that there is", items=_MODES)

    @classmethod
    def poll(cls, context):
        if not super().poll(context):
            return False
        if drawn_object(context) is None:
            cls.poll_message_set("Make a curve, a mesh or a Grease Pencil object drawn around the person active")
            return False
        return True

    def run(self, context):
        obj, rig = drawn_object(context), self.rig(context)
        if obj is None:
            raise Sam3dbError("Make a curve, a mesh or a Grease Pencil object drawn around the person active.")
        combine(rig, masks.outlines_of(obj, rig), self.mode)


def drawn_object(context: bpy.types.Context) -> "bpy.types.Object | None":
    """The active object, where it may be an outline and is no part of a character."""
    obj = context.object
    if obj is None or obj.type not in _DRAWABLE or is_handle(obj) or rig_of(obj) is not None:
        return None
    return obj


class SAM3DB_OT_draw_mask(PersonOperator, bpy.types.Operator):
    """Draw around the person on the photo, with the left mouse button held; with Shift to add to the mask, with Ctrl to cut out of it"""  # noqa: E501

    bl_idname = "sam3db.draw_mask"
    bl_label = "Draw Mask"
    bl_options = {"UNDO"}  # not to be adjusted later: the drawn points are no property

    mode: bpy.props.EnumProperty(name="Mode", description="What becomes of the mask that there is", items=_MODES)

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
        context.workspace.status_text_set("Draw around the person  |  Shift: add  |  Ctrl: cut out  |  Esc: cancel")
        context.window.cursor_modal_set("CROSSHAIR")
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context, event) -> "set[OperatorReturnItems]":
        x, y = event.mouse_x - self._region.x, event.mouse_y - self._region.y
        if event.type in ("ESC", "RIGHTMOUSE"):
            self._leave(context)
            return {"CANCELLED"}
        if event.type == "LEFTMOUSE" and event.value == "PRESS":
            self.mode = "SUBTRACT" if event.ctrl else "ADD" if event.shift else self.mode
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

    def run(self, context):
        rig = self.rig(context)
        if len(getattr(self, "_points", ())) < 3:
            raise Sam3dbError("Draw around the person with the left mouse button held.")
        view, depth = self._space.region_3d, rig.matrix_world.translation
        assert view is not None
        places = [region_2d_to_location_3d(self._region, view, point, depth) for point in self._points]
        combine(rig, [masks.seen_at(rig, np.array(places))], self.mode)

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


def looks_through_photo(context: bpy.types.Context) -> bool:
    """Whether the viewport shows the photo of the person who is worked on."""
    space, rig = context.space_data, active_character(context)
    if rig is None or not isinstance(space, bpy.types.SpaceView3D):
        return False
    camera = space.camera if space.use_local_camera else context.scene.camera
    return space.region_3d.view_perspective == "CAMERA" and camera is not None and camera == photo_camera(rig)


class _MaskOperator(PersonOperator):
    """A mix-in for operators on the mask that there is."""

    @classmethod
    def poll(cls, context):
        if not super().poll(context):
            return False
        rig = active_character(context)
        if rig is None or not masks.has_mask(rig):
            cls.poll_message_set("This person has no mask")
            return False
        return True


class SAM3DB_OT_show_mask(_MaskOperator, bpy.types.Operator):
    """Show or hide the mask over the photo"""

    bl_idname = "sam3db.show_mask"
    bl_label = "Show Mask"
    bl_options = {"REGISTER", "UNDO"}

    on: bpy.props.BoolProperty(
        name="Show", description="Show it; otherwise it is hidden, and still counts", default=True
    )

    def run(self, context):
        masks.show_overlay(self.rig(context), self.on)


class SAM3DB_OT_clear_mask(_MaskOperator, bpy.types.Operator):
    """Take the mask away, and pose the person as without it"""

    bl_idname = "sam3db.clear_mask"
    bl_label = "Clear Mask"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context):
        rig = self.rig(context)
        masks.clear_mask(rig)
        watch.refresh(rig)


CLASSES = (
    SAM3DB_OT_load_mask,
    SAM3DB_OT_mask_from_photo,
    SAM3DB_OT_mask_from_object,
    SAM3DB_OT_draw_mask,
    SAM3DB_OT_show_mask,
    SAM3DB_OT_clear_mask,
)
