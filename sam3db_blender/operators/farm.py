"""Handing a batch to a farm, from the panel."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from native_runtime.errors import Sam3dbError

from ..compat import BLEND_RELATIVE
from ..properties.farm import SAM3DB_FarmState, chosen_farm, manager_address
from ..properties.import_options import ImportOptions
from .batch import SAM3DB_BatchState, batch_request, missing_folder
from .long_job import CancelOperator, LongJobOperator

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from native_runtime.farm.request import SubmitRequest

    from ..jobs.long import JobSlot


def submit_request(batch: SAM3DB_BatchState, options: ImportOptions, farm: SAM3DB_FarmState) -> "SubmitRequest":
    """What the worker is asked for.

    Raises:
        Sam3dbError: a folder is missing, or what the engine needs cannot be brought together.
    """
    from native_runtime.farm.request import SubmitRequest
    from native_runtime.pipeline.decoding import part_of

    return part_of(
        SubmitRequest,
        batch_request(batch, options),
        models=bpy.path.abspath(farm.models) if farm.models else None,
        providers=None,  # each machine chooses what it computes on
        farm=chosen_farm(),
        manager=manager_address(),
        bundle=bpy.path.abspath(farm.bundle) if farm.bundle else None,
        photos_per_task=farm.photos_per_task,
        title=farm.title or None,
        priority=farm.priority,
        worker_tag=farm.worker_tag or None,
        paused=farm.paused,
    )


def _refusal(window_manager: Any) -> str:
    """Why a batch cannot be handed in; empty where it can."""
    from native_runtime.farm.flamenco.address import is_on_this_machine

    from ..jobs import online
    from ..remedies import in_words

    batch, farm = window_manager.sam3db_batch, window_manager.sam3db_farm
    missing = missing_folder(batch.folder, batch.out)
    if missing:
        return missing
    if chosen_farm() == "openjd":
        return "" if farm.bundle else "Choose a folder for the job bundle first"
    address = manager_address()
    if not address:
        return "Say first where the Flamenco Manager is, such as farm:8080"
    try:
        here = is_on_this_machine(address)
    except Sam3dbError as error:
        return in_words(error)
    return "" if here else online.refusal("write the job for OpenJD instead")


def _slot() -> "JobSlot[Any]":
    from ..jobs.farm import slot

    return slot


class SAM3DB_OT_submit_batch(LongJobOperator, bpy.types.Operator):
    """Hand this batch to the farm, and show how it stands there. All machines need the same folders"""

    bl_idname = "sam3db.submit_batch"
    bl_label = "Submit to Farm"
    slot = staticmethod(_slot)
    panel = "Submit to Farm"
    occupied = "A job on the farm is being watched"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        refusal = _refusal(context.window_manager)
        if refusal:
            cls.poll_message_set(refusal)
        return not refusal

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from ..remedies import in_words

        manager = context.window_manager
        try:
            request = submit_request(manager.sam3db_batch, manager.sam3db, manager.sam3db_farm)
        except Sam3dbError as error:
            self.report({"ERROR"}, in_words(error))
            return {"CANCELLED"}
        return self.start(request)


class SAM3DB_OT_stop_watching(CancelOperator, bpy.types.Operator):
    """Watch the job no longer. Once it was handed in, it goes on on the farm"""

    bl_idname = "sam3db.stop_watching"
    bl_label = "Stop Watching"
    slot = staticmethod(_slot)
    idle = "No job on a farm is watched"


class SAM3DB_OT_write_job_type(bpy.types.Operator):
    """Write the file that a Flamenco Manager needs for batches; it belongs into the folder 'scripts' beside it"""

    bl_idname = "sam3db.write_job_type"
    bl_label = "Write Job Type"

    directory: bpy.props.StringProperty(
        name="Folder", description="Where the file goes", subtype="DIR_PATH", options=BLEND_RELATIVE
    )
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> "set[OperatorReturnItems]":
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from native_runtime.farm.flamenco import job_type

        if not self.directory:
            self.report({"ERROR"}, "Choose a folder")
            return {"CANCELLED"}
        try:
            file = job_type.write(Path(bpy.path.abspath(self.directory)))
        except OSError as error:
            self.report({"ERROR"}, f"The file cannot be written there: {error.strerror or error}")
            return {"CANCELLED"}
        self.report({"INFO"}, f"Written: {file}")
        return {"FINISHED"}


CLASSES = (SAM3DB_OT_submit_batch, SAM3DB_OT_stop_watching, SAM3DB_OT_write_job_type)
