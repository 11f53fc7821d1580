"""Results are made beside the output folder's files, and replace them only when they are complete.

Files that somebody changed since are set aside before a new result takes their place. To distinguish them from results
that a killed run moved and had no time to note, each move is announced in a file of the staging folder first.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Protocol

from native_runtime.batch.record import FileState
from native_runtime.files.aside import set_aside
from native_runtime.files.moving import replace
from native_runtime.files.system_errors import readable

_PREFIX = ".batch-part"
_MOVES = ".moves.json"


class Results(Protocol):
    """Takes the files that are made of photos."""

    def room(self) -> AbstractContextManager[Path]:
        """An empty folder for the time of the block."""

    def publish(self, folder: Path, place: str) -> dict[str, FileState]:
        """Take all files of a folder as results of the folder ``place`` (with "/"); their states by path from the
        output folder.

        Raises:
            OSError: a file cannot be written.
        """

    def find(self, path: str) -> Path:
        """Where a result lies, by its path from the output folder."""


class Staging:
    """Private folders within an output folder, on the same disk, so that finished files need only be renamed.

    Opened under the lock of the run's part: whatever lies there was left by a run that was killed, and is removed,
    as are results that it had moved and not noted.

    Args:
        out: the output folder.
        known: the state of every result that is noted, by path from the output folder.
        number, count: the run's part.

    Attributes:
        set_aside: names under which files are kept now that somebody had changed.
        left: why results that hold no longer could not be removed.
    """

    def __init__(self, out: Path, known: Mapping[str, FileState], number: int = 1, count: int = 1) -> None:
        """Raises: OSError: the folder cannot be written to."""
        self._out = out
        self._known = dict(known)
        self._moved: dict[str, FileState] = {}
        self._lock = Lock()
        self.set_aside: list[str] = []
        self.left: list[str] = []
        leftovers = f"{_PREFIX}-{number}-of-{count}" if count > 1 else f"{_PREFIX}-*"
        for left in out.glob(leftovers):
            self._take_back(left)
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
        """Move all files of a folder to ``place`` (with "/") in the output folder, replacing older ones; each is
        on the disk before it appears under its name. Files that somebody changed make way under another name. Returns
        the states of the new ones by path from the output folder.

        Raises:
            OSError: a file cannot be written; those before it are in place.
        """
        files = files_for(folder, place)
        states = {path: flushed(file) for path, file in files.items()}
        self.move_in(files, states)
        return states

    def move_in(self, files: Mapping[str, Path], states: Mapping[str, FileState]) -> None:
        """As `publish`, with files that are on the disk already.

        Args:
            files: where each lies, on the same disk, by path from the output folder.
            states: of each.
        """
        for parent in {(self._out / path).parent for path in files}:
            parent.mkdir(parents=True, exist_ok=True)
        self._announce(states)
        for path, file in files.items():
            self._make_way(path)
            replace(file, self._out / path)
            with self._lock:
                self._known[path] = self._moved[path] = states[path]
        for parent in {(self._out / path).parent for path in files}:
            _flush_folder(parent)

    def find(self, path: str) -> Path:
        """Where a result lies, by its path from the output folder."""
        return self._out / path

    def withdraw(self, outputs: Mapping[str, FileState]) -> None:
        """Remove results that hold no longer, except those that somebody has changed since."""
        for path, state in outputs.items():
            file = self._out / path
            try:
                if state.holds(file):
                    file.unlink(missing_ok=True)
            except OSError as error:  # on Windows, another program has it open
                self.left.append(str(readable(error)))

    def _announce(self, moves: Mapping[str, FileState]) -> None:
        handle, _ = tempfile.mkstemp(dir=self.folder, prefix=".", suffix=_MOVES)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({path: vars(state) for path, state in moves.items()}, file)
            file.flush()
            os.fsync(file.fileno())

    def _take_back(self, left: Path) -> None:
        """Remove what a killed run moved and did not note."""
        for announced in left.glob(f".*{_MOVES}"):
            with suppress(OSError, ValueError, TypeError, AttributeError):
                for path, content in json.loads(announced.read_text(encoding="utf-8")).items():
                    state = FileState(**content)
                    if self._known.get(path) != state and state.holds(self._out / path):
                        (self._out / path).unlink()

    def _make_way(self, path: str) -> None:
        """Set a file aside that is not as it was written."""
        file = self._out / path
        with self._lock:
            known = self._known.get(path)
            if not file.exists() or (known is not None and known.holds(file)):
                return
            self.set_aside.append(set_aside(file).relative_to(self._out).as_posix())

    def note(self, outputs: Mapping[str, FileState]) -> None:
        """Say of results that the manifest lists them."""
        with self._lock:
            for path in outputs:
                self._moved.pop(path, None)

    def close(self) -> None:
        """Remove all that is not finished, and what was moved and never noted."""
        for path, state in self._moved.items():
            if state.holds(self._out / path):
                (self._out / path).unlink()
        shutil.rmtree(self.folder, ignore_errors=True)


def files_for(folder: Path, place: str) -> dict[str, Path]:
    """All files of a folder, by the paths that they get in the output folder's folder ``place`` (with "/")."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {(PurePosixPath(place) / file.relative_to(folder).as_posix()).as_posix(): file for file in files}


def flushed(file: Path) -> FileState:
    """The state of a file that is on the disk when this returns."""
    descriptor = os.open(file, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return FileState.of(file)


def _flush_folder(folder: Path) -> None:
    if sys.platform == "win32":  # which has no such thing
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
