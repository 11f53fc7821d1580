"""Who receives the progress of work. Standard library only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, runtime_checkable


class Reporter(Protocol):
    """Hears what is going on. May raise to stop the work between two steps."""

    def status(self, text: str) -> None: ...

    def progress(self, value: float) -> None: ...

    def warning(self, text: str) -> None: ...


@runtime_checkable
class PictureReporter(Reporter, Protocol):
    """Hears of pictures as well."""

    def picture(self, file: Path) -> None:
        """A small picture of what is being looked at. The next one may have the same name."""


class Silent:
    """A reporter for callers who do not care."""

    def status(self, text: str) -> None: ...

    def progress(self, value: float) -> None: ...

    def warning(self, text: str) -> None: ...


def progress_to(reporter: Reporter) -> Callable[[float, str], None]:
    """A progress function that forwards to the reporter: each fraction, and each step's name once."""
    last = ""

    def report(fraction: float, text: str) -> None:
        nonlocal last
        if text != last:
            last = text
            reporter.status(text)
        reporter.progress(fraction)

    return report
