"""A look at something that may crash, hang or be missing: in a process of its own, which writes JSON lines.

The process has this one's Python and module path, and nothing else of it. Standard library only.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from native_runtime.process.child import exit_in_words

_BEGIN = (
    "import json, runpy, sys; path, module, *sys.argv[1:] = json.loads(sys.argv[1]); sys.path[:] = path; "
    "runpy.run_module(module, run_name='__main__', alter_sys=True)"
)
_ERRORS_KEPT = 4000


class ChildError(Exception):
    """The process ended before its time, or said nothing for too long; the text says which, as words that follow its
    name.
    """


def messages_of(module: str, words: Sequence[str], patience_s: float) -> Iterator[dict[str, Any]]:
    """The JSON objects that a module of ours writes, one a line, when it is run as a program.

    Args:
        words: its arguments.
        patience_s: seconds that it may be silent.

    Raises:
        ChildError: it failed, crashed, or was silent for longer and was ended.
    """
    begin = json.dumps([[path for path in sys.path if path], module, *words])
    with subprocess.Popen(
        [sys.executable, "-I", "-X", "utf8", "-c", _BEGIN, begin],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    ) as process:
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        errors: list[str] = []
        readers = [
            threading.Thread(target=_read_lines, args=(process.stdout, lines), daemon=True),
            threading.Thread(target=_read_all, args=(process.stderr, errors), daemon=True),
        ]
        for reader in readers:
            reader.start()
        try:
            yield from _parsed(lines, patience_s)
        finally:
            if not _ends(process):
                process.kill()
            for reader in readers:
                reader.join(1.0)
        code = process.wait()
        if code:
            last = "".join(errors)[-_ERRORS_KEPT:].strip().splitlines()[-1:]
            raise ChildError(": ".join([exit_in_words(code), *last]))


def _parsed(lines: queue.SimpleQueue[str | None], patience_s: float) -> Iterator[dict[str, Any]]:
    while True:
        try:
            line = lines.get(timeout=patience_s)
        except queue.Empty:
            raise ChildError(f"did not answer within {patience_s:.0f} seconds") from None
        if line is None:
            return
        try:
            message = json.loads(line)
        except ValueError:  # a library that prints
            continue
        if isinstance(message, dict):
            yield message


def _ends(process: subprocess.Popen[str]) -> bool:
    """Whether a process that has closed its output ends by itself, within a moment."""
    try:
        process.wait(1.0)
    except subprocess.TimeoutExpired:
        return False
    return True


def _read_lines(stream: Any, lines: queue.SimpleQueue[str | None]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _read_all(stream: Any, texts: list[str]) -> None:
    texts.append(stream.read())
