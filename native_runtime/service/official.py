"""The worker's requests that install the official bodies: the same functions as the command line's."""

from __future__ import annotations

from typing import Any

from native_runtime.build.official import import_official
from native_runtime.build.official_download import download_official
from native_runtime.build.official_release import URL
from native_runtime.pipeline.reporting import Reporter, progress_to
from native_runtime.pipeline.requests import DownloadOfficialRequest, ImportOfficialRequest


def bring_bodies(request: ImportOfficialRequest | DownloadOfficialRequest, reporter: Reporter) -> dict[str, Any]:
    """Do an `import_official` or a `download_official` (see ``docs/worker.md``); the result of `done`."""
    report = progress_to(reporter)
    if isinstance(request, ImportOfficialRequest):
        made = import_official(request.source, request.models, request.levels, report)
    else:
        made = download_official(request.models, request.levels, report, request.url or URL, request.again)
    return {"folder": str(made.folder), "bodies": list(made.bodies), "notes": list(made.notes)}
