"""Results come into being beside the output folder's files, and take their places only when they are whole."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from native_runtime.batch.record import FileState

_PREFIX = ".batch-part"


class Staging:
    """Private folders within an output folder, on the same disk, so that finished files need only be renamed.

    Opened under the lock of the run's part: whatever lies there was left by a run that was killed, and is removed.
    """

    def __init__(self, out: Path, number: int = 1, count: int = 1) -> None:
        """Raises: OSError: the folder cannot be written to."""
        self._out = out
        leftovers = f"{_PREFIX}-{number}-of-{count}" if count > 1 else f"{_PREFIX}-*"
        for left in out.glob(leftovers):
            shutil.rmtree(left, ignore_errors=True)
        self.folder = out / f"{_PREFIX}-{number}-of-{count}"
        self.folder.mkdir(exist_ok=True)

    @contextmanager
    def room(self) -> Iterator[Path]:
        """An empty folder for the time of the block."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self, folder: Path, place: str) -> dict[str, FileState]:
        """Move all files of a folder to ``place`` (with "/") in the output folder, in the place of older ones; each is
        on the disk before it appears under its name. Returns their states by path from the output folder.

        Raises:
            OSError: a file cannot be written; those before it are in place.
        """
        target = self._out / place
        published = {}
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            end = target / file.relative_to(folder)
            end.parent.mkdir(parents=True, exist_ok=True)
            _flush(file)
            state = FileState.of(file)
            os.replace(file, end)
            published[end.relative_to(self._out).as_posix()] = state
        for parent in {(self._out / path).parent for path in published}:
            _flush_folder(parent)
        return published

    def withdraw(self, outputs: Mapping[str, FileState]) -> None:
        """Remove results that hold no longer, except those that somebody has changed since."""
        for path, state in outputs.items():
            file = self._out / path
            if state.holds(file):
                file.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove all that is not finished."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _flush(file: Path) -> None:
    descriptor = os.open(file, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(folder: Path) -> None:
    if sys.platform == "win32":  # which has no such thing
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
