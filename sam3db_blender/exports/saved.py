"""Characters of saved files: what the command line exports."""

from __future__ import annotations

from pathlib import Path

import bpy

from native_runtime.characters.exports.options import ExportOptions
from native_runtime.errors import Sam3dbError, UsageError

from ..files.blend import open_blend
from ..scene.provenance import is_character
from .export import export_character


def export_from_file(file: Path, name: str | None, path: Path, options: ExportOptions) -> tuple[str, list[str]]:
    """Opens a .blend and writes a character of it to a file, whether it is hidden there or not.

    Blender's current file is replaced: this is for processes that have no other work in it. Scripts of the file are not
    run.

    Args:
        name: of the armature object; may be left out where there is but one character.

    Returns:
        The armature's name, and what the artist should know.

    Raises:
        UsageError: there is no such character, or several and none is named.
        Sam3dbError: the file cannot be opened or holds no character, or the export fails.
    """
    open_blend(file)
    scene, rig = _character(file, name)
    bpy.context.window.scene = scene  # type: ignore[union-attr]
    return rig.name, export_character(rig, path, options)


def _character(file: Path, name: str | None) -> tuple[bpy.types.Scene, bpy.types.Object]:
    """The scene and the rig of the character that is meant."""
    homes: dict[str, tuple[bpy.types.Scene, bpy.types.Object]] = {}
    for scene in bpy.data.scenes:
        for obj in sorted((obj for obj in scene.objects if is_character(obj)), key=lambda obj: obj.name):
            homes.setdefault(obj.name, (scene, obj))
    if not homes:
        raise Sam3dbError(f"{file} holds no character made from a photo.")
    if name is None and len(homes) > 1:
        raise UsageError(f"{file} holds several characters; choose one with --character: {', '.join(homes)}.")
    if name is not None and name not in homes:
        raise UsageError(f"{file} holds no character '{name}'; there are {', '.join(homes)}.")
    return homes[name if name is not None else next(iter(homes))]
