"""From the files of several photos of a person to a .blend file, without a window: what `sam3db views` calls where
Blender is at hand.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from native_runtime.models.store import load_body

from ..files.blend import save_blend
from ..scene.textured import share
from ..textures.projecting import texture_people
from ..views.build import build_views_scene
from ..views.files import read_views_file
from ..wearables.dressing import dress


def write_views_scene(
    summary: Path,
    photos: Sequence[Path],
    blend: Path,
    models: str | os.PathLike[str] | None = None,
    texture: bool = True,
) -> list[str]:
    """Builds a person of several photos in a new file, and saves it.

    Blender's current file is replaced: this is for processes that have no other work in it.

    Args:
        summary: NAME_views.json.
        photos: in its order.
        blend: the file to write; its folder must exist.
        models: the folder with the body; None for the usual one.
        texture: lay the photos on the character.

    Returns:
        What the artist should know.

    Raises:
        Sam3dbError: a photo, the body or an estimate cannot be used, or the file cannot be written.
    """
    seen = read_views_file(summary, photos)
    body = load_body(seen.body_name, models)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene: Any = bpy.context.scene
    made = build_views_scene(scene, seen, body, controls=True)
    rig, *others = (character.rig for character in made.characters)
    notes: tuple[str, ...] = ()
    if texture:
        bpy.context.view_layer.update()
        notes = texture_people([rig], body)
        share(rig, others)
    for character in made.characters:
        notes += tuple(dress(character.rig, character.mesh, body))
    rig.select_set(True)
    bpy.context.view_layer.objects.active = rig
    save_blend(blend.absolute())
    return list(notes)
