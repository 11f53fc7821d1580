"""The worker's request that examines the installation. Standard library only, so that it is answered in any state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from native_runtime.doctor.examination import Examined, examine
from native_runtime.doctor.room import Folder
from native_runtime.engines import engines
from native_runtime.pipeline.reporting import Reporter
from native_runtime.pipeline.requests import DoctorRequest

from .round_trip import round_trip


def do_examination(request: DoctorRequest, reporter: Reporter) -> dict[str, Any]:
    """Do a `doctor` (see ``docs/worker.md``); the result of `done`."""

    def tell(share: float, text: str) -> None:
        reporter.progress(share)
        reporter.status(text)

    more, own, extensions = (
        () if path is None else (Path(path),) for path in (request.more_models, request.user_folder, request.extensions)
    )
    what = Examined(
        checks=request.checks,
        models=request.models,
        more_models=more,
        providers=request.providers,
        engines=tuple(engines()),
        blender=request.blender,
        extensions=extensions or None,
        folders=tuple(Folder(path, "your own files of the extension") for path in own),
    )
    return {"sections": [section.described() for section in examine(what, round_trip, tell).sections]}
