"""What the operators that start or stop jobs of minutes share (``long_jobs``)."""

from typing import TYPE_CHECKING, Any, ClassVar

import bpy

from ..jobs.long import LongJob

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from ..jobs.long import JobSlot


class LongJobOperator:
    """A mix-in for operators that start a job: one at a time, without ever blocking a window.

    Attributes:
        slot: where the job runs.
        panel: the label of the panel that shows how far a job is.
        occupied: why no other job can be started while one is under way.
        instead: what can be done without the network, for those that need it.
    """

    if (
        TYPE_CHECKING
    ):  # Blender evaluates annotations, and typing would keep the class of the slot for good (`jobs.long`)
        slot: ClassVar[JobSlot[Any]]
    panel: ClassVar[str]
    occupied: ClassVar[str]
    instead: ClassVar[str] = ""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..jobs import online

        refusal = cls.occupied if cls.slot.busy else online.refusal(cls.instead) if cls.instead else ""
        if refusal:
            cls.poll_message_set(refusal)
        return not refusal

    def start(self, request: Any) -> "set[OperatorReturnItems]":
        """Starts a job by a request of the worker; where there is no window, also waits for its end and reports it."""
        from native_runtime.pipeline.decoding import encode

        job = self.slot.start(request.do, encode(request))
        if not bpy.app.background:
            self.report({"INFO"}, f"Started; the panel '{self.panel}' shows the progress")
            return {"FINISHED"}
        self.slot.wait()
        return self._finish(job)

    def _finish(self, job: LongJob) -> "set[OperatorReturnItems]":
        if job.state != "done":
            self.report({"ERROR"}, job.summary)
            return {"CANCELLED"}
        for note in job.notes:
            self.report({"WARNING"}, note)
        self.report({"INFO"}, job.summary)
        return {"FINISHED"}


class CancelOperator:
    """A mix-in for operators that stop a slot's job.

    Attributes:
        slot: whose job.
        idle: what is said where there is none.
    """

    bl_label = "Cancel"
    if (
        TYPE_CHECKING
    ):  # Blender evaluates annotations, and typing would keep the class of the slot for good (`jobs.long`)
        slot: ClassVar[JobSlot[Any]]
    idle: ClassVar[str]

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not cls.slot.busy:
            cls.poll_message_set(cls.idle)
            return False
        return True

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        assert self.slot.job is not None
        self.slot.job.cancel()
        return {"FINISHED"}
