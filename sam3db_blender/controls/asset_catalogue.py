"""The catalogue of asset libraries that the poses of characters are filed under (``blender_assets.cats.txt``)."""

from __future__ import annotations

from pathlib import Path

import bpy

from native_runtime.errors import Sam3dbError
from native_runtime.files.atomic import write_atomically

#: What Blender knows the catalogue by, wherever it is moved or renamed to by an artist.
CATALOGUE = "8a4c1f0e-52b7-4d0e-9f36-6b1d7c20a9e4"
_FILE = "blender_assets.cats.txt"
_LINE = f"{CATALOGUE}:Characters/Poses:Characters-Poses"
_HEAD = """# This is an Asset Catalog Definition file for Blender.
#
# Empty lines and lines starting with `#` will be ignored.
# The first non-ignored line should be the version indicator.
# Other lines are of the format "UUID:catalog/path/for/assets:simple catalog name"

VERSION 1
"""


def ensure_catalogue(blend_file: Path) -> Path:
    """Enters the catalogue in the library that a .blend file belongs to, unless it is there; the other lines stay.

    Returns:
        The library's list of catalogues.

    Raises:
        Sam3dbError: the list is of a version that is not known.
        OSError: it cannot be read or written.
    """
    path = _library_of(blend_file) / _FILE
    text = path.read_text(encoding="utf-8") if path.exists() else _HEAD
    lines = [line.strip() for line in text.splitlines()]
    if any(line.startswith(f"{CATALOGUE}:") for line in lines):
        return path
    meant = [line for line in lines if line and not line.startswith("#")]
    if meant and meant[0] != "VERSION 1":
        raise Sam3dbError(f"'{path}' is of another version of Blender: make the catalogue in the Asset Browser.")
    if not meant:
        text = text.rstrip("\n") + "\n\nVERSION 1\n"
    write_atomically(path, (text.rstrip("\n") + f"\n{_LINE}\n").encode())
    return path


def _library_of(blend_file: Path) -> Path:
    """The folder of the asset library that a file lies in; its own folder where that is in none."""
    for library in bpy.context.preferences.filepaths.asset_libraries:
        folder = Path(bpy.path.abspath(library.path))
        if library.path and folder.is_dir() and folder.resolve() in blend_file.resolve().parents:
            return folder
    return blend_file.parent
