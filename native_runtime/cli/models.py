"""`sam3db models list | build | import | verify`; for `shelf` and `get` see ``shelf``."""

from __future__ import annotations

import argparse
from typing import Any

from native_runtime.build import catalogue
from native_runtime.cli.console import Console
from native_runtime.cli.remedies import words_of
from native_runtime.errors import UsageError
from native_runtime.models.store import models_dir


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the action; whether all went well."""
    if arguments.action == "import":
        return _import(arguments, console)
    if arguments.action in ("shelf", "get"):
        from native_runtime.cli import shelf

        return shelf.get(arguments, console) if arguments.action == "get" else shelf.show(arguments, console)
    if arguments.action == "verify" and not arguments.run and _of_run(arguments):
        raise UsageError("--engine, --provider and --picture belong to --run.")
    if arguments.action == "build":
        catalogue.build_models(arguments.models, arguments.what or ("networks", "bodies"), console.step)

    statuses = catalogue.list_models(arguments.models)
    faults = [status for status in statuses if status.state != "ok"]
    if arguments.action == "list":
        console.line(f"Models folder: {models_dir(arguments.models)}")
    if arguments.action == "list" or faults:
        for status in statuses:
            console.line(
                f"{status.state:10} {status.size / 1e6:7.1f} MB  {status.kind:10} {status.name:22} {status.detail}"
            )
    if arguments.action == "verify" and faults and (remedy := catalogue.remedy(faults)) is not None:
        console.status(words_of(remedy))
    # A list shows how things stand and is right to do so; building and verifying promise that all is well.
    ok = not faults or arguments.action == "list"
    if ok and arguments.action != "list":
        console.line(f"{len(statuses)} model files in {models_dir(arguments.models)} are undamaged.")
    proved: dict[str, Any] = {}
    if ok and arguments.action == "verify" and arguments.run:
        ok, proved = _prove(arguments, console)
    console.result(
        {
            "command": f"models {arguments.action}",
            "ok": ok,
            "folder": str(models_dir(arguments.models)),
            "models": [_as_json(status) for status in statuses],
            **proved,
        }
    )
    return ok


def _prove(arguments: argparse.Namespace, console: Console) -> tuple[bool, dict[str, Any]]:
    """Let engines prove themselves: whether they did, and what the result says about it."""
    # The engines need much that listing models does not.
    from native_runtime.proof import prove

    report = prove(arguments.engines or (), arguments.models, arguments.providers, console.step, copy=arguments.picture)
    for line in report.lines():
        console.line(line)
    return report.passed, {"proof": report.to_json()}


def _of_run(arguments: argparse.Namespace) -> bool:
    """Whether options are given that only a proof has."""
    return bool(arguments.engines or arguments.providers or arguments.picture)


def _import(arguments: argparse.Namespace, console: Console) -> bool:
    # Importing needs much that listing models does not.
    from native_runtime.build import official

    levels: official.Levels = "all" if arguments.all else arguments.lod
    made = official.import_official(arguments.source, arguments.models, levels, console.step)
    for note in made.notes:
        console.warning(note)
    console.line(f"{', '.join(made.bodies)} in {made.folder}. Use one with --body {made.bodies[0]}.")
    console.result(
        {
            "command": "models import",
            "ok": True,
            "folder": str(made.folder),
            "bodies": list(made.bodies),
            "notes": list(made.notes),
        }
    )
    return True


def _as_json(status: catalogue.ModelStatus) -> dict[str, Any]:
    return {
        "name": status.name,
        "kind": status.kind,
        "path": str(status.path),
        "state": status.state,
        "size": status.size,
        "detail": status.detail,
    }
