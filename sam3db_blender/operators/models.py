"""The models that there are: verified, moved to another folder, taken away."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..compat import BLEND_RELATIVE
from .long_job import CancelOperator, LongJobOperator
from .model_removal import ModelRemovalOperator

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from native_runtime.models.shelf import ShelfItem

    from ..jobs.long import JobSlot


def _verify_slot() -> "JobSlot[Any]":
    from ..jobs.doctor import verify_slot

    return verify_slot


def _move_slot() -> "JobSlot[Any]":
    from ..jobs.moving import slot

    return slot


class SAM3DB_OT_verify_models(LongJobOperator, bpy.types.Operator):
    """Compare every model file with its SHA-256; takes some seconds for each gigabyte"""

    bl_idname = "sam3db.verify_models"
    bl_label = "Verify"
    slot = staticmethod(_verify_slot)
    panel = "Models"
    occupied = "The models are already being verified"

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from ..jobs import doctor

        return self.start(doctor.request(*doctor.OF_MODELS))


class SAM3DB_OT_cancel_verify(CancelOperator, bpy.types.Operator):
    """Stop verifying"""

    bl_idname = "sam3db.cancel_verify"
    slot = staticmethod(_verify_slot)
    idle = "No models are being verified"


class SAM3DB_OT_move_models(LongJobOperator, bpy.types.Operator):
    """Move the models to another folder. All is copied and compared first; until then, nothing is removed"""

    bl_idname = "sam3db.move_models"
    bl_label = "Move Models Here"
    slot = staticmethod(_move_slot)
    panel = "Models"
    occupied = "The models are already being moved"

    directory: bpy.props.StringProperty(
        name="Folder",
        description="A new folder, or an empty one",
        subtype="DIR_PATH",
        options={"SKIP_SAVE"} | BLEND_RELATIVE,
    )
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..jobs import shelf as shelf_jobs

        if shelf_jobs.slot.busy:
            cls.poll_message_set("Wait until the model is installed")
            return False
        return super().poll(context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> "set[OperatorReturnItems]":
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from ..jobs import moving
        from ..jobs.worker import stop_worker

        stop_worker()  # which has the files open
        return self.start(moving.request(Path(bpy.path.abspath(self.directory))))


class SAM3DB_OT_cancel_move(CancelOperator, bpy.types.Operator):
    """Stop moving; the models stay where they were"""

    bl_idname = "sam3db.cancel_move"
    slot = staticmethod(_move_slot)
    idle = "No models are being moved"


class SAM3DB_OT_remove_model(ModelRemovalOperator, bpy.types.Operator):
    """Delete this model from the disk; characters that were made with it stay as they are"""

    bl_idname = "sam3db.remove_model"
    bl_label = "Remove Model"
    bl_options = {"INTERNAL"}

    def remove(self, item: "ShelfItem", models: Path) -> int:
        from native_runtime.models.shelf.removal import remove_installed

        return remove_installed(item, models)


CLASSES = (
    SAM3DB_OT_verify_models,
    SAM3DB_OT_cancel_verify,
    SAM3DB_OT_move_models,
    SAM3DB_OT_cancel_move,
    SAM3DB_OT_remove_model,
)
