"""Operators around the worker process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from .. import places

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems


class SAM3DB_OT_stop_worker(bpy.types.Operator):
    """Stop the background process that reads photos, to free its memory; the next photo starts it again"""

    bl_idname = "sam3db.stop_worker"
    bl_label = "Free Memory"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..jobs.worker import worker_runs

        if not worker_runs():
            cls.poll_message_set("No background process is running")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        from ..jobs.worker import stop_worker

        stop_worker()
        return {"FINISHED"}


class SAM3DB_OT_check_landmarks(bpy.types.Operator):
    """Test whether the bundled networks run, and on what: the processor or a graphics card"""

    bl_idname = "sam3db.check_landmarks"
    bl_label = "Check Landmarks"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..jobs import engine_check

        if engine_check.slot.busy:
            cls.poll_message_set("The check is already running")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        from native_runtime.pipeline.decoding import encode
        from native_runtime.pipeline.requests import EngineStatusRequest

        from ..jobs import engine_check

        request = EngineStatusRequest(engine=engine_check.ENGINE, models=places.models_folder())
        job = engine_check.slot.start(request.do, encode(request))
        if bpy.app.background:
            engine_check.slot.wait()
            self.report({"INFO" if job.ready else "ERROR"}, job.summary)
            return {"FINISHED" if job.ready else "CANCELLED"}
        return {"FINISHED"}


CLASSES = (SAM3DB_OT_stop_worker, SAM3DB_OT_check_landmarks)
