"""From take files to a .blend file, without a window: what `sam3db take` calls where Blender is at hand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from native_runtime.models.store import load_body

from ..files.blend import save_blend
from ..takes.build import TakeOptions, build_take_scene
from ..takes.files import read_takes
from ..wearables.dressing import dress


def write_take_scene(
    files: Sequence[Path], footage: Path | None, blend: Path, models: str | os.PathLike[str] | None = None
) -> list[str]:
    """Builds the people of take files in a new file, at the frame rate of the footage, and saves it.

    Blender's current file is replaced: this is for processes that have no other work in it.

    Args:
        files: of one footage, one for each person.
        footage: what is shown behind the camera; None for nothing.
        blend: the file to write; its folder must exist.
        models: the folder with the takes' body; None for the usual one.

    Returns:
        What the artist should know.

    Raises:
        Sam3dbError: the takes do not go together, their body is not there, or the file cannot be written.
    """
    takes = read_takes(files)
    body = load_body(takes[0].body_name, models)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene: Any = bpy.context.scene
    made = build_take_scene(scene, takes, body, TakeOptions(rate="video", footage=footage), files)
    for character in made.built.characters:
        dress(character.rig, character.mesh, body)
    rig = made.built.characters[0].rig
    rig.select_set(True)
    bpy.context.view_layer.objects.active = rig
    save_blend(blend.absolute())
    return made.notes
