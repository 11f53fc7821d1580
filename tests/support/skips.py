"""Fails a run in which a test was skipped for a reason that is not on the list ``tests/skips.toml``.

On a developer's machine much may be missing, and a skipped test says what. Where everything is expected to be there,
a skip is a hole: ``pytest --strict-skips`` holds every one against the list.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

SKIPS = Path(__file__).resolve().parents[1] / "skips.toml"


@dataclass(frozen=True)
class AllowedSkip:
    """Tests that may be skipped.

    Attributes:
        tests: pattern of their ids, as in ``tests/image/test_image.py::*``.
        reason: what pytest is told, in part.
        why: why that is no hole in what is tested.
    """

    tests: str
    reason: str
    why: str

    def covers(self, test: str, reason: str) -> bool:
        return fnmatchcase(test, self.tests) and self.reason in reason


def read_allowed(path: Path = SKIPS) -> list[AllowedSkip]:
    """The list. An entry that lacks something, or has something else, raises TypeError."""
    return [AllowedSkip(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["skip"]]


@dataclass(eq=False)
class SkipGate:
    """Plugin of pytest: collects skips, and fails the run for those that are not allowed."""

    allowed: list[AllowedSkip]
    unlisted: list[str] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._judge(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._judge(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unlisted and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.unlisted:
            terminalreporter.section(f"skipped, and not in {SKIPS.name}", red=True)
            for line in self.unlisted:
                terminalreporter.line(line)

    def _judge(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if not report.skipped or hasattr(report, "wasxfail"):
            return
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(allowed.covers(report.nodeid, reason) for allowed in self.allowed):
            self.unlisted.append(f"{report.nodeid}: {reason}")
