"""Downloads, conversions and checks of SAM 3D Body."""

from __future__ import annotations

from native_runtime.process.payload import ErrorPayload

from ..remedies import in_words
from .long import JobSlot, LongJob


class Sam3dBodyJob(LongJob):
    """A download of a checkpoint, or its conversion."""

    @property
    def achievement(self) -> str:
        if self.do == "download_sam3d_body":
            return "The checkpoint is downloaded. Convert it now; that needs no network."
        return f"Converted: {self.result.get('title', 'SAM 3D Body')}. Choose the engine SAM 3D Body."


class EngineCheck(LongJob):
    """Asks a worker whether an engine can run here, and on what."""

    @property
    def ready(self) -> bool:
        """Whether it can."""
        return self.state == "done" and bool(self.result.get("ready"))

    @property
    def achievement(self) -> str:
        return in_words(ErrorPayload.from_json(self.result))


#: Those of this Blender.
slot = JobSlot(Sam3dBodyJob)
check_slot = JobSlot(EngineCheck)
