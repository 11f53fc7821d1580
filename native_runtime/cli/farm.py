"""`sam3db farm`: hand a batch to a farm."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from native_runtime.cli.batch import batch_request
from native_runtime.cli.console import Console
from native_runtime.errors import UsageError
from native_runtime.farm import openjd, scripts
from native_runtime.farm.job import Job, plan


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command."""
    return _RUNS[arguments.farm](arguments, console)


def _openjd(arguments: argparse.Namespace, console: Console) -> bool:
    if not arguments.bundle and not arguments.dry_run:
        raise UsageError("Name a folder for the job's two files with `--bundle DIR`, or print them with `--dry-run`.")
    job = _planned(arguments, console)
    content = openjd.template(job, arguments.progress)
    described = {"command": "farm", "farm": "openjd", "ok": True, **_described(job), "template": content}
    if arguments.dry_run:
        console.line(json.dumps(content, indent=2, ensure_ascii=False))
        console.result(described)
        return True
    files = openjd.write_bundle(job, Path(arguments.bundle), arguments.progress)
    console.line(_summary(job))
    for file in files:
        console.line(str(file))
    console.result({**described, "files": [str(file) for file in files]})
    return True


def _script(arguments: argparse.Namespace, console: Console) -> bool:
    job = _planned(arguments, console)
    text = scripts.script(job, arguments.kind, arguments.program_file)
    console.status(_summary(job))
    console.line(text.removesuffix("\n"))
    console.result({"command": "farm", "farm": "script", "ok": True, **_described(job), "script": text})
    return True


def _planned(arguments: argparse.Namespace, console: Console) -> Job:
    return plan(
        batch_request(arguments, here=False),
        console,
        tasks=arguments.tasks,
        photos_per_task=arguments.photos_per_task,
        name=arguments.name,
        program=arguments.program,
    )


def _summary(job: Job) -> str:
    tasks = "1 task" if job.tasks == 1 else f"{job.tasks} tasks"
    return f"{job.photos} photo{'s' * (job.photos > 1)} in {tasks}, and one for the contact sheet."


def _described(job: Job) -> dict[str, object]:
    return {"name": job.name, "photos": job.photos, "tasks": job.tasks}


_RUNS = {"openjd": _openjd, "script": _script}
