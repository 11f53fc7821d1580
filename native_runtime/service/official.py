"""The worker's requests that bring the official bodies: the same functions as the command line's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from native_runtime.errors import UsageError
from native_runtime.models.official import Imported, Levels, import_official
from native_runtime.models.official_download import URL, download_official
from native_runtime.service.inference import Reporter


def bring_bodies(request: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Do an `import_official` or a `download_official` (see ``docs/worker.md``); the result of `done`."""
    models, levels = _optional_text(request, "models"), _levels(request.get("levels"))
    said = ""

    def report(fraction: float, text: str) -> None:
        nonlocal said
        if text != said:
            said = text
            reporter.status(text)
        reporter.progress(fraction)

    made: Imported
    if request["do"] == "download_official":
        again = request.get("again", False)
        if not isinstance(again, bool):
            raise UsageError(f"'again' must be true or false, not {again!r}.")
        made = download_official(models, levels, report, _optional_text(request, "url") or URL, again)
    else:
        source = _optional_text(request, "source")
        if not source:
            raise UsageError("The request names no source.")
        made = import_official(source, models, levels, report)
    return {"folder": str(made.folder), "bodies": list(made.bodies), "notes": list(made.notes)}


def _optional_text(request: Mapping[str, Any], key: str) -> str | None:
    value = request.get(key)
    if value is not None and not isinstance(value, str):
        raise UsageError(f"{key!r} must be a text, not {value!r}.")
    return value


def _levels(value: object) -> Levels:
    if value is None or value == "all":
        return value  # type: ignore[return-value]  # "all" is that literal
    if isinstance(value, list) and value and all(type(level) is int for level in value):
        return list(value)
    raise UsageError(f"'levels' must be \"all\" or a list of whole numbers, not {value!r}.")
