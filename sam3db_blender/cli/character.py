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
        from native_runtime.image.reading import read_mask

        from ..builder import headless

        parts = [what for what, wanted in (("texture", arguments.texture), ("preview", arguments.preview)) if wanted]
        console.status(" and its ".join(["Building the character", *parts]))
        blend = Path(f"{place}.blend")
        picture = Path(f"{place}.png") if arguments.preview else None
        made = headless.write_character(
            estimate,
            found.photo,
            found.engine.body,
            blend,
            picture,
            controls=arguments.controls,
            textures=arguments.texture,
            worn=arguments.wear,
            mask=read_mask(arguments.mask, found.photo.original_size) if arguments.mask else None,
        )
        for note in made["notes"]:
            console.warning(note)
        return {"blend": str(blend)} | ({"preview": str(picture)} if picture else {})

    return estimate_photos(arguments, console, write_character)
