"""`sam3db character`: photos to .blend files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from native_runtime.cli.console import Console
from native_runtime.cli.people import check, estimate_photos
from native_runtime.engines.estimate import Estimate
from native_runtime.pipeline.readings import ReadPhoto

from .blender import require_blender

if TYPE_CHECKING:
    from ..textures.projecting import TextureHints


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command; whether every photo succeeded."""
    check(arguments)
    require_blender("Making a character", "use `sam3db estimate`")

    def write_character(found: ReadPhoto, estimate: Estimate, place: Path) -> dict[str, str]:
        from ..builder import headless

        made = [what for what, wanted in (("texture", arguments.texture), ("preview", arguments.preview)) if wanted]
        console.status(" and its ".join(["Building the character", *made]))
        blend = Path(f"{place}.blend")
        picture = Path(f"{place}.png") if arguments.preview else None
        headless.write_character(
            estimate,
            found.photo,
            found.engine.body,
            blend,
            picture,
            controls=arguments.controls,
            textures=[_hints(found, estimate, arguments.mask)] if arguments.texture else None,
        )
        return {"blend": str(blend)} | ({"preview": str(picture)} if picture else {})

    return estimate_photos(arguments, console, write_character)


def _hints(found: ReadPhoto, estimate: Estimate, mask: str | None) -> TextureHints:
    """What the engine's networks saw of where everybody is in the photo, and the mask that was given."""
    from native_runtime.detection.silhouettes import mask_on_photo
    from native_runtime.image.reading import read_mask
    from native_runtime.texture.alignment import face_points

    from ..textures.projecting import TextureHints

    seen = [person.landmarks for person in found.reading.people]
    masks = [None if landmarks is None else mask_on_photo(landmarks, found.photo) for landmarks in seen]
    own = masks[estimate.person] if estimate.person < len(masks) else None
    others = [other for number, other in enumerate(masks) if other is not None and number != estimate.person]
    strangers = None
    if own is not None and others:
        strangers = np.logical_or.reduce(others) & ~own
    landmarks = seen[estimate.person] if estimate.person < len(seen) else None
    face = None if landmarks is None else face_points(landmarks, found.photo)
    return TextureHints(own, strangers, read_mask(mask, found.photo.original_size) if mask else None, face)
