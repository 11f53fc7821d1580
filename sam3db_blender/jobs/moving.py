"""Models that move to another folder, which the preferences then name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from native_runtime.models.store import models_dir

from .. import places
from .long import JobSlot, LongJob

if TYPE_CHECKING:
    from native_runtime.pipeline.requests import MoveModelsRequest


@dataclass
class MoveJob(LongJob):
    """A models folder on its way."""

    def poll(self) -> bool:
        before, over = self.state, super().poll()
        if over and before == "running" and self.state == "done":
            from ..files import shelf as shelf_files

            settings = places.preferences()
            if settings is not None:
                settings.models_folder = str(self.result["folder"])
            shelf_files.forget()
        return over

    @property
    def summary(self) -> str:
        if self.state == "cancelled":
            return "Cancelled. The models are where they were."
        return super().summary

    @property
    def achievement(self) -> str:
        left = len(self.result.get("left", ()))
        rest = f" {left} old files could not be removed." if left else ""
        return f"The models are in {self.result['folder']} now ({self.result['bytes'] / 1e9:.1f} GB).{rest}"


def request(to: Path) -> MoveModelsRequest:
    """What is asked for a move to a folder. What came with the extension stays there as well: an update would miss it,
    and so does a folder that somebody else than the extension looks into, which only the preferences can have named.
    """
    from native_runtime.pipeline.requests import MoveModelsRequest

    used, imported = models_dir(places.models_folder()), models_dir(places.imported_models_folder())
    settings = places.preferences()
    named = settings is not None and bool(settings.models_folder)
    more = imported if imported != used and imported.is_dir() else None
    return MoveModelsRequest(source=used, to=to, more_models=more, keep=not named)


#: The one of this Blender.
slot = JobSlot(MoveJob, gpu_support=False)
