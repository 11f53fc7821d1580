"""The photos that characters were made of lately, for the panel's menu. One small file in the user's own folder."""

from __future__ import annotations

import json
from pathlib import Path

from native_runtime.files.atomic import write_atomically

from .. import places

#: How many are remembered.
COUNT = 10


def recent() -> list[Path]:
    """The latest photos that still exist, the newest first."""
    return [path for path in _read() if path.is_file()]


def remember(photo: Path) -> None:
    """Puts a photo at the front. Where the list cannot be written there simply is none: no photo should fail of it."""
    photo = photo.absolute()
    paths = [photo, *(path for path in _read() if path != photo)][:COUNT]
    try:
        write_atomically(_file(), json.dumps([str(path) for path in paths], indent=1).encode())
    except OSError:
        return


def _read() -> list[Path]:
    try:
        listed = json.loads(_file().read_text(encoding="utf-8"))
        return [Path(path) for path in listed if isinstance(path, str)]
    except (OSError, ValueError, TypeError):
        return []


def _file() -> Path:
    return places.user_folder("recent") / "photos.json"
