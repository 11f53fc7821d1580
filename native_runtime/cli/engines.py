"""`sam3db engines`: what each engine would run on here, or what it lacks."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from native_runtime.cli.console import Console


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Tell of every engine; that is success whatever is told."""
    from native_runtime.engines import engine_status, engines

    found = {name: engine_status(name, arguments.models, arguments.provider) for name in engines()}
    for name, status in found.items():
        console.line(f"{name:10} {'ready  ' if status.ready else 'lacking'}  {status.text}")
    for note in dict.fromkeys(note for status in found.values() for note in status.notes):
        console.line(f"{'':10} note     {note}")
    described = [{"engine": name} | asdict(status) | {"notes": list(status.notes)} for name, status in found.items()]
    console.result({"command": "engines", "ok": True, "engines": described})
    return True
