"""Batches: folders of photos, in a separate worker with its own Blender."""

from __future__ import annotations

import sys
from pathlib import Path

import bpy

from .. import places
from .long import JobSlot, LongJob


class BatchJob(LongJob):
    """A folder on its way."""

    @property
    def out(self) -> Path | None:
        """Where the results are, once the job is done."""
        return Path(self.result["out"]) if "out" in self.result else None

    @property
    def achievement(self) -> str:
        total, failed, fresh = (int(self.result.get(key, 0)) for key in ("photos", "failed", "fresh"))
        done = f"{total - failed} of {total} photos are done"
        return done + (f", {fresh} of them now" if 0 < fresh < total else "") + (f"; {failed} failed" if failed else "")

    @property
    def summary(self) -> str:
        if self.state == "cancelled":
            return "Cancelled. Finished results are complete; start again to continue."
        return super().summary


def builder_command() -> list[str]:
    """Starts a Blender such as this one."""
    from .builder_command import blender_command, module_command

    if getattr(bpy.app, "module", False):  # Python with the bpy module
        return list(module_command())
    return list(blender_command(bpy.app.binary_path or sys.executable, places.worker_paths()))


#: The one of this Blender.
slot = JobSlot(BatchJob)
