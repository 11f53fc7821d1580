"""What has arrived of a file so far, and what it is a part of."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import IO, Any

from native_runtime.errors import ModelError
from native_runtime.files.atomic import write_atomically

Span = tuple[int, int]
"""First byte, and the one after the last."""


class Part:
    """A part of the file at an address, or of one with a known hash.

    It arrives in one of two ways: from its beginning on, so that its length says how much is there; or in ranges, of
    which the note keeps a list, which is never ahead of what is in the file.

    Args:
        target: what it becomes.
        sha256: of the whole, where that is known.
    """

    def __init__(self, target: Path, sha256: str | None = None) -> None:
        self.target = target
        self.sha256 = sha256
        self.path = target.with_name(f"{target.name}.part")
        self.note = target.with_name(f"{target.name}.part.json")

    @property
    def length(self) -> int:
        """Bytes of the file on the disk; 0 where there is nothing. Of a part in ranges, that is not all there."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def validator(self, url: str) -> str | None:
        """The ETag or date of the file that this is a part of; "" for one without; None: it is not a part of `url`.

        Another address that has a file of the same hash names its versions in its own way, which is not known yet.
        """
        note = self._read()
        try:
            if note["url"] == url:
                return str(note["validator"])
            return "" if self.sha256 is not None and note.get("sha256") == self.sha256 else None
        except (KeyError, TypeError):
            return None

    def arrived(self) -> list[Span]:
        """The ranges that are there, in order, apart from one another."""
        spans = self._read().get("arrived")
        if spans is None:
            return [(0, self.length)] if self.length else []
        try:
            return joined([(int(start), min(int(end), self.length)) for start, end in spans])
        except (TypeError, ValueError):
            return []

    def begin(self, url: str, validator: str, in_ranges: bool = False) -> None:
        """Forget what was there; the note goes first, so that no part is ever taken for one of another file."""
        self.discard()
        self._write(url, validator, [] if in_ranges else None)

    def keep(self, url: str, validator: str, arrived: list[Span]) -> None:
        """Write down which ranges are there."""
        self._write(url, validator, arrived)

    def keep_beginning(self, url: str, validator: str) -> None:
        """Make a part in ranges one that goes on from its first gap."""
        spans = self.arrived()
        end = spans[0][1] if spans and spans[0][0] == 0 else 0
        if self.length > end:
            with self.path.open("r+b") as file:
                file.truncate(end)
        self._write(url, validator, None)

    @property
    def in_ranges(self) -> bool:
        """Whether there may be gaps."""
        return self._read().get("arrived") is not None

    def discard(self) -> None:
        """Remove it."""
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}

    def _write(self, url: str, validator: str, arrived: list[Span] | None) -> None:
        note: dict[str, Any] = {"url": url, "validator": validator, "sha256": self.sha256}
        if arrived is not None:
            note["arrived"] = arrived
        write_atomically(self.note, json.dumps(note).encode())


def arrived_bytes(target: Path) -> int:
    """How much of `target` has arrived in earlier attempts."""
    return sum(end - start for start, end in Part(target).arrived())


def joined(spans: list[Span]) -> list[Span]:
    """The same bytes, in order, in as few ranges as possible."""
    result: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return result


def gaps(spans: list[Span], size: int, longest: int) -> list[Span]:
    """What is missing of `size` bytes, in pieces of at most `longest` bytes."""
    result, before = [], 0
    for start, end in [*joined(spans), (size, size)]:
        result += [(at, min(at + longest, start)) for at in range(before, start, longest)]
        before = end
    return result


def opened(path: Path, mode: str) -> IO[bytes]:
    """The file, without a buffer: whatever ends this process, all that has arrived is in it.

    Raises:
        ModelError: it cannot be written.
    """
    try:
        return path.open(mode, buffering=0)
    except OSError as error:
        raise ModelError(f"{path} cannot be written ({error.strerror or error}). Choose another folder.") from error


def put(file: IO[bytes], chunk: bytes, folder: Path) -> None:
    """Write all of a chunk.

    Raises:
        ModelError: it cannot be written; the disk is full.
    """
    left = memoryview(chunk)
    try:
        while left:
            left = left[file.write(left) :]
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            text = f"The disk is full; what has arrived in {folder} is kept. Free some space, then download again."
        else:
            text = f"Writing in {folder} failed ({error.strerror or error})."
        raise ModelError(text) from error
