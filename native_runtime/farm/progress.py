"""Progress in the form that a farm's program reads from a task's output."""

from __future__ import annotations

from typing import Protocol

from native_runtime.pipeline.reporting import Reporter


class Listener(Reporter, Protocol):
    """Hears of progress, and writes lines of the result."""

    def line(self, text: str) -> None: ...


class OpenJDLines:
    """Passes on what it hears, and says it as Open Job Description has it: ``openjd_progress: 42.0`` in per cent, and
    ``openjd_status: ...``, each on a line of its own.

    Source: OpenJobDescription/openjd-specifications, "How Jobs Are Run", Stdout/Stderr messages.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._last = ""

    def status(self, text: str) -> None:
        self._listener.status(text)
        self._say("status", " ".join(text.split()))

    def progress(self, value: float) -> None:
        self._listener.progress(value)
        self._say("progress", f"{100.0 * min(max(value, 0.0), 1.0):.1f}")

    def warning(self, text: str) -> None:
        self._listener.warning(text)

    def _say(self, what: str, text: str) -> None:
        line = f"openjd_{what}: {text}"
        if line != self._last:
            self._last = line
            self._listener.line(line)
