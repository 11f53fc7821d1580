"""A folder of photos, from the panel."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from native_runtime.errors import Sam3dbError

from .. import places
from ..compat import BLEND_RELATIVE
from ..properties.export_items import FORMAT_ITEMS
from ..properties.import_options import ImportOptions, converted
from ..properties.preview_items import KIND_ITEMS
from .exports import target_items
from .long_job import CancelOperator, LongJobOperator

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from native_runtime.batch.settings import BatchRequest

    from ..jobs.long import JobSlot

_LAYOUTS = (
    ("person", "One per Person", "A .blend file for each person"),
    ("photo", "One per Photo", "A .blend file for each photo, with all its people"),
)


class SAM3DB_BatchState(bpy.types.PropertyGroup):
    """The panel's settings; engine, people, body and lens are those of the import."""

    folder: bpy.props.StringProperty(
        name="Photos", description="The folder of the photos", subtype="DIR_PATH", options=BLEND_RELATIVE
    )
    out: bpy.props.StringProperty(
        name="Results",
        description="Where the results go. In a folder with earlier results, only what is missing is made",
        subtype="DIR_PATH",
        options=BLEND_RELATIVE,
    )
    patterns: bpy.props.StringProperty(
        name="Pattern",
        description="Which files, separated by semicolons, such as IMG_*.jpg;DSC*; empty for every picture",
    )
    recursive: bpy.props.BoolProperty(name="Sub-Folders", description="Look into sub-folders too", default=True)
    layout: bpy.props.EnumProperty(name="Files", description="What goes into one .blend file", items=_LAYOUTS)
    previews: bpy.props.EnumProperty(
        name="Previews",
        description="Pictures of each result",
        items=KIND_ITEMS,
        options={"ENUM_FLAG"},
        default={"panels"},
    )
    exports: bpy.props.EnumProperty(
        name="Export", description="Files for other programs", items=FORMAT_ITEMS, options={"ENUM_FLAG"}
    )
    names: bpy.props.EnumProperty(
        name="Bone Names", description="Bone names of exported characters", items=target_items
    )
    retry_failed: bpy.props.BoolProperty(
        name="Retry Failed", description="Also retry photos that could not be read or showed nobody"
    )


def missing_folder(folder: str, out: str) -> str:
    """What is to be chosen before a batch can start; empty where nothing is."""
    if not folder:
        return "Choose the folder of the photos first"
    return "" if out else "Choose a folder for the results first"


def batch_request(batch: SAM3DB_BatchState, options: ImportOptions) -> "BatchRequest":
    """What the worker is asked for.

    Raises:
        Sam3dbError: a folder is missing, or what the engine needs cannot be brought together.
    """
    from native_runtime.batch.settings import BatchRequest
    from native_runtime.pipeline.decoding import gather

    from ..jobs.batch import builder_command
    from ..retarget.assignment import map_source

    if missing_folder(batch.folder, batch.out):
        raise Sam3dbError(f"{missing_folder(batch.folder, batch.out)}.")
    folder, out = (Path(bpy.path.abspath(path)) for path in (batch.folder, batch.out))
    return gather(
        BatchRequest,
        batch,
        options,
        folder=folder,
        out=out,
        patterns=[pattern.strip() for pattern in batch.patterns.split(";") if pattern.strip()],
        previews=[kind for kind, *_ in KIND_ITEMS if kind in batch.previews],
        exports=[f"{to}:{map_source(batch.names)}" for to, *_ in FORMAT_ITEMS if to in batch.exports],
        builder=builder_command(),
        **converted(options, places.models_folder()),
    )


def _slot() -> "JobSlot[Any]":
    from ..jobs.batch import slot

    return slot


class SAM3DB_OT_run_batch(LongJobOperator, bpy.types.Operator):
    """Make characters from all photos in a folder; continues where it was interrupted, and does only what is missing"""

    bl_idname = "sam3db.run_batch"
    bl_label = "Start Batch"
    slot = staticmethod(_slot)
    panel = "Batch"
    occupied = "A batch is already running"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        batch = context.window_manager.sam3db_batch
        missing = missing_folder(batch.folder, batch.out)
        if missing:
            cls.poll_message_set(missing)
        return not missing

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from ..remedies import in_words

        window_manager = context.window_manager
        try:
            request = batch_request(window_manager.sam3db_batch, window_manager.sam3db)
        except Sam3dbError as error:
            self.report({"ERROR"}, in_words(error))
            return {"CANCELLED"}
        return self.start(request)


class SAM3DB_OT_cancel_batch(CancelOperator, bpy.types.Operator):
    """Cancel the running batch; finished results are complete, and the next start continues from there"""

    bl_idname = "sam3db.cancel_batch"
    slot = staticmethod(_slot)
    idle = "No batch is running"


CLASSES = (SAM3DB_BatchState, SAM3DB_OT_run_batch, SAM3DB_OT_cancel_batch)


def attach() -> None:
    """Hangs the state on the window manager: it belongs to the session, not to the file."""
    bpy.types.WindowManager.sam3db_batch = bpy.props.PointerProperty(type=SAM3DB_BatchState)  # type: ignore[func-returns-value]


def detach() -> None:
    """Takes it away again."""
    del bpy.types.WindowManager.sam3db_batch
