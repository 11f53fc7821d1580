"""How much of a machine a process of ours may take: told in its environment, which its own children inherit.

Standard library only. The number of threads holds for ONNX Runtime (`processor.usable_cores`), OpenCV and NumPy's
linear algebra, whose libraries read their variables when they are loaded. Memory is held in two ways: networks that
would not fit are refused, or computed from their mapped files (`memory.available_bytes`); and whatever else takes more
is refused by the kernel on Linux (`hold_memory`), and noticed within a second elsewhere (`watch_memory`).
"""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from native_runtime.errors import UsageError
from native_runtime.onnx.own_memory import memory_used

THREADS = "SAM3DB_THREADS"
MEMORY = "SAM3DB_MEMORY"
"""Bytes, or a number with one of `_UNITS`."""
_UNITS = {"": 1, "MB": 10**6, "GB": 10**9, "MIB": 2**20, "GIB": 2**30}
_OF_LIBRARIES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "OPENCV_FOR_THREADS_NUM",
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """What a process may take.

    Attributes:
        threads: that compute at the same time; None: as many as there are cores.
        memory_bytes: of its own; None: what there is.
    """

    threads: int | None = None
    memory_bytes: int | None = None

    def environment(self) -> dict[str, str]:
        """The variables that tell it."""
        told: dict[str, str] = {}
        if self.threads is not None:
            told |= dict.fromkeys((THREADS, *_OF_LIBRARIES), str(self.threads))
        if self.memory_bytes is not None:
            told[MEMORY] = str(self.memory_bytes)
        return told


NO_LIMITS = Limits()
_LOOK_EVERY_S = 0.5


def limits_of(environment: Mapping[str, str] | None = None) -> Limits:
    """What a process was told; variables that are not set, or empty, tell nothing.

    Raises:
        UsageError: a variable says nothing that makes sense.
    """
    told = os.environ if environment is None else environment
    return Limits(_threads(told.get(THREADS, "")), _bytes(told.get(MEMORY, "")))


@contextmanager
def wrong_limits_hidden() -> Iterator[tuple[str, ...]]:
    """Within the block, this process and its children are told no limit that makes no sense. For those who report
    on such limits, and go on; gives what is wrong with them.
    """
    hidden: dict[str, str] = {}
    wrong: list[str] = []
    for name in (THREADS, MEMORY):
        try:
            limits_of({name: os.environ.get(name, "")})
        except UsageError as error:
            hidden[name] = os.environ.pop(name)
            wrong.append(str(error))
    try:
        yield tuple(wrong)
    finally:
        os.environ.update(hidden)


def hold_memory(limits: Limits) -> bool:
    """Have the system refuse this process more memory than it may take; whether the system does that.

    What counts is its own writable memory: mapped files, such as weights, can be dropped and read again.
    """
    if limits.memory_bytes is None or not sys.platform.startswith("linux"):
        return False  # macOS takes the limit, and holds nothing by it
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = limits.memory_bytes if most == resource.RLIM_INFINITY else min(limits.memory_bytes, most)
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, most))
    except (OSError, ValueError):
        return False
    return True


def watch_memory(limits: Limits, exceeded: Callable[[], None], every_s: float = _LOOK_EVERY_S) -> bool:
    """Look now and then, in a thread of its own, whether this process holds more memory than it may take.

    For systems that do not refuse it (`hold_memory`): what is taken and given back between two looks goes unseen.

    Args:
        exceeded: called once, in that thread.
        every_s: seconds between two looks.

    Returns:
        Whether there is anything to watch: a limit, and a system that tells how much is held.
    """
    limit = limits.memory_bytes
    if limit is None or memory_used() is None:
        return False

    def watch() -> None:
        while (memory_used() or 0) <= limit:
            time.sleep(every_s)
        exceeded()

    threading.Thread(target=watch, name="memory", daemon=True).start()
    return True


def _threads(text: str) -> int | None:
    if not text.strip():
        return None
    if re.fullmatch(r"[0-9]{1,9}", text.strip()) is None or int(text) < 1:
        raise UsageError(f"{THREADS} is {text!r}, but must be a number of threads: 1 or more.")
    return int(text)


def _bytes(text: str) -> int | None:
    if not text.strip():
        return None
    found = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]{1,9})?) ?([MG]i?B)?", text.strip(), re.ASCII | re.IGNORECASE)
    size = 0 if found is None else int(float(found[1]) * _UNITS[(found[2] or "").upper()])
    if size < 1:
        raise UsageError(f"{MEMORY} is {text!r}, but must be a number of bytes, or one such as 800MB or 4GB.")
    return size
