"""How much of a machine a process of ours may take: told in its environment, which its own children inherit.

Standard library only. The number of threads holds for ONNX Runtime (`processor.usable_cores`), OpenCV and NumPy's
linear algebra, whose libraries read their variables when they are loaded. Memory is held in two ways: networks that
would not fit are refused, or computed from their mapped files (`memory.available_bytes`); and whatever else takes more
is refused by the kernel on Linux (`hold_memory`), and noticed within a second elsewhere (`watch_memory`).
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from native_runtime.onnx.own_memory import memory_used

THREADS = "SAM3DB_THREADS"
MEMORY = "SAM3DB_MEMORY"
"""Bytes."""
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
    """What a process was told; variables that are no positive numbers tell nothing."""
    told = os.environ if environment is None else environment
    return Limits(_number(told.get(THREADS)), _number(told.get(MEMORY)))


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


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and int(text) > 0 else None
