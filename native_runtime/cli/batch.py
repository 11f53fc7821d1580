"""`sam3db batch`: a folder, resumable."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from native_runtime.batch.photos import Shard
from native_runtime.batch.record import Record
from native_runtime.batch.run import BatchRequest, BatchResult, run_batch
from native_runtime.batch.settings import Export, Settings
from native_runtime.cli.commands import missing
from native_runtime.cli.console import Console
from native_runtime.pipeline.inference import EngineChoice, Lens


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command; whether there are photos, and all have succeeded, in this run or before."""
    settings = _settings(arguments)
    if settings.needs_blender and arguments.builder is None:
        raise missing("A batch without `--no-blend --preview none`")
    request = BatchRequest(
        folder=Path(arguments.folder),
        out=Path(arguments.out),
        settings=settings,
        builder=arguments.builder() if settings.needs_blender else (),
        builders=arguments.builders,
        patterns=tuple(arguments.pattern or ()),
        recursive=arguments.recursive,
        shard=Shard.parse(arguments.shard),
        contact_sheet=arguments.contact_sheet,
        retry_failed=arguments.retry_failed,
    )
    result = run_batch(request, console)
    for line in result.summary:
        console.line(line)
    console.result({"command": "batch", "ok": result.ok, **_described(request.out, result)})
    return result.ok


def _settings(arguments: argparse.Namespace) -> Settings:
    """Raises: UsageError: the arguments do not fit together."""
    from native_runtime.camera import intrinsics_for

    intrinsics_for((1, 1), arguments.focal_px, arguments.fov_deg)
    providers = tuple(arguments.provider) if arguments.provider else None
    if providers:
        from native_runtime.onnx.providers import candidates

        candidates(providers)
    person = arguments.person
    return Settings(
        choice=EngineChoice(arguments.engine, arguments.models, arguments.body, providers),
        lens=Lens(arguments.focal_px, arguments.fov_deg),
        persons=person if isinstance(person, str) else tuple(person),
        inference=arguments.inference,
        layout=arguments.layout,
        blend=arguments.blend,
        previews=tuple(kind for kind in dict.fromkeys(arguments.preview or ["panels"]) if kind != "none"),
        exports=tuple(dict.fromkeys(map(Export.parse, arguments.export))),
        turn=arguments.turn,
    )


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
