"""The worker's request `batch`: a folder of photos."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from native_runtime.batch.run import BatchRequest, BatchResult, run_batch
from native_runtime.batch.settings import Export, Layout, Settings
from native_runtime.errors import UsageError
from native_runtime.pipeline.inference import Inference, Reporter
from native_runtime.pipeline.turned import check_turn
from native_runtime.service.photos import choice_of, lens_of
from native_runtime.service.requests import flag, optional_text, optional_texts, required_text

_TOLD_FAULTS = 5


def do_batch(request: Mapping[str, Any], inference: Inference, reporter: Reporter) -> dict[str, Any]:
    """Do a `batch` (see ``docs/worker.md``); the result of `done`."""
    result = run_batch(_request(request), reporter, inference)
    return {
        "photos": len(result.photos),
        "fresh": len(result.fresh),
        "failed": len(result.failed),
        "contact_sheet": [str(path) for path in result.sheets],
        "out": str(Path(request["out"]).absolute()),
        "notes": _notes(result),
    }


def _request(request: Mapping[str, Any]) -> BatchRequest:
    """Raises: UsageError: the request makes no sense."""
    builders, persons = request.get("builders", 1), request.get("persons", "largest")
    if isinstance(builders, bool) or not isinstance(builders, int):
        raise UsageError(f"'builders' must be a whole number, not {builders!r}.")
    if not isinstance(persons, (str, list)):
        raise UsageError(f"'persons' must be a text or a list of numbers, not {persons!r}.")
    layout = request.get("layout", "person")
    if layout not in get_args(Layout):
        raise UsageError(f"'layout' is one of {', '.join(get_args(Layout))}, not {layout!r}.")
    previews = optional_texts(request, "previews")
    settings = Settings(
        choice=choice_of(request),
        lens=lens_of(request),
        persons=persons if isinstance(persons, str) else tuple(persons),
        inference=optional_text(request, "inference"),
        layout=layout,
        blend=flag({"blend": True, **request}, "blend"),
        previews=Settings().previews if previews is None else tuple(previews),
        exports=tuple(map(Export.parse, optional_texts(request, "exports") or ())),
        turn=check_turn(request.get("turn", 0)),
    )
    return BatchRequest(
        folder=Path(required_text(request, "folder")),
        out=Path(required_text(request, "out")),
        settings=settings,
        builder=tuple(optional_texts(request, "builder") or ()),
        builders=builders,
        patterns=tuple(optional_texts(request, "patterns") or ()),
        recursive=flag({"recursive": True, **request}, "recursive"),
        contact_sheet=flag({"contact_sheet": True, **request}, "contact_sheet"),
        retry_failed=flag(request, "retry_failed"),
    )


def _notes(result: BatchResult) -> list[str]:
    failed = [f"{record.photo}: {record.fault.text}" for record in result.failed if record.fault is not None]
    notes = failed[:_TOLD_FAULTS]
    if len(failed) > len(notes):
        notes.append(f"and {len(failed) - len(notes)} more; the contact sheet and the manifest list them all")
    return notes + result.passed_over
