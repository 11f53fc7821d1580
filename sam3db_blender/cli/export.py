"""`sam3db export`: a character of a .blend file for another program."""

from __future__ import annotations

import argparse
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from native_runtime.cli.console import Console
from native_runtime.cli.people import make_folder
from native_runtime.errors import UsageError
from native_runtime.files.streams import standard_error_hidden

from .blender import require_blender

_CHOICES = (
    "to",
    "rest",
    "pose",
    "frames",
    "twist",
    "shapes",
    "correctives",
    "influences",
    "positions",
    "visible_only",
    "author",
)


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command; True, since what fails is an error."""
    started = time.perf_counter()
    require_blender("Exporting a character")
    from native_runtime.characters.exports.options import OTHER_SUFFIXES, SUFFIXES, ExportOptions, format_of

    from ..exports.saved import export_from_file

    blend, out = Path(arguments.file), Path(arguments.out)
    given = {name: getattr(arguments, name) for name in _CHOICES if getattr(arguments, name) is not None}
    if "to" not in given:
        given["to"] = format_of(out)
        if given["to"] is None:
            endings = [*SUFFIXES.values(), *(suffix for others in OTHER_SUFFIXES.values() for suffix in others)]
            raise UsageError(f"The name of an exported file ends in {', '.join(endings[:-1])} or {endings[-1]}.")
    options = replace(ExportOptions.for_target(arguments.names), **given)
    options.check_path(out)
    if not blend.is_file():
        raise UsageError(f"There is no file {blend}.")
    make_folder(str(out.absolute().parent))
    console.status(f"Exporting {blend} to {out}")
    with nullcontext() if arguments.debug else standard_error_hidden():  # USD's library reports a full disk at length
        rig, notes = export_from_file(blend, arguments.character, out, options)
    for note in notes:
        console.warning(note)
    console.line(str(out))
    console.result(
        {
            "command": "export",
            "ok": True,
            "file": str(out),
            "character": rig,
            "options": options.to_json(),
            "notes": notes,
            "seconds": round(time.perf_counter() - started, 3),
        }
    )
    return True
