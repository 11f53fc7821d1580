"""`sam3db batch`: a folder, resumable."""

from __future__ import annotations

import argparse
import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from native_runtime import __version__
from native_runtime.batch.executor import Executor
from native_runtime.batch.record import Record
from native_runtime.batch.run import BatchResult, run_batch
from native_runtime.batch.settings import BatchRequest
from native_runtime.cli.commands import missing
from native_runtime.cli.console import Console
from native_runtime.cli.requests import request_of
from native_runtime.errors import ModelError, UsageError
from native_runtime.farm.progress import OpenJDLines


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command; whether there are photos, and all have succeeded, in this run or before."""
    if arguments.expect_version not in (None, __version__):
        raise UsageError(
            f"This is version {__version__} of the program, but the job was made by version "
            f"{arguments.expect_version}: install the same version on all machines."
        )
    executor = _cluster(arguments)
    elsewhere = executor is not None and not arguments.cluster.startswith("local:")
    request = batch_request(arguments, here=not elsewhere)
    if request.needs_blender and not elsewhere:
        if arguments.builder is None:
            raise missing("A batch without `--no-blend --preview none`")
        request = replace(request, builder=arguments.builder())
    if arguments.progress_lines and console.as_json:
        raise UsageError("Standard output is either for `--json` or for `--progress-lines`: leave one of them out.")
    reporter = OpenJDLines(console) if arguments.progress_lines else console
    try:
        result = run_batch(request, reporter, executor=executor)
    except ModelError as error:  # no photo's failure: this machine cannot do any
        raise UsageError(error.template, error.remedy, **error.people) from error
    ok = result.ok or (arguments.accept_bad_photos and bool(result.content.photos) and result.only_bad_photos)
    for line in result.summary:
        console.line(line)
    console.result({"command": "batch", "ok": ok, **_described(request.out, result)})
    return ok


def batch_request(arguments: argparse.Namespace, here: bool = True) -> BatchRequest:
    """What the arguments of `add_batch_settings` ask for; nobody builds yet.

    Args:
        here: as for `request_of`.
    """
    previews = [kind for kind in dict.fromkeys(arguments.previews or ["panels"]) if kind != "none"]
    return request_of(BatchRequest, arguments, here, previews=previews, builder=())


def _cluster(arguments: argparse.Namespace) -> Executor | None:
    """Who does the work, where that is a cluster, which has packages of its own and stands above the command line."""
    if arguments.cluster is None:
        if arguments.cluster_paths or arguments.cluster_memory is not None:
            raise UsageError("What is said of a cluster needs --cluster.")
        return None
    try:
        importlib.import_module("distributed")
        cluster: Any = importlib.import_module("native_runtime.cluster.executor")
    except ModuleNotFoundError as error:
        raise UsageError(
            f"Clusters need the package {error.name}, which is not installed: pip install 'sam3db[cluster]' "
            "(in a checkout: pip install '.[cluster]'). It is no part of the extension."
        ) from error
    executor: Executor = cluster.executor_for(arguments.cluster, arguments.cluster_memory, arguments.cluster_paths)
    return executor


def _described(out: Path, result: BatchResult) -> dict[str, Any]:
    return {
        "folder": str(out),
        "photos": [_photo(out, record, record.photo in result.fresh) for record in result.in_order()],
        "done": len(result.photos) - len(result.failed),
        "failed": len(result.failed),
        "passed_over": [{"file": other.relative, "reason": other.reason} for other in result.content.passed_over],
        "other_files": result.content.others,
        "contact_sheet": [str(path) for path in result.sheets],
        "seconds": result.seconds,
    }


def _photo(out: Path, record: Record, fresh: bool) -> dict[str, Any]:
    fault = record.fault
    return {
        "photo": record.photo,
        "image_size": None if record.image_size is None else list(record.image_size),
        "found": record.found,
        "people": list(record.people),
        "files": sorted(str(out / path) for path in record.outputs),
        "notes": [*record.notes, *(note for stage in record.stages.values() for note in stage.notes)],
        "error": None if fault is None else {"kind": fault.kind, "text": fault.text},
        "fresh": fresh,
        "seconds": record.seconds,
    }
