"""Room: memory, and space on the disks of the folders that matter; whether those can be written where they must be."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from native_runtime.errors import Remedy
from native_runtime.files.disks import free_bytes
from native_runtime.onnx.memory import available_bytes, in_words, limit_in_force

from .machine import memory_bytes
from .report import Fault, Section

LEAST_MEMORY = 1_000_000_000
"""Bytes; the engine `landmarks` takes about half of it."""
LEAST_DISK = 200_000_000
"""Bytes on the disk of a folder that the program writes into while it works."""


_ADVICE = {
    errno.EACCES: "Change its permissions.",
    errno.EPERM: "Change its permissions.",
    errno.EROFS: "Make its drive writable.",
    errno.ENOSPC: "Free some space.",
    errno.EDQUOT: "Free some space.",
    errno.ENOTDIR: "Move the file that stands in its place.",
    errno.EEXIST: "Move the file that stands in its place.",
}
"""What can be done about a folder that cannot be written to, by the number of the system's error."""


@dataclass(frozen=True)
class Folder:
    """A folder that matters.

    Attributes:
        path: where it is (it may not exist).
        use: what it is for, as words that follow "the folder for".
        written: whether the program writes into it in its daily work.
    """

    path: Path
    use: str
    written: bool = True


def check_room(folders: Iterable[Folder], wrong_limits: Iterable[str] = ()) -> Section:
    """Look at the memory, and at the disks of some folders.

    Args:
        wrong_limits: what is wrong with the limits that the process was told.
    """
    lines, facts = [], []
    faults = [Fault(text) for text in wrong_limits]
    whole, free = memory_bytes(), available_bytes()
    if free is not None:
        of_all = "" if whole is None else f" of {whole / 1e9:.1f}"
        lines.append(f"- memory: {free / 1e9:.1f}{of_all} GB are free")
        if free < LEAST_MEMORY:
            limit, needed = limit_in_force(), f"networks need about {LEAST_MEMORY / 1e9:.0f} GB."
            if limit is None:
                fault = Fault(f"Only {free / 1e9:.1f} GB of memory are free, and {needed}", Remedy.FREE_MEMORY)
            else:
                text = f"The memory limit of {in_words(limit)} leaves {free / 1e9:.1f} GB, and {needed}"
                fault = Fault(text, Remedy.RAISE_MEMORY_LIMIT)
            faults.append(fault)
    for folder in folders:
        space = _space(folder.path)
        problem = _fault_of(folder, space)
        shown = "its disk cannot be looked at" if space is None else f"{_gigabytes(space)} GB of disk are free"
        lines.append(f"- {folder.path} ({folder.use}): {shown}{'' if problem is None else ' (see the verdict)'}")
        facts.append({"path": str(folder.path), "use": folder.use, "free": space, "fault": problem and problem.text})
        if problem is not None:
            faults.append(problem)
    known = {"memory": {"whole": whole, "free": free}, "folders": facts}
    return Section("room", "Memory and disks", tuple(lines), known, tuple(faults))


def _fault_of(folder: Folder, space: int | None) -> Fault | None:
    if not folder.written:
        return None
    if space is not None and space < LEAST_DISK:
        text = f"The disk of {folder.path} (the folder for {folder.use}) is full: {space / 1e6:.0f} MB are free."
        return Fault(f"{text} Free at least {LEAST_DISK / 1e9:.1f} GB.")
    refusal = _refusal(folder.path)
    if refusal is not None:
        text = f"The folder {folder.path} for {folder.use} cannot be written to ({refusal.strerror or refusal})."
        return Fault(f"{text} {_ADVICE.get(refusal.errno or 0, 'See whether its drive works.')}")
    return None


def _space(path: Path) -> int | None:
    """Free bytes on the disk of a folder, which need not exist; None where its disk does not answer."""
    try:
        return free_bytes(path)
    except OSError:
        return None


def _refusal(path: Path) -> OSError | None:
    """Why a folder, which is made where it is missing and removed again, takes no file; None: it does."""
    made = [folder for folder in (path, *path.parents) if not os.path.lexists(folder)]
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(bytes(1 << 16))
            file.flush()
        return None
    except OSError as error:
        return error
    finally:
        for folder in made:
            try:
                folder.rmdir()
            except OSError:
                break


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f}" if size >= 1e8 else f"{size / 1e9:.3f}"
