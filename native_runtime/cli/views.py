"""`sam3db views`: several photos of one person to one body."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from native_runtime.batch.names import result_stems
from native_runtime.cli.console import Console
from native_runtime.cli.people import disk_watched, make_folder
from native_runtime.cli.requests import request_of
from native_runtime.pipeline.inference import Inference
from native_runtime.takes.views.request import ViewsRequest


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command; whether it succeeded."""
    started = time.perf_counter()
    request = request_of(ViewsRequest, arguments)
    out = make_folder(arguments.out)
    result: dict[str, Any] = {"command": arguments.command, "error": None, "views": [], "summary": None}
    with console.one_of_many(result), disk_watched(out):
        from native_runtime.takes.views.run import estimate_views

        stems = [out / stem for stem in result_stems(arguments.photos)]
        saved = estimate_views(request, Inference(kept_photos=len(stems)), console, stems)
        for view in saved.views:
            files = {"npz": f"{view.stem}.npz", "json": f"{view.stem}.json"}
            if view.picture is not None:
                files["picture"] = str(view.picture)
            for name in files.values():
                console.line(name)
            result["views"].append(
                {
                    "photo": view.photo,
                    "person": view.person,
                    "files": files,
                    "warnings": list(view.estimate.warnings),
                    "point_error_px": round(float(view.estimate.details["views"]["point_error_px"]), 2),
                }
            )
        result["summary"] = str(saved.summary)
        result["stature_cm"] = round(saved.content["stature_cm"], 1)
        console.line(str(Path(saved.summary)))
    ok = result["error"] is None
    console.result(result | {"ok": ok, "seconds": round(time.perf_counter() - started, 3)})
    return ok
