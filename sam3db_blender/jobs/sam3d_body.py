"""Checks of whether an engine can run here, and on what."""

from __future__ import annotations

from .long import JobSlot, LongJob


class EngineCheck(LongJob):
    """Asks a worker whether an engine can run here, and on what."""

    @property
    def ready(self) -> bool:
        """Whether it can."""
        return self.state == "done" and bool(self.result.get("ready"))

    @property
    def achievement(self) -> str:
        from native_runtime.process.payload import ErrorPayload

        from ..remedies import in_words

        return in_words(ErrorPayload.from_json(self.result))


#: That of SAM 3D Body in this Blender.
check_slot = JobSlot(EngineCheck)
