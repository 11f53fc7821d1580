"""A folder of large files that changes as a whole: the new one is made beside the old one and takes its place.

Files that are written one by one would, when that is interrupted, leave a mixture of old and new ones.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from native_runtime.files.atomic import umask
from native_runtime.files.moving import replace

STALE_SECONDS = 600.0
"""A folder in the making that nobody has written to for so long was left by a process that was killed."""


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """An empty folder, which becomes ``target`` when the block ends well and disappears when it fails.

    Raises:
        OSError: it cannot be made, or cannot take the place of ``target`` (on Windows: files there are in use).
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    clean_up(target)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}.part-", dir=target.parent))
    try:
        part.chmod(0o777 & ~umask())  # mkdtemp makes folders private
        yield part
        take_place(part, target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def clean_up(target: Path) -> None:
    """Remove what killed processes left beside ``target``, and bring back what the last one moved aside."""
    for part in target.parent.glob(f".{target.name}.part-*"):
        if time.time() - _last_change(part) > STALE_SECONDS:
            shutil.rmtree(part, ignore_errors=True)
    previous = _previous(target)
    if previous.is_dir() and not target.exists():
        replace(previous, target)
    shutil.rmtree(previous, ignore_errors=True)


def _previous(target: Path) -> Path:
    return target.with_name(f".{target.name}.previous")


def _last_change(folder: Path) -> float:
    """When something in the folder was last written; infinitely long ago when it has just been removed."""
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    except OSError:
        return 0.0


def take_place(part: Path, target: Path) -> None:
    """Replace the folder ``target`` by ``part``. A folder cannot replace another in one step on every system.

    Raises:
        OSError: it cannot (on Windows: files there are in use).
    """
    if not target.exists():
        replace(part, target)
        return
    previous = _previous(target)
    replace(target, previous)
    try:
        replace(part, target)
    except BaseException:
        replace(previous, target)
        raise
    shutil.rmtree(previous, ignore_errors=True)
