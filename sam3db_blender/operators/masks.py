"""Masks of a person: from the photo, from a picture, or from a drawn object."""

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy_extras.io_utils import ImportHelper

from native_runtime.errors import Sam3dbError

from ..handles.handles import is_handle, rig_of
from ..properties.import_options import PHOTO_FILTER
from .browsing import PictureBrowser
from .modal_job import ModalJobOperator
from .person import PersonOperator, reported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

MODES = (
    ("REPLACE", "New", "The drawn area replaces the mask"),
    ("ADD", "Add", "The drawn area is added to the mask"),
    ("SUBTRACT", "Subtract", "The drawn area is subtracted from the mask"),
)
_DRAWABLE = ("MESH", "CURVE", "GPENCIL", "GREASEPENCIL")


def combine(rig: bpy.types.Object, lines: "Sequence[ArrayLike]", mode: str) -> None:
    """Makes of a person's mask and some outlines (px) the new mask, and has the pose inferred again.

    Raises:
        Sam3dbError: nothing is left, or the engine fails.
    """
    from native_runtime.image.outlines import fill_outlines

    from ..handles import watch
    from ..masks import store as masks

    drawn = fill_outlines(lines, masks.size_of(rig))
    if mode != "REPLACE":
        before = masks.read_own_mask(rig)
        drawn = before | drawn if mode == "ADD" else before & ~drawn
    masks.set_mask(rig, drawn)
    watch.refresh(rig)


class SAM3DB_OT_load_mask(PersonOperator, PictureBrowser, bpy.types.Operator, ImportHelper):  # type: ignore[misc]
    """Use a picture as the person's mask: of the photo's size, the person white (or opaque), everything else black"""

    bl_idname = "sam3db.load_mask"
    bl_label = "Load Mask"
    bl_options = {"REGISTER", "UNDO"}

    filename_ext = ""
    filter_glob: bpy.props.StringProperty(default=PHOTO_FILTER, options={"HIDDEN"})

    def run(self, context):
        from native_runtime.image.reading import read_mask

        from ..handles import watch
        from ..masks import store as masks

        rig = self.rig(context)
        path = Path(bpy.path.abspath(self.filepath))
        masks.set_mask(rig, read_mask(path, masks.size_of(rig)))
        watch.refresh(rig)


class SAM3DB_OT_mask_from_photo(ModalJobOperator, PersonOperator, bpy.types.Operator):  # type: ignore[misc]
    """Find the person's outline in the photo; an existing mask is replaced"""

    bl_idname = "sam3db.mask_from_photo"
    bl_label = "Mask from Photo"
    bl_options = {"UNDO"}

    _character: str

    def execute(self, context):
        from ..handles.session import segment_job
        from ..jobs.worker import worker
        from ..scene.provenance import character_id

        def work():
            rig = self.rig(context)
            self._character = character_id(rig)
            return self.begin(context, segment_job(rig, worker()))

        return reported(self, work)

    def finish(self, context):
        job = self._job
        if job.state == "cancelled":
            return {"CANCELLED"}
        return reported(self, lambda: self.run(context))

    def run(self, context):
        from ..handles import watch
        from ..masks import store as masks
        from ..scene.lookup import rig_with

        job, rig = self._job, rig_with(self._character)
        if job.state == "failed":
            raise Sam3dbError(job.error)
        if rig is None:
            raise Sam3dbError("The person's character was deleted meanwhile.")
        masks.set_mask(rig, masks.fitted(job.mask, masks.size_of(rig)))
        watch.refresh(rig)


class SAM3DB_OT_mask_from_object(PersonOperator, bpy.types.Operator):
    """Use the area that the active curve, mesh or Grease Pencil object outlines on the photo as the person's mask"""

    bl_idname = "sam3db.mask_from_object"
    bl_label = "Mask from Object"
    bl_options = {"REGISTER", "UNDO"}

    mode: bpy.props.EnumProperty(name="Mode", description="What happens to the existing mask", items=MODES)

    @classmethod
    def poll(cls, context):
        if not super().poll(context):
            return False
        if drawn_object(context) is None:
            cls.poll_message_set("Make a curve, a mesh or a Grease Pencil object drawn around the person active")
            return False
        return True

    def run(self, context):
        from ..masks import outlines

        obj, rig = drawn_object(context), self.rig(context)
        if obj is None:
            raise Sam3dbError("Make a curve, a mesh or a Grease Pencil object drawn around the person active.")
        combine(rig, outlines.outlines_of(obj, rig), self.mode)


def drawn_object(context: bpy.types.Context) -> "bpy.types.Object | None":
    """The active object, where it may be an outline and is not part of a character."""
    obj = context.object
    if obj is None or obj.type not in _DRAWABLE or is_handle(obj) or rig_of(obj) is not None:
        return None
    return obj


class _MaskOperator(PersonOperator):
    """A mix-in for operators on the mask that there is."""

    @classmethod
    def poll(cls, context):
        from ..handles.people import active_character
        from ..masks import store as masks

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

    on: bpy.props.BoolProperty(name="Show", description="Show it; a hidden mask still counts", default=True)

    def run(self, context):
        from ..masks import store as masks

        masks.show_overlay(self.rig(context), self.on)


class SAM3DB_OT_clear_mask(_MaskOperator, bpy.types.Operator):
    """Remove the mask, and pose the person without it"""

    bl_idname = "sam3db.clear_mask"
    bl_label = "Clear Mask"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context):
        from ..handles import watch
        from ..masks import store as masks

        rig = self.rig(context)
        masks.clear_mask(rig)
        watch.refresh(rig)


CLASSES = (
    SAM3DB_OT_load_mask,
    SAM3DB_OT_mask_from_photo,
    SAM3DB_OT_mask_from_object,
    SAM3DB_OT_show_mask,
    SAM3DB_OT_clear_mask,
)
