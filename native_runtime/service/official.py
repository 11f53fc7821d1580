"""The worker's requests that bring the official bodies: the same functions as the command line's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from native_runtime.build.official import Imported, Levels, import_official
from native_runtime.build.official_download import URL, download_official
from native_runtime.errors import UsageError
from native_runtime.pipeline.inference import Reporter
from native_runtime.service.requests import flag, optional_text, progress_to, required_text


def bring_bodies(request: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Do an `import_official` or a `download_official` (see ``docs/worker.md``); the result of `done`."""
    models, levels = optional_text(request, "models"), _levels(request.get("levels"))
    report = progress_to(reporter)
    made: Imported
    if request["do"] == "download_official":
        again = flag(request, "again")
        made = download_official(models, levels, report, optional_text(request, "url") or URL, again)
    else:
        made = import_official(required_text(request, "source"), models, levels, report)
    return {"folder": str(made.folder), "bodies": list(made.bodies), "notes": list(made.notes)}


def _levels(value: object) -> Levels:
    if value is None or value == "all":
        return value  # type: ignore[return-value]  # "all" is that literal
    if isinstance(value, list) and value and all(type(level) is int for level in value):
        return list(value)
    raise UsageError(f"'levels' must be \"all\" or a list of whole numbers, not {value!r}.")
