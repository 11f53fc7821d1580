"""A file that arrives from its beginning to its end, over one connection."""

from __future__ import annotations

from urllib.parse import urlsplit

from native_runtime.errors import ModelError

from .arriving import Watch, check_room
from .connection import AnotherFileError, Answer, BrokenConnectionError, Connection, NothingLeftError
from .part import Part, opened, put

LARGEST = 4 << 30
"""Bytes; a server that never stops sending must not fill the disk."""
CHUNK = 1 << 18


class Stream:
    """Asks the server for what is missing at the end, and appends what it sends to the part."""

    def __init__(self, connection: Connection, part: Part, size: int | None, watch: Watch) -> None:
        self._connection = connection
        self._url = connection.url
        self._part = part
        self._size = size
        # Without ETag and date nothing shows whether the file is still the same, but its hash will.
        self._hash_will_tell = part.sha256 is not None
        self._watch = watch

    def run(self) -> str:
        """Fetch all that is missing; the file's address (see `Download.url`).

        Raises:
            BrokenConnectionError: the connection broke on the way.
            AnotherFileError: the part must be thrown away first.
            ModelError: trying again at once is no use.
        """
        offset, validator = self._resume_point()
        self._watch.tell(0.0, f"Asking {urlsplit(self._url).hostname} for {self._part.target.name}")
        try:
            with self._connection.ask(offset, None, validator) as answer:
                self._receive(answer, offset, validator)
        except NothingLeftError as answer:
            # Right when the part is as long as the file, and still of the same file.
            same = not validator or answer.validator in ("", validator)
            if answer.total != offset or not same:
                raise AnotherFileError from None
        return self._connection.named

    def _resume_point(self) -> tuple[int, str]:
        """Where to go on, and under which condition; (0, "") to begin."""
        validator = self._part.validator(self._url)
        if validator is None or not (validator or self._hash_will_tell):
            return 0, ""
        if self._part.in_ranges:
            self._part.keep_beginning(self._url, validator)
        return self._part.length, validator

    def _receive(self, answer: Answer, offset: int, validator: str) -> None:
        total = answer.total
        if answer.partial and validator and answer.validator not in ("", validator):
            raise AnotherFileError
        if not answer.partial:
            offset = 0
        check_size(self._url, self._part, self._size, total)
        if not offset:
            self._part.begin(self._url, answer.validator)
        check_room(self._part.target.parent, (total or 0) - offset)
        done = self._write(answer, offset, total, self._size or total or LARGEST)
        if total is not None and done < total:
            raise BrokenConnectionError(f"{total - done} bytes are missing")

    def _write(self, answer: Answer, done: int, total: int | None, largest: int) -> int:
        """Append what comes; the length of the part in the end."""
        with opened(self._part.path, "ab") as file:
            while chunk := answer.response.read1(CHUNK):
                done += len(chunk)
                if done > largest:
                    self._part.discard()
                    raise ModelError(f"{self._url} sends more than it announced. Try again later.")
                put(file, chunk, self._part.target.parent)
                self._connection.received = True
                self._watch.arrived(done, total)
        return done


def check_size(url: str, part: Part, expected: int | None, stated: int | None) -> None:
    """See to it that a server has a file of the right size.

    Raises:
        ModelError: it has another one, or one that is larger than any model.
    """
    if expected is not None and stated is not None and stated != expected:
        if part.sha256 is None:  # else what is there may be right, and somebody else may have the rest
            part.discard()
        raise ModelError(f"{url} has {stated} bytes instead of {expected}; it is a different file now.")
    largest = expected or stated or LARGEST
    if largest > LARGEST:
        raise ModelError(f"{url} claims {largest / 1e9:.1f} GB, far more than expected.")
