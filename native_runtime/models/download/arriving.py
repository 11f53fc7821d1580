"""Watching a download: progress, speed and time left for people, cancelling, giving up on a slow server, room."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from native_runtime.errors import ModelError, Sam3dbError
from native_runtime.files.disks import free_bytes

Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and a text that says what is being done. May raise to stop the download."""

TELL_S = 0.1
WINDOW_S = 8.0
"""The speed is that of the last seconds."""
PATIENCE_S = 20.0
"""So long a server may be slower than it must be."""


class DownloadCancelledError(Sam3dbError):
    """The download was cancelled; what has arrived is kept."""


class TooSlowError(ModelError):
    """The server sends too slowly, and somebody else may be quicker; what has arrived is kept."""


class NoRoomError(ModelError):
    """The disk has too little space."""


class Watch:
    """Reports the progress a few times a second, and stops the work when it is cancelled.

    Args:
        name: of the file.
        progress: is told.
        cancelled: is asked.
        slowest: bytes per second below which the server is given up; 0: never.
    """

    def __init__(self, name: str, progress: Progress, cancelled: Callable[[], bool], slowest: float = 0.0) -> None:
        self._name = name
        self._progress = progress
        self._cancelled = cancelled
        self._slowest = slowest
        self._told = float("-inf")
        self._seen: deque[tuple[float, int]] = deque()
        self._began: float | None = None

    def tell(self, fraction: float, text: str) -> None:
        """Say so now."""
        self.look()
        self._told = time.monotonic()
        self._progress(fraction, text)

    def arrived(self, done: int, total: int | None) -> None:
        """Say how much has arrived, but not too often.

        Raises:
            DownloadCancelledError, TooSlowError: it should end.
        """
        self.look()
        now = time.monotonic()
        if now - self._told < TELL_S:
            return
        speed = self._speed(now, done)
        of = f" of {total / 1e6:.0f}" if total else ""
        self.tell(
            done / total if total else 0.0,
            f"Downloading {self._name}: {done / 1e6:.0f}{of} MB{pace(speed, total and total - done)}",
        )
        if speed is not None and speed < self._slowest and now - (self._began or now) > PATIENCE_S:
            raise TooSlowError(f"{self._name} arrives too slowly ({speed / 1e3:.0f} kB/s); what has arrived is kept.")

    def pause(self) -> None:
        """What comes next is not compared with what was."""
        self._seen.clear()
        self._began = None

    def look(self) -> None:
        """Stop where it was cancelled."""
        if self._cancelled():
            raise DownloadCancelledError("Cancelled. What has arrived is kept; the next download continues from there.")

    def wait(self, seconds: float) -> None:
        """Wait before the next try, ready to be cancelled."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.look()
            time.sleep(min(left, TELL_S))

    def _speed(self, now: float, done: int) -> float | None:
        """Bytes per second of late; None: it is too early to say."""
        if self._began is None:
            self._began = now
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[0][0] > WINDOW_S:
            self._seen.popleft()
        (then, before) = self._seen[0]
        return (done - before) / (now - then) if now - then >= 1.0 else None


def pace(speed: float | None, left: int | None) -> str:
    """Speed and time left, for people; "" where they are not known."""
    if speed is None:
        return ""
    text = f", {speed / 1e6:.1f} MB/s"
    if not left or speed <= 0:
        return text
    seconds = left / speed
    if seconds < 90:
        return f"{text}, {seconds:.0f} s left"
    if seconds < 5400:
        return f"{text}, {seconds / 60:.0f} min left"
    return f"{text}, {seconds / 3600:.0f} h left"


def check_room(folder: Path, needed: int) -> None:
    """See to it that `needed` bytes fit on the disk of `folder`.

    Raises:
        NoRoomError: they do not.
    """
    free = free_bytes(folder)
    if needed > free:
        raise NoRoomError(
            f"There is too little space in {folder}: {needed / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free."
        )
