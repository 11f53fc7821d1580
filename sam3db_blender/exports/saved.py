"""Characters of saved files: what the command line exports."""

from __future__ import annotations

from pathlib import Path

from native_runtime.errors import UsageError

from ..previews.saved import groups_of_file
from .export import export_character
from .options import ExportOptions


def export_from_file(file: Path, name: str | None, path: Path, options: ExportOptions) -> tuple[str, list[str]]:
    """Opens a .blend and writes a character of it to a file.

    Blender's current file is replaced: this is for processes that have no other work in it.

    Args:
        name: of the armature object; may be left out where there is but one character.

    Returns:
        The armature's name, and what the artist should know.

    Raises:
        UsageError: there is no such character, or several and none is named.
        Sam3dbError: the file cannot be opened or holds no character, or the export fails.
    """
    found: list[str] = []
    for group in groups_of_file(file, file.stem):
        for rig in group.rigs:
            found.append(rig.name)
            if rig.name == name:
                return rig.name, export_character(rig, path, options)
    if name is not None:
        raise UsageError(f"{file} holds no character '{name}'; there are {', '.join(found)}.")
    if len(found) > 1:
        raise UsageError(f"{file} holds several characters; choose one with --character: {', '.join(found)}.")
    rig = next(group.rigs[0] for group in groups_of_file(file, file.stem))
    return rig.name, export_character(rig, path, options)
