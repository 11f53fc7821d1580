"""How much of a machine a process of ours may take: told in its environment, which its own children inherit.

Standard library only. The number of threads holds for ONNX Runtime (`processor.usable_cores`), OpenCV and NumPy's
linear algebra, whose libraries read their variables when they are loaded. Memory is held in two ways: networks that
would not fit are refused, or computed from their mapped files (`memory.available_bytes`), on every system; on
Linux the kernel refuses more as well.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

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


def limits_of(environment: Mapping[str, str] | None = None) -> Limits:
    """What a process was told; variables that are no positive numbers tell nothing."""
    told = os.environ if environment is None else environment
    return Limits(_number(told.get(THREADS)), _number(told.get(MEMORY)))


def hold_memory(limits: Limits) -> bool:
    """Have the system refuse this process more memory than it may take; whether the system does that.

    What counts is its own writable memory: mapped files, such as weights, can be dropped and read again.
    """
    if limits.memory_bytes is None:
        return False
    try:
        import resource
    except ImportError:  # Windows
        return False
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = limits.memory_bytes if most == resource.RLIM_INFINITY else min(limits.memory_bytes, most)
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, most))
    except (OSError, ValueError):
        return False
    return True


def memory_used() -> int | None:
    """Bytes that this process keeps in memory of its own; None where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            _, resident, shared, *_ = (int(number) for number in file.read().split())
    except (OSError, ValueError):
        return None
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and int(text) > 0 else None
