"""Notices that nobody has asked for anything for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class IdleTimer:
    """Calls a function once nothing has been done for some time. Several threads may do something at once.

    Args:
        seconds: how long.
        call: the function; it is called in a thread of its own.
    """

    def __init__(self, seconds: float, call: Callable[[], None]) -> None:
        self._seconds, self._call = seconds, call
        self._lock = threading.Lock()
        self._busy = 0
        self._over = False
        self._timer: threading.Timer | None = None

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Something is done within the block; afterwards time runs."""
        with self._lock:
            self._busy += 1
            self._stop()
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1
                if not self._busy and not self._over:
                    self._timer = threading.Timer(self._seconds, self._call)
                    self._timer.daemon = True
                    self._timer.start()

    def cancel(self) -> None:
        """Never call it."""
        with self._lock:
            self._over = True
            self._stop()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
