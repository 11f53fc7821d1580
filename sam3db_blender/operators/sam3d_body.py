"""Checking what SAM 3D Body runs on."""

from typing import TYPE_CHECKING

import bpy

from ..places import preferences

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems


class SAM3DB_OT_check_sam3d_body(bpy.types.Operator):
    """Test the model in a separate process: whether it runs, on the processor or a graphics card, and why"""

    bl_idname = "sam3db.check_sam3d_body"
    bl_label = "Check SAM 3D Body"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..files import sam3d_body
        from ..jobs.sam3d_body import check_slot
        from ..jobs.shelf import slot

        if slot.busy or check_slot.busy:
            cls.poll_message_set("Wait until the running job has ended")
            return False
        if sam3d_body.installed() is None:
            cls.poll_message_set("SAM 3D Body is not installed yet")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from native_runtime.pipeline.decoding import decode, encode
        from native_runtime.pipeline.requests import EngineStatusRequest

        from ..files import sam3d_body
        from ..jobs.sam3d_body import check_slot

        settings = preferences()
        chosen = None if settings is None else settings.requested_providers()
        known = {"engine": sam3d_body.ENGINE, "models": sam3d_body.models_folder(), "providers": chosen}
        job = check_slot.start(EngineStatusRequest.do, encode(decode(EngineStatusRequest, known)))
        if bpy.app.background:
            check_slot.wait()
            self.report({"INFO" if job.ready else "ERROR"}, job.summary)
            return {"FINISHED" if job.ready else "CANCELLED"}
        return {"FINISHED"}


CLASSES = (SAM3DB_OT_check_sam3d_body,)
