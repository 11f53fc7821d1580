"""A child process that exchanges JSON lines, and how it ended. Standard library only."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from native_runtime.process.lines import decode, encode


class Child:
    """A running child process.

    Args:
        command: the program and its arguments.
        log: a file that takes the child's standard error.
        folder: the child's working folder; this process's when None.
        environment: the child's variables; this process's when None.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=folder,
                env=environment,
                # A Ctrl-C in the terminal is meant for the parent, which ends its children itself.
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def send(self, message: Mapping[str, Any]) -> None:
        """Write a message. When the child has died, nothing happens: `messages` ends, which says so.

        Raises:
            TypeError, ValueError: the message is no JSON, for example has a number that is not finite; nothing was
                written.
        """
        assert self._process.stdin is not None
        line = encode(message)
        with suppress(OSError, ValueError):  # ValueError: its input is closed already
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def messages(self) -> Iterator[dict[str, Any]]:
        """Its messages, until it ends or closes its standard output. Lines that are not messages are skipped."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with suppress(ValueError):
                yield decode(line)

    def end(self, grace_s: float) -> None:
        """Close its input and wait for its end; terminate it, and at last kill it, each after ``grace_s`` seconds."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        for force in (lambda: None, self._process.terminate, self._process.kill):
            force()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_s)
                break

    def kill(self) -> None:
        """End it at once. Any thread may call this."""
        self._process.kill()

    def how_it_ended(self) -> str:
        """What happened to it, in words that follow its name; waits for its end."""
        return exit_in_words(self._process.wait())

    def log_tail(self, size: int) -> str:
        """The last ``size`` bytes of its standard error, as text."""
        with suppress(OSError), self._log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - size))
            return file.read().decode("utf-8", "replace")
        return ""


def exit_in_words(code: int) -> str:
    """A process's return code in words that follow its name: "crashed (SIGSEGV)"."""
    if code == -getattr(signal, "SIGKILL", 9):
        return "was stopped by the system, most likely because it ran out of memory (or somebody killed it)"
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"crashed ({name})"
    if code >= 0xC0000000:  # Windows: an NTSTATUS of severity "error"
        return f"crashed (0x{code:08X})"
    return f"ended unexpectedly (exit code {code})"
