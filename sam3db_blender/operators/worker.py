"""Operators around the worker process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from .. import jobs

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems


class SAM3DB_OT_stop_worker(bpy.types.Operator):
    """End the process that looks at photos, so that its memory is free; the next photo starts a new one"""

    bl_idname = "sam3db.stop_worker"
    bl_label = "Free the Worker's Memory"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not jobs.worker_runs():
            cls.poll_message_set("The worker is not running")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        jobs.stop_worker()
        return {"FINISHED"}


CLASSES = (SAM3DB_OT_stop_worker,)
