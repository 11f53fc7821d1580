"""One run at a time in an output folder, by a lock of the operating system's."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from native_runtime.errors import UsageError
from native_runtime.files.locks import HeldError, lock

_FOLDER_LOCK = ".batch.lock"


class FolderLock:
    """Holds an output folder for one run.

    Runs over parts of a folder share it with one another, but not with a run over the whole, nor with one over the same
    part.
    """

    def __init__(self, folder: Path, number: int = 1, count: int = 1) -> None:
        self._wanted = [(folder / _FOLDER_LOCK, count > 1)]
        if count > 1:
            self._wanted.append((folder / f".batch-{number}-of-{count}.lock", False))
        self._held: list[BinaryIO] = []

    def __enter__(self) -> FolderLock:
        """Raises:
        UsageError: another run holds the folder, or it does not support locks.
        OSError: the folder takes no files.
        """
        try:
            for path, shared in self._wanted:
                self._held.append(_lock(path, shared))
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _release(self) -> None:
        # The files stay: removing one that somebody else has just opened would give two runs a lock each.
        for file in reversed(self._held):
            file.close()
        self._held.clear()


def _lock(path: Path, shared: bool) -> BinaryIO:
    try:
        return lock(path, shared)
    except HeldError as error:
        raise UsageError(
            f"Another batch is writing to {path.parent}. Wait until it ends, or choose another output folder."
        ) from error
    except OSError as error:
        if not path.is_file():
            raise
        raise UsageError(
            f"The folder {path.parent} cannot be locked against other batches ({error}). Choose one on another drive."
        ) from error
