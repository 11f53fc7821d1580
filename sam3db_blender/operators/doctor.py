"""Diagnostics: an examination of the installation, and its page on the clipboard."""

from typing import TYPE_CHECKING, Any

import bpy

from .long_job import CancelOperator, LongJobOperator

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from ..jobs.long import JobSlot


def _slot() -> "JobSlot[Any]":
    from ..jobs.doctor import slot

    return slot


class SAM3DB_OT_run_doctor(LongJobOperator, bpy.types.Operator):
    """Look at versions, model files, networks, memory, disks and the background process; takes a few seconds"""

    bl_idname = "sam3db.run_doctor"
    bl_label = "Run Diagnostics"
    slot = staticmethod(_slot)
    panel = "Diagnostics"
    occupied = "The diagnostics are already running"

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from ..jobs.doctor import request

        return self.start(request())


class SAM3DB_OT_cancel_doctor(CancelOperator, bpy.types.Operator):
    """Stop the diagnostics"""

    bl_idname = "sam3db.cancel_doctor"
    slot = staticmethod(_slot)
    idle = "No diagnostics are running"


class SAM3DB_OT_copy_doctor(bpy.types.Operator):
    """Copy the whole page, without your name and home folder, to paste it into a report"""

    bl_idname = "sam3db.copy_doctor"
    bl_label = "Copy Page"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        job = _slot().job
        if job is None or job.state != "done":
            cls.poll_message_set("Run the diagnostics first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from ..jobs.doctor import slot

        assert slot.job is not None
        context.window_manager.clipboard = slot.job.page
        self.report({"INFO"}, "The page is on the clipboard")
        return {"FINISHED"}


CLASSES = (SAM3DB_OT_run_doctor, SAM3DB_OT_cancel_doctor, SAM3DB_OT_copy_doctor)
