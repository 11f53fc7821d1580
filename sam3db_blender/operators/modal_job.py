"""Operators that wait for the worker while Blender stays responsive."""

from typing import TYPE_CHECKING, Any

import bpy

from ..app_handlers import redraw

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from ..jobs.worker import Job

_TIMER_S = 0.1


class ModalJobOperator:
    """A mix-in: ``begin`` a job in ``execute``; ``finish`` is called when it is over. Esc gives it up.

    In the background there is no window to keep awake, and it is waited for.
    """

    if TYPE_CHECKING:  # Blender evaluates annotations
        _job: Job | None
    _job = None
    _timer: bpy.types.Timer | None = None

    def begin(self, context: bpy.types.Context, job: "Job") -> "set[OperatorReturnItems]":
        """What ``execute`` is to return."""
        self._job = job
        if bpy.app.background or context.window is None:
            job.wait()
            return self.finish(context)
        self.tell(context, job)
        self._timer = context.window_manager.event_timer_add(_TIMER_S, window=context.window)
        operator: Any = self
        context.window_manager.modal_handler_add(operator)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> "set[OperatorReturnItems]":
        job = self._job
        assert job is not None
        if event.type == "ESC" or self.given_up(context):
            job.cancel()
        elif event.type != "TIMER":
            return {"PASS_THROUGH"}
        over = job.poll() or self.enough(context, job)
        self.tell(context, job)
        if not over:
            return {"PASS_THROUGH"}
        self.leave(context)
        return self.finish(context)

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator itself, for instance because another file is opened."""
        if self._job is not None:
            self._job.cancel()
        self.leave(context)

    def finish(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        """Does what is to be done with a job that is over; what the operator is to return."""
        raise NotImplementedError

    def enough(self, context: bpy.types.Context, job: "Job") -> bool:
        """Whether ``finish`` can do with what a job that still runs has brought so far."""
        return False

    def given_up(self, context: bpy.types.Context) -> bool:
        """Whether somebody wants the end by other means than Esc."""
        return False

    def tell(self, context: bpy.types.Context, job: "Job") -> None:
        """Shows how far it is."""
        context.workspace.status_text_set(f"{self.bl_label}: {job.status}  |  Esc: cancel")
        redraw("VIEW_3D")

    def leave(self, context: bpy.types.Context) -> None:
        """Takes the timer and the line in the status bar away."""
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
        context.workspace.status_text_set(None)
