"""Installations of models from the shelf: one job downloads, converts, proves, and leaves the model ready."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..files import shelf as shelf_files
from .long import JobSlot, LongJob


@dataclass
class InstallJob(LongJob):
    """A model on its way from its source to the first use.

    Attributes:
        item: which one.
    """

    item: str = field(default="", init=False)

    def __post_init__(self, keys: dict[str, Any]) -> None:
        self.item = str(keys["item"])
        super().__post_init__(keys)

    def poll(self) -> bool:
        over = super().poll()
        if over:
            shelf_files.forget()
        return over

    @property
    def title(self) -> str:
        """What is installed, for people."""
        from native_runtime.models.shelf import shelf

        return shelf()[self.item].title

    @property
    def summary(self) -> str:
        if self.state == "cancelled":
            return "Cancelled. What has arrived is kept; it continues from there."
        return super().summary

    @property
    def achievement(self) -> str:
        return f"{self.title} is installed and passed its checks."


#: The one of this Blender.
slot = JobSlot(InstallJob)
