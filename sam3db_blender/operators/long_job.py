"""What the operators that start or stop jobs of minutes share (``long_jobs``)."""

from typing import TYPE_CHECKING, Any, ClassVar

import bpy

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from ..jobs.long import JobSlot, LongJob


class LongJobOperator:
    """A mix-in for operators that start a job: one at a time, without ever blocking a window.

    Attributes:
        panel: the label of the panel that shows how far a job is.
        occupied: why no other job can be started while one is under way.
        instead: what can be done without the network, for those that need it.
    """

    panel: ClassVar[str]
    occupied: ClassVar[str]
    instead: ClassVar[str] = ""

    @staticmethod
    def slot() -> "JobSlot[Any]":
        """Where the job runs. Modules of jobs are loaded by this, and not with the classes."""
        raise NotImplementedError

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..jobs import online

        refusal = cls.occupied if cls.slot().busy else online.refusal(cls.instead) if cls.instead else ""
        if refusal:
            cls.poll_message_set(refusal)
        return not refusal

    def start(self, request: Any) -> "set[OperatorReturnItems]":
        """Starts a job by a request of the worker; where there is no window, also waits for its end and reports it."""
        from native_runtime.pipeline.decoding import encode

        slot = self.slot()
        job = slot.start(request.do, encode(request))
        if not bpy.app.background:
            self.report({"INFO"}, f"Started; the panel '{self.panel}' shows the progress")
            return {"FINISHED"}
        slot.wait()
        return self._finish(job)

    def _finish(self, job: "LongJob") -> "set[OperatorReturnItems]":
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
        idle: what is said where there is none.
    """

    bl_label = "Cancel"
    idle: ClassVar[str]

    @staticmethod
    def slot() -> "JobSlot[Any]":
        """Whose job."""
        raise NotImplementedError

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not cls.slot().busy:
            cls.poll_message_set(cls.idle)
            return False
        return True

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        job = self.slot().job
        assert job is not None
        job.cancel()
        return {"FINISHED"}
