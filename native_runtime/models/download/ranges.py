"""A large file that arrives in ranges, over several connections at once.

Each connection has a thread of its own, which takes one range after the other. A connection that the server does not
bear ends by itself; the download goes on as long as one is left. Only the caller's thread reports progress, is asked
for cancelling, and writes the part's note, which is therefore never ahead of what is in the file.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from native_runtime.errors import ModelError
from native_runtime.models import web

from .arriving import TELL_S, Watch, check_room
from .connection import AnotherFileError, Answer, BrokenConnectionError, Connection, NothingLeftError, broken
from .part import Part, Span, gaps, joined, opened, put
from .stream import CHUNK, check_size

NOTE_S = 0.25
"""How often the note is brought up to date."""
RETRIES = 4
"""How often in a row a connection that broke is taken up again without getting any further."""
WAIT_S = 2.0

_BUSY = (429, 500, 502, 503, 504)
"""Answers of servers that may do better in a moment."""


class NoRangesError(Exception):
    """The server does not send ranges of this file."""


class Ranges:
    """Fetches what is missing of a file whose size is known.

    Args:
        connect: makes a connection.
        connections: how many there are at most.
        part: what has arrived.
        size: bytes of the whole file.
        watch: watches.
        block: bytes of a range.
    """

    def __init__(
        self, connect: Callable[[], Connection], connections: int, part: Part, size: int, watch: Watch, block: int
    ) -> None:
        self._connect = connect
        self._connections = connections
        self._part = part
        self._size = size
        self._watch = watch
        self._block = block
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._confirmed = threading.Event()
        self._waiting: list[Span] = []
        self._arrived: list[Span] = []
        self._validator = ""
        self._known = False
        self._failures: list[Exception] = []
        self._named = ""

    def run(self) -> str:
        """Fetch all that is missing; the file's address (see `Download.url`).

        Raises:
            NoRangesError: the server sends the whole file only.
            AnotherFileError: the part must be thrown away first.
            ModelError: no connection gets any further.
        """
        first = self._connect()
        self._named = first.url
        self._watch.tell(0.0, f"Asking {urlsplit(first.url).hostname} for {self._part.target.name}")
        self._resume(first.url)
        check_room(self._part.target.parent, self._size - self._done())
        while True:
            before = self._done()
            self._round(first)
            for kind in (AnotherFileError, NoRangesError):
                for failure in self._failures:
                    if isinstance(failure, kind):
                        raise failure
            if self._done() == self._size:
                return self._named
            if self._done() == before:
                raise self._failures[-1]
            # What the last connections could not get may still come over a single one.
            self._connections = 1
            self._failures.clear()

    def _round(self, first: Connection) -> None:
        """Until all connections have ended."""
        workers = [self._start(first)]
        try:
            noted = 0.0
            while any(worker.is_alive() for worker in workers):
                if self._confirmed.is_set() and len(workers) < min(self._connections, len(self._waiting) + 1):
                    workers.append(self._start(self._connect()))
                workers[0].join(TELL_S / 4) if workers[0].is_alive() else time.sleep(TELL_S / 4)
                if time.monotonic() - noted > NOTE_S:
                    noted = time.monotonic()
                    self._note(first.url)
                self._watch.arrived(self._done(), self._size)
        except BaseException:
            with self._lock:
                self._over.set()
            raise
        finally:
            self._note(first.url)

    def _resume(self, url: str) -> None:
        validator = self._part.validator(url)
        if validator is not None and (validator or self._part.sha256 is not None):
            self._validator, self._known = validator, bool(validator)
            self._arrived = self._part.arrived()
        self._waiting = gaps(self._arrived, self._size, self._block)[::-1]

    def _note(self, url: str) -> None:
        with self._lock:
            arrived, validator = joined(self._arrived), self._validator
            begun = self._confirmed.is_set() and self._part.path.exists()
        if begun:
            self._part.keep(url, validator, arrived)

    def _done(self) -> int:
        with self._lock:
            return sum(end - start for start, end in joined(self._arrived))

    def _start(self, connection: Connection) -> threading.Thread:
        thread = threading.Thread(target=self._work, args=(connection,), name="download", daemon=True)
        thread.start()
        return thread

    def _work(self, connection: Connection) -> None:
        """Take ranges until there are none."""
        failures = 0
        while (span := self._take()) is not None:
            try:
                self._fetch(connection, span)
                failures = 0
            except (BrokenConnectionError, web.RefusedError) as error:
                failures = 1 if self._give_back(span) else failures + 1
                refusal = error if isinstance(error, web.RefusedError) else None
                for_good = refusal is not None and refusal.status not in _BUSY
                if for_good or failures > RETRIES or not connection.received:
                    self._fail(refusal or ModelError(broken(connection.url, error, self._done())))
                    return
                self._over.wait(WAIT_S * failures)
            except (AnotherFileError, NoRangesError) as error:
                self._fail(error)
                self._over.set()
                return
            except Exception as error:
                self._give_back(span)
                self._fail(error)
                return

    def _take(self) -> Span | None:
        with self._lock:
            return self._waiting.pop() if self._waiting and not self._over.is_set() else None

    def _give_back(self, span: Span) -> bool:
        """What is missing of a range waits again; whether any of it has arrived."""
        with self._lock:
            inside = [(max(s, span[0]), min(e, span[1])) for s, e in self._arrived]
            start, end = span
            left = gaps([(s - start, e - start) for s, e in inside if s < e], end - start, self._block)
            self._waiting += [(start + s, start + e) for s, e in left][::-1]
            return sum(e - s for s, e in left) < end - start

    def _fail(self, error: Exception) -> None:
        with self._lock:
            self._failures.append(error)

    def _fetch(self, connection: Connection, span: Span) -> None:
        start, end = span
        try:
            with connection.ask(start, end, self._validator) as answer:
                self._agree(connection, answer)
                done = self._write(connection, answer, start, end)
        except NothingLeftError:
            raise AnotherFileError from None
        if done < end and not self._over.is_set():
            raise BrokenConnectionError(f"{end - done} bytes are missing")

    def _agree(self, connection: Connection, answer: Answer) -> None:
        """See to it that all ranges are of the same file."""
        with self._lock:
            if not answer.partial:
                if self._known and answer.validator != self._validator:
                    raise AnotherFileError
                raise NoRangesError
            check_size(connection.url, self._part, self._size, answer.total)
            if self._known:
                if answer.validator not in ("", self._validator):
                    raise AnotherFileError
            elif not answer.validator and self._part.sha256 is None:
                raise NoRangesError  # nothing would show that two ranges are of different files
            else:
                self._validator, self._known = answer.validator, bool(answer.validator)
            if not self._confirmed.is_set():
                self._prepare(connection.url)
            self._named = connection.named
            self._confirmed.set()

    def _prepare(self, url: str) -> None:
        """The note says that the part is one in ranges before the first of them is written."""
        if self._arrived:
            self._part.keep(url, self._validator, joined(self._arrived))
        else:
            self._part.begin(url, self._validator, in_ranges=True)
            opened(self._part.path, "ab").close()

    def _write(self, connection: Connection, answer: Answer, start: int, end: int) -> int:
        """Write what comes to its place; where it ended."""
        at = start
        with opened(self._part.path, "r+b") as file:
            file.seek(start)
            while at < end and (chunk := answer.response.read1(min(CHUNK, end - at))):
                with self._lock:
                    if self._over.is_set():
                        return at
                    put(file, chunk, self._part.target.parent)
                    self._arrived.append((at, at + len(chunk)))
                    if len(self._arrived) > 64:
                        self._arrived = joined(self._arrived)
                at += len(chunk)
                connection.received = True
        return at
