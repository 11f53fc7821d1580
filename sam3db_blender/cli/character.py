"""`sam3db character`: photos to .blend files."""

from __future__ import annotations

import argparse
from pathlib import Path

from native_runtime.cli.console import Console
from native_runtime.cli.people import check, estimate_photos
from native_runtime.engines.estimate import Estimate
from native_runtime.pipeline.readings import ReadPhoto

from .blender import require_blender


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command; whether every photo succeeded."""
    check(arguments)
    require_blender("Making a character", "use `sam3db estimate`")

    def write_character(found: ReadPhoto, estimate: Estimate, place: Path) -> dict[str, str]:
        from ..builder import headless

        console.status("Building the character" + (" and its preview" if arguments.preview else ""))
        blend = Path(f"{place}.blend")
        picture = Path(f"{place}.png") if arguments.preview else None
        headless.write_character(estimate, found.photo, found.engine.body, blend, picture, controls=arguments.controls)
        return {"blend": str(blend)} | ({"preview": str(picture)} if picture else {})

    return estimate_photos(arguments, console, write_character)
