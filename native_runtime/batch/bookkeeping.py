"""What a run notes and tells while its photos are worked on, whoever works on them."""

from __future__ import annotations

import queue
import time

from native_runtime.batch.journal import Journal
from native_runtime.batch.progress import Progress
from native_runtime.batch.record import Record
from native_runtime.pipeline.reporting import Reporter

_TELL_S = 0.5


class Bookkeeping:
    """Writes records into the journal, and tells of progress. Several threads may write, each about another photo.

    Args:
        total: how many photos there are to do.
        reporter: hears of them, in the thread that calls `alive`.
    """

    def __init__(self, journal: Journal, reporter: Reporter, total: int) -> None:
        self._journal, self._reporter = journal, reporter
        self._progress = Progress(total)
        self._finished: queue.SimpleQueue[Record] = queue.SimpleQueue()
        self._told = 0.0

    def write(self, record: Record) -> None:
        """Note how a photo stands that is not finished. Errors as `Journal.write`."""
        self._journal.write(record)

    def finish(self, record: Record) -> None:
        """Note how a photo stands that is done or has failed. Errors as `Journal.write`."""
        self._journal.write(record)
        self._finished.put(record)

    def warn(self, record: Record) -> None:
        """Say what may be wrong with a photo's estimates, in one line."""
        warnings = dict.fromkeys(text for person in record.people for text in person["warnings"])
        if warnings:
            self._reporter.warning(f"{record.photo}: {' '.join(warnings)}")

    def alive(self) -> None:
        """Report what was finished, and let the reporter end the run."""
        tell = time.monotonic() - self._told > _TELL_S
        while not self._finished.empty():
            record = self._finished.get()
            self._progress.count()
            tell = True
            if record.fault is not None:
                self._reporter.warning(f"{record.photo}: {record.fault.text}")
        if tell:
            self._told = time.monotonic()
            self._reporter.progress(self._progress.fraction)
            self._reporter.status(self._progress.in_words)
