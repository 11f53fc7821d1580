"""The photos from which characters were made recently: one small file in the user's own folder."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from native_runtime.errors import NewerFormatError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.formats import Format

from .. import places

#: How many are remembered.
COUNT = 10
FORMAT = Format("sam3db-recent-photos", 2, unversioned=True, migrations={1: lambda photos: {"photos": photos}})


def recent() -> list[Path]:
    """The latest photos that still exist, the newest first."""
    with contextlib.suppress(NewerFormatError):
        return [path for path in _read() if path.is_file()]
    return []


def remember(photo: Path) -> None:
    """Puts a photo at the front. If the list cannot be written, there is none: no photo should fail because of it."""
    photo = photo.absolute()
    with contextlib.suppress(OSError, NewerFormatError):
        paths = [photo, *(path for path in _read() if path != photo)][:COUNT]
        content = {"format": str(FORMAT), "photos": [str(path) for path in paths]}
        write_atomically(_file(), json.dumps(content, indent=1).encode())


def _read() -> list[Path]:
    try:
        listed = FORMAT.parsed(_file().read_text(encoding="utf-8"), _file())["photos"]
        return [Path(path) for path in listed if isinstance(path, str)]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def _file() -> Path:
    return places.user_folder("recent") / "photos.json"
