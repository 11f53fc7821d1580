"""Whether all is well with the installation: looked at by a worker of its own, remembered for the session."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from native_runtime.models.store import models_dir

from .. import places
from .long import JobSlot, LongJob

if TYPE_CHECKING:
    from native_runtime.doctor.report import Fault, Section
    from native_runtime.pipeline.requests import DoctorRequest


@dataclass
class DoctorJob(LongJob):
    """An examination. Its texts name nobody, and no home folder."""

    @property
    def sections(self) -> list[Section]:
        """What was found; nothing before it is done."""
        from native_runtime.doctor.report import Section

        return [Section.from_json(section) for section in self.result.get("sections", [])]

    @property
    def faults(self) -> list[str]:
        """What is wrong and what to do, a line each."""
        from native_runtime.doctor.page import faults_of

        return [_worded(fault) for fault in faults_of(self.sections)]

    @property
    def hints(self) -> list[str]:
        """What is good to know, a line each."""
        from native_runtime.doctor.page import notes_of

        return [_worded(note) for note in notes_of(self.sections)]

    @property
    def page(self) -> str:
        """The page in Markdown, to paste into a report."""
        from native_runtime.doctor.page import page

        from ..remedies import advised

        return "\n".join(page(self.sections, advised)) + "\n"

    @property
    def achievement(self) -> str:
        from native_runtime.doctor.page import ALL_WORKS

        count = len(self.faults)
        return f"{count} thing{'s' * (count != 1)} must be put right" if count else ALL_WORKS


def _worded(fault: Fault) -> str:
    from native_runtime.doctor.privacy import without_names

    from ..remedies import advised

    return without_names(advised(fault.text, fault.remedy))


OF_MODELS = ("models", "more_models")
"""The checks that hash model files."""


def request(*checks: str) -> DoctorRequest:
    """What is asked of this Blender.

    Args:
        checks: those that are wanted; all where none is named.
    """
    from native_runtime.pipeline.requests import DoctorRequest

    models, imported = models_dir(places.models_folder()), models_dir(places.imported_models_folder())
    settings = places.preferences()
    return DoctorRequest(
        checks=checks or None,
        models=models,
        more_models=None if imported == models or not imported.is_dir() else imported,
        providers=None if settings is None else tuple(settings.requested_providers() or ()) or None,
        blender=bpy.app.version_string,
        extensions=_extensions(),
        user_folder=places.user_folder("logs").parent,
    )


def _extensions() -> Path | None:
    """Blender's folder of extensions that this one lies in; None where it was not installed as one."""
    folder = Path(__file__).resolve().parents[3]
    return folder if places.PACKAGE.startswith("bl_ext.") else None


#: Those of this Blender: of the whole installation, and of the models alone.
slot, verify_slot = JobSlot(DoctorJob), JobSlot(DoctorJob)
