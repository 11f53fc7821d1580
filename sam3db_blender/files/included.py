"""The networks and bodies that everybody has, by their lists of files; panels ask at each redraw."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from native_runtime.errors import Sam3dbError
from native_runtime.models import manifest
from native_runtime.models.store import BODIES_FOLDER, NETWORKS_FOLDER

_TITLES = {NETWORKS_FOLDER: "Networks", BODIES_FOLDER: "Bodies"}


class Kind(NamedTuple):
    """Files of one kind: what they are, how many, and their bytes; none where their list is missing or damaged."""

    title: str
    files: int
    size: int


def kinds(models: Path) -> list[Kind]:
    """What a models folder has of each kind."""
    return [_kind(models / name, title, _changed(models / name)) for name, title in _TITLES.items()]


@lru_cache(maxsize=8)
def _kind(folder: Path, title: str, changed: int) -> Kind:
    try:
        files = manifest.read(folder)["files"].values()
    except Sam3dbError:
        return Kind(title, 0, 0)
    return Kind(title, len(files), sum(int(entry["size"]) for entry in files))


def _changed(folder: Path) -> int:
    try:
        return os.stat(folder / manifest.NAME).st_mtime_ns
    except OSError:
        return 0
