"""`sam3db texture`: skin and clothes of people from their photos; an estimate that fails never stops the rest."""

from __future__ import annotations

import argparse
import time
from typing import Any

from native_runtime.cli.console import Console
from native_runtime.cli.people import disk_watched, make_folder
from native_runtime.texture.request import TextureRequest


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command; whether every texture was made."""
    started = time.perf_counter()
    request = TextureRequest(
        estimates=tuple(arguments.estimates),
        photos=tuple(arguments.photos),
        masks=tuple(arguments.masks),
        one_person=arguments.one_person,
        size=arguments.size,
        light=arguments.light,
        models=arguments.models,
        body=arguments.body,
    )
    out = make_folder(arguments.out)
    from native_runtime.texture.run import jobs_of, run_job

    textures: list[dict[str, Any]] = []
    for job in jobs_of(request):
        result: dict[str, Any] = {"estimates": list(job.estimates), "files": {}, "shares": {}, "error": None}
        textures.append(result)
        with console.one_of_many(result), disk_watched(out):
            console.status(f"Making the texture of {job.estimates[0]}")
            saved = run_job(job, out, console.warning)
            result["files"] = {name: str(getattr(saved.files, name)) for name in ("colour", "confidence", "record")}
            result["shares"] = saved.texture.facts["shares"]
            for name in result["files"].values():
                console.line(name)
    ok = all(texture["error"] is None for texture in textures)
    seconds = round(time.perf_counter() - started, 3)
    console.result({"command": arguments.command, "ok": ok, "textures": textures, "seconds": seconds})
    return ok
