"""The worker as the system sees it."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def children() -> list[int]:
    """The ids of the living processes that this Blender has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has just ended
            continue
        if int(parent) == os.getpid() and state != "Z":
            found.append(int(folder.name))
    return found


def memory() -> dict[int, float]:
    """MB of memory that each child takes."""
    page = os.sysconf("SC_PAGE_SIZE")
    taken = {}
    for child in children():
        try:
            taken[child] = int(Path(f"/proc/{child}/statm").read_text().split()[1]) * page / 2**20
        except OSError:
            continue
    return taken


def kill() -> None:
    """Ends the worker as a lack of memory does."""
    for child in children():
        os.kill(child, signal.SIGKILL)
