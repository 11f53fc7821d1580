"""The worker's request `batch`: a folder of photos."""

from __future__ import annotations

from typing import Any

from native_runtime.batch.run import BatchResult, run_batch
from native_runtime.batch.settings import BatchRequest
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Reporter

_NAMED_FAULTS = 5


def do_batch(request: BatchRequest, inference: Inference, reporter: Reporter) -> dict[str, Any]:
    """Do a `batch` (see ``docs/worker.md``); the result of `done`."""
    result = run_batch(request, reporter, inference)
    return {
        "photos": len(result.photos),
        "fresh": len(result.fresh),
        "failed": len(result.failed),
        "contact_sheet": [str(path) for path in result.sheets],
        "out": str(request.out.absolute()),
        "notes": _notes(result),
    }


def _notes(result: BatchResult) -> list[str]:
    failed = [f"{record.photo}: {record.fault.text}" for record in result.failed if record.fault is not None]
    notes = failed[:_NAMED_FAULTS]
    if len(failed) > len(notes):
        notes.append(f"and {len(failed) - len(notes)} more; the contact sheet and the manifest list them all")
    return notes + result.passed_over
