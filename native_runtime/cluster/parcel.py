"""What a worker makes of one photo, in a private folder of the output folder. The client moves it to its place."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from native_runtime.batch.outputs import files_for, flushed
from native_runtime.batch.record import FileState
from native_runtime.files.moving import replace


class Parcel:
    """The files of one photo (``batch.outputs.Results``). Nothing that others see is touched: a worker that is taken
    for dead, and goes on, does no harm.

    Args:
        out: the output folder.
        private: the folder, from ``out``, in which the parcel's own is made.

    Attributes:
        folder: the parcel's own, from ``out``, with "/".
        files: the states of the results, by path from ``folder``, which is that from ``out`` as well.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, out: Path, private: str) -> None:
        self._out = out
        self.folder = f"{private}/{uuid4().hex}"
        self.files: dict[str, FileState] = {}
        self._ready = out / self.folder
        self._ready.mkdir()

    @contextmanager
    def room(self) -> Iterator[Path]:
        """An empty folder for the time of the block."""
        folder = Path(tempfile.mkdtemp(dir=self._ready.parent))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self, folder: Path, place: str) -> dict[str, FileState]:
        """As ``batch.outputs.Results.publish``."""
        files = files_for(folder, place)
        states = {path: flushed(file) for path, file in files.items()}
        for path, file in files.items():
            end = self._ready / path
            end.parent.mkdir(parents=True, exist_ok=True)
            replace(file, end)
        self.files |= states
        return states

    def find(self, path: str) -> Path:
        """Where a result lies, by its path from the output folder: one of an earlier run lies there already."""
        return (self._ready if path in self.files else self._out) / path

    def discard(self) -> None:
        """Remove it."""
        shutil.rmtree(self._ready, ignore_errors=True)
