"""SHA-256 of files; those of large files are cached between starts of the program.

Hashing the gigabytes of a network at each start would cost seconds that nobody gets anything for. The memory lies in
the user's own cache, never beside the models, so that a models folder cannot bring it along. It knows a file by its
place on the disk (inode), size and times of change, so that a copy, a replaced and a rewritten file are hashed again,
while a folder that is moved as a whole is not. It guards against what happens to files, not against somebody who may
write to the user's cache: that person could as well write to the manifest. A bit that flips on a disk shows in
`sam3db models verify`, which asks no memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from native_runtime.errors import NewerFormatError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.folders import user_cache
from native_runtime.files.formats import Format

SMALLEST = 32_000_000
"""Bytes; what is smaller is hashed in a moment."""
_KEPT = 200
"""Files; the oldest are forgotten."""
FORMAT = Format("sam3db-hashes", 2, unversioned=True, migrations={1: lambda files: {"files": files}})


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hexadecimal; in this process a file of the same size and time of change is read once."""
    status = path.stat()
    return _sha256(path.resolve(), status.st_size, status.st_mtime_ns)


@cache
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def recall(path: Path) -> str | None:
    """The SHA-256 of the file at `path` if it was remembered and the file was not touched since, else None."""
    place, state = _identity(path)
    known = None
    with contextlib.suppress(NewerFormatError):
        known = _load().get(place)
    return known[-1] if isinstance(known, list) and known[:-1] == state else None


def remember(path: Path, digest: str) -> None:
    """Remember the SHA-256 of a large file. Where the cache cannot be written, it is hashed again next time."""
    status = path.stat()
    if status.st_size < SMALLEST or not status.st_ino:  # some file systems have no inodes
        return
    place, state = _identity(path)
    with contextlib.suppress(OSError, NewerFormatError):
        known = [(other, value) for other, value in _load().items() if other != place]
        files = dict([*known[1 - _KEPT :], (place, [*state, digest])])
        write_atomically(_file(), json.dumps({"format": str(FORMAT), "files": files}, indent=1).encode())


def _identity(path: Path) -> tuple[str, list[int]]:
    status = path.stat()
    return f"{status.st_dev}:{status.st_ino}", [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _file() -> Path:
    return user_cache() / "hashes.json"


def _load() -> dict[str, Any]:
    try:
        files = FORMAT.parsed(_file().read_text(encoding="utf-8"), _file())["files"]
    except (OSError, ValueError, KeyError):
        return {}
    return files if isinstance(files, dict) else {}
