"""Which bodies are installed, and where.

Two models folders may hold bodies: the one in use (``places.models_folder``), and, where that one came with the
extension, the user's own, which official bodies are imported into: what lies in the extension's folder is lost with
its next update.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from native_runtime.errors import Sam3dbError
from native_runtime.models import manifest
from native_runtime.models.store import BODIES_FOLDER, models_dir

from .. import places
from .levels import LEVELS


def import_folder() -> Path:
    """The models folder that official bodies go to (it may not exist)."""
    return models_dir(places.imported_models_folder())


def folder_with(name: str) -> Path:
    """The models folder that holds a body by its name; the one in use where none does."""
    for folder in _folders():
        if f"{name}.npz" in _files(folder):
            return folder
    return models_dir(places.models_folder())


def installed() -> list[str]:
    """The names of all installed bodies, sorted."""
    return sorted({Path(file).stem for folder in _folders() for file in _files(folder)})


_OFFICIAL = re.compile(r"mhr-lod(\d)")


def title_of(name: str) -> str:
    """A body's name as an artist reads it."""
    official = _OFFICIAL.fullmatch(name)
    return f"MHR Level {official[1]}" if official else LEVELS.get(name, name)


def for_worker(name: str, models: Path | None) -> str:
    """How a worker that uses the folder ``models`` finds the body: by its name, or by its file where it lies in the
    other folder.
    """
    folder = folder_with(name)
    if folder == models_dir(models) or f"{name}.npz" not in _files(folder):
        return name
    return str(folder / BODIES_FOLDER / f"{name}.npz")


def _folders() -> list[Path]:
    """The models folders, without doubles, the one in use first."""
    return list(dict.fromkeys((models_dir(places.models_folder()), import_folder())))


def _files(models: Path) -> dict[str, Any]:
    """The entries of a folder's manifest, which is read only when it has changed: panels ask at each redraw."""
    folder = models / BODIES_FOLDER
    try:
        return _read(folder, os.stat(folder / manifest.NAME).st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=4)
def _read(folder: Path, changed: int) -> dict[str, Any]:
    try:
        return dict(manifest.read(folder)["files"])
    except Sam3dbError:
        return {}
