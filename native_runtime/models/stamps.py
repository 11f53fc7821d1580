"""Hashes of large files, remembered from one start of the program to the next.

Hashing the gigabytes of a network at each start would cost seconds that nobody gets anything for. The memory lies in
the user's own cache, never beside the models, so that a models folder cannot bring it along; and it knows a file by its
path, size, times of change and inode, so that a copy, a replaced and a rewritten file are hashed again. It guards
against what happens to files, not against somebody who may write to the user's cache: that person could as well write
to the manifest. A bit that flips on a disk shows in `sam3db models verify`, which asks no memory.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from native_runtime.folders import user_cache

SMALLEST = 32_000_000
"""Bytes; what is smaller is hashed in a moment."""


def recall(path: Path) -> str | None:
    """The SHA-256 of the file at `path` if it was remembered and the file was not touched since, else None."""
    known = _load().get(str(path.resolve()))
    return known[-1] if isinstance(known, list) and known[:-1] == _identity(path) else None


def remember(path: Path, digest: str) -> None:
    """Remember the SHA-256 of a large file. Where the cache cannot be written, it is hashed again next time."""
    if path.stat().st_size < SMALLEST:
        return
    from native_runtime.models.manifest import write_atomically  # which asks this module in turn

    known = {name: value for name, value in _load().items() if Path(name).is_file()}
    known[str(path.resolve())] = [*_identity(path), digest]
    with contextlib.suppress(OSError):
        write_atomically(_file(), json.dumps(known, indent=1).encode())


def _identity(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _file() -> Path:
    return user_cache() / "hashes.json"


def _load() -> dict[str, Any]:
    try:
        content = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
