"""How much memory is free, and how ONNX Runtime says that there was not enough."""

from __future__ import annotations

import ctypes
import os
import platform
import re
from pathlib import Path

from native_runtime.errors import ModelError, Remedy
from native_runtime.onnx.limits import limits_of
from native_runtime.onnx.own_memory import memory_used

_LARGE = 200_000_000
"""Bytes of weights from which on a network comes in several precisions."""
_SMALLER = (
    " A set of the networks in a smaller precision (int8 for the CPU, fp16 for graphics cards) needs less, "
    "and so do fewer people at a time."
)
# What the allocators of the CPU, CUDA, HIP, DirectX, OpenCV and the C++ library say, in any case.
_SIGNS = re.compile(
    r"failed to allocate memory|is smaller than requested bytes|out of memory|out_?of_?memory|bad_alloc|"
    r"bad allocation|not enough memory|insufficient memory|cublas_status_alloc_failed|cudnn_status_alloc_failed|"
    r"hiperroroutofmemory",
    re.IGNORECASE,
)
_REQUESTED = re.compile(r"requested (?:buffer of size|bytes of) (\d+)", re.IGNORECASE)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of ONNX Runtime (which has no class for it) means that memory ran out."""
    return isinstance(error, MemoryError) or _SIGNS.search(str(error)) is not None


def no_room(name: str, place: str | None, size: int, detail: str) -> ModelError:
    """That a network is too much for a memory, or for the limit (`limits`) of this process, and what to do.

    Args:
        name: of its file.
        place: whose memory that is; None for this computer's.
        size: of its weights, in bytes.
        detail: what was missing.
    """
    limit = None if place is not None else limit_in_force()
    smaller = _SMALLER if size >= _LARGE else ""
    if limit is not None:
        text = f"The memory limit of {limit_in_words(limit)} is too small for {name}: its weights take {in_words(size)}"
        return ModelError(f"{text}, and {detail}.{smaller}", Remedy.RAISE_MEMORY_LIMIT)
    text = f"{name} does not fit into the memory of {place or 'this computer'}: its weights take {in_words(size)}"
    other = " The CPU has memory of its own." if place is not None else ""
    return ModelError(f"{text}, and {detail}.{smaller}{other}", Remedy.FREE_MEMORY)


def shortage(error: BaseException) -> str:
    """The detail for `no_room` of an error for which `is_out_of_memory` holds."""
    match = _REQUESTED.search(str(error))
    return f"{in_words(int(match.group(1)))} more could not be allocated" if match else "the rest was not enough"


def in_words(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def limit_in_words(size: int) -> str:
    """A limit for people, who set it in MB or GB."""
    return in_words(size) if size >= 1e9 else f"{size / 1e6:.0f} MB"


def available_bytes() -> int | None:
    """Memory that this process could still take without pushing others out, and without going over its limit
    (`limits`); None where the system does not report it, and there is no limit.
    """
    free, left = _free_bytes(), _left_of_limit()
    return min((known for known in (free, left) if known is not None), default=None)


def limit_in_force() -> int | None:
    """The limit of this process's memory, in bytes, where it leaves less than there is; otherwise None."""
    free, left = _free_bytes(), _left_of_limit()
    return limits_of().memory_bytes if left is not None and (free is None or left < free) else None


def _left_of_limit() -> int | None:
    limit = limits_of().memory_bytes
    return None if limit is None else max(0, limit - (memory_used() or 0))


def _free_bytes() -> int | None:
    system = platform.system()
    if system == "Windows":
        return _windows_available()
    if system == "Linux":
        return _linux_available(Path("/proc/meminfo"), Path("/sys/fs/cgroup"))
    # macOS compresses and swaps before it refuses, and reports no such number: only the limit is known.
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _linux_available(meminfo: Path, cgroup: Path) -> int | None:
    """What the kernel calls available, or what a container's limit leaves, whichever is less."""
    found = []
    try:
        fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        found.append(int(fields["MemAvailable"].split()[0]) * 1024)
    except (OSError, KeyError, ValueError):
        pass
    try:
        limit = int((cgroup / "memory.max").read_text())  # "max" where there is none
        used = int((cgroup / "memory.current").read_text())
        statistics = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        found.append(max(0, limit - used + int(statistics["inactive_file"])))  # cached files give way
    except (OSError, KeyError, ValueError):
        pass
    return min(found, default=None)


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = [
        ("dwLength", ctypes.c_ulong),
        ("dwMemoryLoad", ctypes.c_ulong),
        ("ullTotalPhys", ctypes.c_ulonglong),
        ("ullAvailPhys", ctypes.c_ulonglong),
        ("ullTotalPageFile", ctypes.c_ulonglong),
        ("ullAvailPageFile", ctypes.c_ulonglong),
        ("ullTotalVirtual", ctypes.c_ulonglong),
        ("ullAvailVirtual", ctypes.c_ulonglong),
        ("ullAvailExtendedVirtual", ctypes.c_ulonglong),
    ]


def _windows_available() -> int | None:
    status = _MemoryStatus(dwLength=ctypes.sizeof(_MemoryStatus))
    # `windll` exists on Windows only.
    known = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined,unused-ignore]
    return int(status.ullAvailPhys) if known else None
