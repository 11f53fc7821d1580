"""`sam3db engines`: which hardware each engine would use, or what is missing."""

from __future__ import annotations

import argparse

from native_runtime.cli.console import Console
from native_runtime.cli.remedies import advised


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Report on every engine; that succeeds whatever the report says."""
    from native_runtime.engines import engine_status, engines

    found = {name: engine_status(name, arguments.models, arguments.providers) for name in engines()}
    texts = {name: advised(status.text, status.remedy) for name, status in found.items()}
    for name, status in found.items():
        console.line(f"{name:10} {'ready    ' if status.ready else 'not ready'}  {texts[name]}")
    for note in dict.fromkeys(note for status in found.values() for note in status.notes):
        console.line(f"{'':10} note       {note}")
    described = [status.described(name) | {"text": texts[name]} for name, status in found.items()]
    console.result({"command": "engines", "ok": True, "engines": described})
    return True
