"""The output of a command: results on standard output, everything else on standard error."""

from __future__ import annotations

import errno
import json
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from native_runtime.cli.remedies import advised
from native_runtime.errors import UsageError


class OutputClosedError(BaseException):
    """Whoever read what the program writes has gone, as `head` does: no failure, and nothing more is to be said."""


# Windows says of a pipe without a reader that the argument is invalid.
_READER_GONE = (errno.EPIPE, errno.EINVAL) if os.name == "nt" else (errno.EPIPE,)


class Console:
    """Speaks for one command.

    Args:
        out: the real standard output.
        as_json: gather the result and write one JSON object at the end, instead of lines for people.
        debug: show tracebacks of errors.
    """

    def __init__(self, out: TextIO, as_json: bool, debug: bool) -> None:
        self._out = out
        self.as_json = as_json
        self.debug = debug
        self._last = self._step = ""

    # --- as a reporter (native_runtime.pipeline.inference.Reporter) ---

    def status(self, text: str) -> None:
        """What is happening now; the same text twice in a row is reported once."""
        if text != self._last:
            self._last = text
            _say(text)

    def step(self, fraction: float, text: str) -> None:
        """A stage of something long and the fraction 0..1 that is done; the same stage is said once."""
        if text != self._step:
            self._step = text
            self.status(f"[{100 * fraction:3.0f} %] {text}")

    def progress(self, value: float) -> None:
        """Nothing to show: the status lines of a terminal are enough."""

    def warning(self, text: str) -> None:
        _say(f"warning: {text}")

    # --- results ---

    def line(self, text: str) -> None:
        """A line of the result for people; nothing with ``--json``."""
        if not self.as_json:
            self._write(text)

    def result(self, content: dict[str, Any]) -> None:
        """The whole result for programs; nothing without ``--json``."""
        if self.as_json:
            self._write(json.dumps(content, allow_nan=False))

    def _write(self, text: str) -> None:
        _write(self._out, text + "\n")

    @contextmanager
    def one_of_many(self, result: dict[str, Any]) -> Iterator[None]:
        """Work on one input of several: a failure is reported and stored as ``result["error"]``, and the others
        go on. A wrong command is the matter of all and passes. ``result["seconds"]`` becomes what it took.
        """
        started = time.perf_counter()
        try:
            yield
        except UsageError:
            raise
        except Exception as error:
            result["error"] = self.error(error)
        result["seconds"] = round(time.perf_counter() - started, 3)

    def error(self, error: BaseException) -> dict[str, str]:
        """Report an error, in one line without ``--debug``, and return it for the result: ``kind`` and ``text``."""
        described = describe(error)
        _say(f"error: {described['text']}")
        if self.debug:
            traceback.print_exception(error, file=sys.stderr)
        return described


def _say(text: str) -> None:
    _write(sys.stderr, text + "\n")


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        if error.errno not in _READER_GONE:
            raise
        with suppress(OSError):  # what is still in the stream's memory goes nowhere when the process ends
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
        raise OutputClosedError from error


def show(text: str, stream: TextIO) -> None:
    """Write a text that is no result, such as a command's help.

    Raises:
        OutputClosedError: nobody reads it any more.
    """
    _write(stream, text)


def describe(error: BaseException) -> dict[str, str]:
    """``kind`` and ``text`` of an error. One that was not foreseen is called ``Internal``."""
    from native_runtime.process.payload import ErrorPayload  # costs time that `sam3db --help` does not have

    failure = ErrorPayload.from_exception(error)
    return {"kind": failure.kind, "text": advised(failure.text, failure.remedy)}
