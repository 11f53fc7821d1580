"""`sam3db farm`: hand a batch to a farm."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from native_runtime import __version__
from native_runtime.cli.batch import batch_request
from native_runtime.cli.console import Console
from native_runtime.errors import UsageError
from native_runtime.farm import openjd, scripts
from native_runtime.farm.flamenco import job_type, submitting
from native_runtime.farm.flamenco.manager import Manager
from native_runtime.farm.flamenco.watching import Standing, standing, watch
from native_runtime.farm.job import Job, plan

MANAGER = "SAM3DB_FLAMENCO"
"""The variable with the address of a studio's Manager."""


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command."""
    return _RUNS[arguments.farm](arguments, console)


def _flamenco(arguments: argparse.Namespace, console: Console) -> bool:
    return _FLAMENCO[arguments.action](arguments, console)


def _submit(arguments: argparse.Namespace, console: Console) -> bool:
    manager = None if arguments.dry_run else _manager(arguments)
    job = _planned(arguments, console)
    answer = {"command": "farm", "farm": "flamenco", "ok": True, **job.facts}
    if manager is None:
        content = job_type.submission(
            job, submitting.this_platform(), "", priority=arguments.priority, paused=arguments.paused
        )
        console.line(job_type.as_text(content))
        console.result({**answer, "submitted": content})
        return True
    sent = submitting.submit(
        job,
        manager,
        console,
        priority=arguments.priority,
        tag=arguments.worker_tag,
        paused=arguments.paused,
        version=__version__,
    )
    for note in sent.notes:
        console.warning(note)
    console.line(job.summary)
    console.line(f"Job {sent.number}: {sent.page}")
    answer |= {"job": sent.number, "page": sent.page, "notes": list(sent.notes), "submitted": dict(sent.content)}
    if not arguments.wait:
        console.result(answer)
        return True
    return _tell(watch(manager, sent.number, console), console, answer)


def _status(arguments: argparse.Namespace, console: Console) -> bool:
    manager = _manager(arguments)
    now = watch(manager, arguments.job, console) if arguments.wait else standing(manager, arguments.job)
    return _tell(now, console, {"command": "farm", "farm": "flamenco", "job": arguments.job})


def _tell(now: Standing, console: Console, answer: dict[str, object]) -> bool:
    ok = now.state not in ("failed", "canceled")
    console.line(now.in_words)
    counts = {"state": now.state, "activity": now.activity, "done": now.done, "failed": now.failed}
    console.result({**answer, **counts, "tasks": now.tasks, "ok": ok})
    return ok


def _check(arguments: argparse.Namespace, console: Console) -> bool:
    manager = _manager(arguments)
    version = manager.version()
    console.line(f"Flamenco {version.text}, {version.manager!r}, at {manager.address}")
    submitting.installed_etag(manager)
    console.line(f"The job type {job_type.NAME!r} is there, in the version of this program.")
    console.result(
        {"command": "farm", "farm": "flamenco", "ok": True, "version": version.text, "address": manager.address}
    )
    return True


def _job_type(arguments: argparse.Namespace, console: Console) -> bool:
    answer: dict[str, object] = {"command": "farm", "farm": "flamenco", "ok": True, "name": job_type.NAME}
    if arguments.out is None:
        console.line(job_type.source().rstrip("\n"))
        console.result({**answer, "source": job_type.source()})
        return True
    try:
        file = job_type.write(Path(arguments.out))
    except FileNotFoundError as error:
        raise UsageError(
            f"The job type cannot be written to {arguments.out}: no folder can be made there. Choose another one."
        ) from error
    console.line(str(file))
    console.result({**answer, "file": str(file)})
    return True


def _manager(arguments: argparse.Namespace) -> Manager:
    address = arguments.manager or os.environ.get(MANAGER, "")
    if not address:
        raise UsageError(f"Name the Flamenco Manager with `--manager ADDRESS`, or in {MANAGER}.")
    return Manager(address)


def _openjd(arguments: argparse.Namespace, console: Console) -> bool:
    if not arguments.bundle and not arguments.dry_run:
        raise UsageError("Name a folder for the job's two files with `--bundle DIR`, or print them with `--dry-run`.")
    job = _planned(arguments, console)
    content = openjd.template(job, arguments.progress)
    described = {"command": "farm", "farm": "openjd", "ok": True, **job.facts, "template": content}
    if arguments.dry_run:
        console.line(json.dumps(content, indent=2, ensure_ascii=False))
        console.result(described)
        return True
    files = openjd.write_bundle(job, Path(arguments.bundle), arguments.progress)
    console.line(job.summary)
    for file in files:
        console.line(str(file))
    console.result({**described, "files": [str(file) for file in files]})
    return True


def _script(arguments: argparse.Namespace, console: Console) -> bool:
    job = _planned(arguments, console)
    text = scripts.script(job, arguments.kind, arguments.program_file)
    console.status(job.summary)
    console.line(text.removesuffix("\n"))
    console.result({"command": "farm", "farm": "script", "ok": True, **job.facts, "script": text})
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


_FLAMENCO = {"submit": _submit, "check": _check, "job-type": _job_type, "status": _status}
_RUNS = {"flamenco": _flamenco, "openjd": _openjd, "script": _script}
