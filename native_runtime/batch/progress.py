"""The progress of a run, and how long it will still take."""

from __future__ import annotations

import time
from collections import deque

# The rate is that of the last photos: an engine that has just been opened says nothing about the hundredth photo.
_WINDOW = 20


class Progress:
    """Counts photos.

    Args:
        total: how many there are to do.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self._times = deque([time.monotonic()], maxlen=_WINDOW + 1)

    def count(self) -> None:
        """One more is finished."""
        self.done += 1
        self._times.append(time.monotonic())

    @property
    def fraction(self) -> float:
        """0..1"""
        return self.done / self.total if self.total else 1.0

    @property
    def seconds_left(self) -> float | None:
        """None where nothing can be said yet."""
        if self.done == 0:
            return None
        each = (self._times[-1] - self._times[0]) / (len(self._times) - 1)
        return each * (self.total - self.done)

    @property
    def in_words(self) -> str:
        """One line for people."""
        left = self.seconds_left
        return f"{self.done} of {self.total} photos" + ("" if not left else f", {_duration(left)} left")


def _duration(seconds: float) -> str:
    """A duration for people: ``40 s``, ``12 min``, ``3 h 05 min``."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
