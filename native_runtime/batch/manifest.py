"""The manifest of an output folder: one JSON object per line, written so that no interruption can damage it.

Lines are only ever appended during a run, each flushed to the disk before the next photo counts as done; a later
line about a photo replaces an earlier one. A line that was cut off (power, ``kill -9``, a full disk) is no line. When
a run is over, the manifest is rewritten in the order of the folder, under a temporary name, and renamed.

Each part of a folder (``photos.Shard``) has a manifest of its own, which nobody else writes; everybody reads all of
them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from native_runtime.batch.record import Record
from native_runtime.files.atomic import atomic_file
from native_runtime.files.formats import Format

FORMAT = Format("sam3db-batch")
_STEM = "manifest"


def manifest_path(folder: Path, number: int = 1, count: int = 1) -> Path:
    """The manifest of part `number` of `count` in an output folder."""
    return folder / (f"{_STEM}.jsonl" if count == 1 else f"{_STEM}-{number}-of-{count}.jsonl")


def manifests(folder: Path) -> list[Path]:
    """All manifests of an output folder, of whatever parts."""
    return sorted(folder.glob(f"{_STEM}*.jsonl"))


def is_output_folder(folder: Path) -> bool:
    """Whether a batch has put results there."""
    return any(_is_manifest(path) for path in manifests(folder))


def read_records(paths: Iterable[Path]) -> dict[str, Record]:
    """What manifests say about each photo; the newest line counts. Lines that are damaged say nothing,
    so that their photos are done again.

    Raises:
        NewerFormatError: a newer version of the program has worked on the folder.
    """
    newest: dict[str, Record] = {}
    for path in paths:
        for record in _records(path):
            known = newest.get(record.photo)
            if known is None or record.changed >= known.changed:
                newest[record.photo] = record
    return newest


def last_settings(paths: Iterable[Path]) -> Mapping[str, Any]:
    """The settings of the newest run that manifests tell of, as ``settings.Settings.to_json`` gives them; empty where
    they tell of none.

    Raises:
        NewerFormatError: a newer version of the program has worked on the folder.
    """
    head = newest_head(paths)
    return head.settings if head is not None else {}


def newest_head(paths: Iterable[Path]) -> Head | None:
    """What the newest run that manifests tell of was asked to do; None where they tell of none.

    Raises:
        NewerFormatError: a newer version of the program has worked on the folder.
    """
    heads = [head for path in paths for head in _heads(path)]
    return max(heads, key=lambda head: head.started, default=None)


def photos_folder(paths: Iterable[Path]) -> Path | None:
    """The folder of the photos of the newest run that manifests tell of; None where they tell of none.

    Raises:
        NewerFormatError: a newer version of the program has worked on the folder.
    """
    heads = [head for path in paths for head in _heads(path)]
    return Path(max(heads, key=lambda head: head.started).folder) if heads else None


@dataclass(frozen=True)
class Head:
    """The first line: what the run was asked to do.

    Attributes:
        folder: of the photos.
        settings: as ``settings.Settings.to_json`` gives them.
        started: ISO 8601.
    """

    folder: str
    settings: Mapping[str, Any]
    started: str

    def to_json(self) -> dict[str, Any]:
        return {"format": str(FORMAT), **vars(self)}


class Manifest:
    """A manifest that is being written; to be opened under the lock of its part.

    Several threads may append.
    """

    def __init__(self, path: Path, head: Head) -> None:
        """Begins a run: what the last one left half-written is cut off.

        Raises:
            OSError: it cannot be written.
        """
        self.path = path
        self._head = head
        self._lock = Lock()
        self._file = path.open("ab")
        try:
            self._cut_torn_line()
            self._append(head.to_json())
        except BaseException:
            self._file.close()
            raise

    def append(self, record: Record) -> None:
        """Add a record; when this returns, it is on the disk.

        Raises:
            OSError: it cannot be written; the manifest is then as it was.
        """
        self._append(record.to_json())

    def finish(self, records: Iterable[Record]) -> None:
        """Rewrite the manifest: the run, and each record once, in this order.

        Raises:
            OSError: it cannot be written; the manifest is then as it was.
        """
        lines = [self._head.to_json(), *(record.to_json() for record in records)]
        with atomic_file(self.path) as temporary:
            with temporary.open("wb") as file:
                file.writelines(map(_line, lines))
                file.flush()
                os.fsync(file.fileno())
            self.close()  # Windows does not replace a file that is open

    def close(self) -> None:
        self._file.close()

    def _append(self, content: Mapping[str, Any]) -> None:
        with self._lock:
            before = self._file.seek(0, os.SEEK_END)
            try:
                self._file.write(_line(content))
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError:
                self._forget_since(before)
                raise

    def _forget_since(self, size: int) -> None:
        """Cut off what a full disk took only a part of, and what waits in the file's buffer."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            os.truncate(self.path, size)
        self._file = self.path.open("ab")

    def _cut_torn_line(self) -> None:
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(self.path, whole)


def _line(content: Mapping[str, Any]) -> bytes:
    # Non-ASCII is escaped: file names that are not valid text pass as well.
    return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"


_DAMAGE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading a line that is damaged may raise."""


def _records(path: Path) -> Iterator[Record]:
    for line in _lines(path):
        with suppress(*_DAMAGE):
            content = json.loads(line)
            if "format" in content:
                FORMAT.checked(content, path)
            else:
                yield Record.from_json(content)


def _heads(path: Path) -> Iterator[Head]:
    for line in _lines(path):
        with suppress(*_DAMAGE):
            content = json.loads(line)
            if "format" in content:
                FORMAT.checked(content, path)
                yield Head(str(content["folder"]), dict(content["settings"]), str(content["started"]))


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\n")[:-1]  # what stands after the last line feed was cut off
    except OSError:
        return []


def _is_manifest(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return FORMAT.name.encode() in file.read(200)
    except OSError:
        return False
