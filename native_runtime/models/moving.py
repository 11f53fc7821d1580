"""A models folder that is moved to another place, as a whole and with nothing lost on the way.

All is copied beside its new place first, each file is compared by its SHA-256, and only then does the copy take the new
place and the old files go. Whatever stops it, one of both folders is whole.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from native_runtime.errors import DiskFullError, UsageError
from native_runtime.files.disks import free_bytes
from native_runtime.files.staging import staged

_CHUNK = 4 << 20
_COPYING = 0.95
"""The share of the work that copying is."""
_SPARE = 100_000_000
"""Bytes that are to be free afterwards."""

Progress = Callable[[float, str], None]
"""Is given the share that is done, 0..1, and what is done. May raise to stop it."""


class Moved(NamedTuple):
    """What came of it: where the models are now, how many bytes, and old files that could not be removed."""

    folder: Path
    size: int
    left: tuple[Path, ...]


def move_models(sources: Sequence[Path], target: Path, progress: Progress, removed: Sequence[Path] = ()) -> Moved:
    """Bring all that lies in some models folders into a new one.

    Args:
        sources: the folders; of files that several have, the first one's is taken.
        target: where it goes: a folder that does not exist, or is empty.
        removed: those of the sources whose files are removed afterwards.

    Raises:
        UsageError: the target has something in it, or lies within a source, or the other way round.
        DiskFullError: there is not enough room.
        OSError: a file cannot be read or written. The sources are then as they were, and the target is not there.
    """
    _check(sources, target)
    files = _files_of(sources)
    size = sum(path.stat().st_size for path in files.values())
    _check_room(target, size)
    copied = 0
    with staged(target) as part:
        for name, path in files.items():
            copy = part / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            for count in _copy(path, copy):
                copied += count
                progress(_COPYING * copied / size, f"Copying {name.name}")
        progress(_COPYING, "Removing the old files")
    left = [path for folder in removed for path in _remove(folder)]
    return Moved(target, size, tuple(left))


def _check(sources: Sequence[Path], target: Path) -> None:
    where = target.resolve()
    for source in (source.resolve() for source in sources):
        if where == source:
            raise UsageError(f"The models are in {target} already. Choose another folder.")
        if where.is_relative_to(source) or source.is_relative_to(where):
            raise UsageError(f"{target} and {source} lie within each other. Choose a folder beside it.")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"There is something in {target} already. Choose an empty folder, or a new one.")


def _files_of(sources: Sequence[Path]) -> dict[Path, Path]:
    """All files by their place within the models folder."""
    found: dict[Path, Path] = {}
    for source in sources:
        for path in sorted(source.rglob("*")):
            if path.is_file():
                found.setdefault(path.relative_to(source), path)
    return found


def _check_room(target: Path, size: int) -> None:
    free = free_bytes(target)
    if free < size + _SPARE:
        raise DiskFullError(
            f"The disk of {target} has {free / 1e9:.1f} GB free, and the models take {size / 1e9:.1f} GB. Free some "
            "space, or choose another disk."
        )


def _copy(source: Path, target: Path) -> Iterator[int]:
    """Copy a file and compare what was written with what was read; the bytes of each step on the way.

    Raises:
        OSError: they differ.
    """
    read = hashlib.sha256()
    with source.open("rb") as file, target.open("wb") as copy:
        while block := file.read(_CHUNK):
            read.update(block)
            copy.write(block)
            yield len(block)
        copy.flush()
        os.fsync(copy.fileno())
    shutil.copystat(source, target)
    with target.open("rb") as file:
        if hashlib.file_digest(file, "sha256").digest() != read.digest():
            raise OSError(errno.EIO, "what was written differs from what was read", str(target))


def _remove(folder: Path) -> list[Path]:
    """Remove a folder; the files that could not be removed."""
    shutil.rmtree(folder, ignore_errors=True)
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []
