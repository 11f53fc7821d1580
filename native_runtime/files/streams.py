"""Keeps standard output and standard error clean for a program's own output.

Libraries print: Blender when it renders, codecs when a file is odd, C++ code past Python's ``sys.stdout``. A program
whose output is read by another program takes its real standard output aside before such libraries are loaded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


def take_stdout(noise: TextIO | None = None) -> TextIO:
    """Return a stream on the real standard output, and send all that anybody else writes there to ``noise``.

    Works on the descriptor, so that it holds for C libraries and child processes too. It is meant to be called once,
    at the start.

    Args:
        noise: an open file with a descriptor, such as ``sys.stderr``; nowhere when None.
    """
    sys.stdout.flush()
    # File names that are not UTF-8 come out as they are on disk.
    own = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="surrogateescape", newline="\n", buffering=1)
    if noise is None:
        target = os.open(os.devnull, os.O_WRONLY)
        os.dup2(target, 1)
        os.close(target)
    else:
        os.dup2(noise.fileno(), 1)
    return own


@contextmanager
def standard_error_hidden() -> Iterator[None]:
    """Drop all that anybody writes to standard error, C libraries too; nothing where there is none.

    The descriptor belongs to the whole process: two threads must not be in here at once.
    """
    try:
        sys.stderr.flush()
        saved = os.dup(2)
    except (OSError, AttributeError, ValueError):  # no standard error at all, as in a windowed program
        yield
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    os.close(sink)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(saved, 2)
        os.close(saved)
