"""How much memory this process holds of its own: what only it has, without mapped files. Standard library only."""

from __future__ import annotations

import ctypes
import os
import platform


def memory_used() -> int | None:
    """Bytes that this process keeps in memory of its own; None where the system does not tell."""
    system = platform.system()
    try:
        if system == "Windows":
            return _of_windows()
        return _of_macos() if system == "Darwin" else _of_linux()
    except (OSError, ValueError, AttributeError):  # AttributeError: a library without this function
        return None


def _of_linux() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        _, resident, shared, *_ = (int(number) for number in file.read().split())
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")


class _Usage(ctypes.Structure):
    """rusage_info_v0 of <sys/resource.h> on macOS."""

    _fields_ = [
        ("uuid", ctypes.c_uint8 * 16),
        ("user_time", ctypes.c_uint64),
        ("system_time", ctypes.c_uint64),
        ("package_idle_wakeups", ctypes.c_uint64),
        ("interrupt_wakeups", ctypes.c_uint64),
        ("pageins", ctypes.c_uint64),
        ("wired_size", ctypes.c_uint64),
        ("resident_size", ctypes.c_uint64),
        ("footprint", ctypes.c_uint64),
        ("start_time", ctypes.c_uint64),
        ("exit_time", ctypes.c_uint64),
    ]


def _of_macos() -> int | None:
    usage = _Usage()
    # The footprint is what the Activity Monitor calls memory: dirty and compressed pages.
    refused = ctypes.CDLL(None).proc_pid_rusage(os.getpid(), 0, ctypes.byref(usage))
    return None if refused else int(usage.footprint)


class _Counters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS_EX of the Windows API."""

    _fields_ = [
        ("cb", ctypes.c_uint32),
        ("PageFaultCount", ctypes.c_uint32),
        ("PeakWorkingSetSize", ctypes.c_size_t),
        ("WorkingSetSize", ctypes.c_size_t),
        ("QuotaPeakPagedPoolUsage", ctypes.c_size_t),
        ("QuotaPagedPoolUsage", ctypes.c_size_t),
        ("QuotaPeakNonPagedPoolUsage", ctypes.c_size_t),
        ("QuotaNonPagedPoolUsage", ctypes.c_size_t),
        ("PagefileUsage", ctypes.c_size_t),
        ("PeakPagefileUsage", ctypes.c_size_t),
        ("PrivateUsage", ctypes.c_size_t),
    ]


def _of_windows() -> int | None:
    counters = _Counters(cb=ctypes.sizeof(_Counters))
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]  # exists on Windows only
    this = ctypes.c_void_p(-1)  # what GetCurrentProcess always gives
    known = kernel.K32GetProcessMemoryInfo(this, ctypes.byref(counters), counters.cb)
    return int(counters.PrivateUsage) if known else None
