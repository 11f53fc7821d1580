"""`sam3db views`: several photos of one person to one body."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from native_runtime.batch.names import result_stems
from native_runtime.cli.commands import ViewsSceneWriter
from native_runtime.cli.console import Console
from native_runtime.cli.people import disk_watched, make_folder
from native_runtime.cli.requests import check_files, request_of
from native_runtime.cli.scenes import scene_writer
from native_runtime.pipeline.inference import Inference
from native_runtime.takes.views.request import ViewsRequest


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command; whether it succeeded."""
    started = time.perf_counter()
    request = request_of(ViewsRequest, arguments)
    check_files(arguments, "calibration", "prompts", "start")
    if request.prompts is not None:
        from native_runtime.takes.views.prompts import read_view_prompts

        read_view_prompts(Path(request.prompts), [str(photo) for photo in request.photos])
    out = make_folder(arguments.out)
    write_scene: ViewsSceneWriter | None = scene_writer(arguments.blend, arguments.views_scene, "views", console)
    result: dict[str, Any] = {
        "command": arguments.command,
        "error": None,
        "views": [],
        "summary": None,
        "blend": None,
    }
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
        if write_scene is not None:
            blend = saved.summary.with_suffix(".blend")
            console.status("Building the character" + (" and its texture" if request.texture else ""))
            photos = [Path(photo) for photo in request.photos]
            for note in write_scene(saved.summary, photos, blend, request.models, request.texture):
                console.warning(note)
            console.line(str(blend))
            result["blend"] = str(blend)
    ok = result["error"] is None
    console.result(result | {"ok": ok, "seconds": round(time.perf_counter() - started, 3)})
    return ok
