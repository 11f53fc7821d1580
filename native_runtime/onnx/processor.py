"""The processor of this machine, as far as the system tells."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from native_runtime.onnx.limits import limits_of

_SETS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "asimddp", "i8mm")
"""What processors have, by the names of /proc/cpuinfo, that kernels for networks are chosen by."""


@cache
def processor_name() -> str:
    """As its maker calls it, where the system tells; otherwise its architecture."""
    if platform.system() == "Darwin":
        asked = subprocess.run(
            ["sysctl", "-n", "machdep.cpu.brand_string"],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        named = asked.stdout.strip()
    else:
        named = _field(_cpuinfo(), "model name") or os.environ.get("PROCESSOR_IDENTIFIER", "")
    return named or platform.processor() or platform.machine()


def usable_cores() -> int:
    """The cores that this process may run on, or as many as it was told to take (`limits`)."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(there, limits_of().threads or there)


def instruction_sets() -> tuple[str, ...]:
    """Those that matter to networks; empty where the system does not list them."""
    lines = _cpuinfo()
    flags = set((_field(lines, "flags") or _field(lines, "Features")).split())
    return tuple(name for name in _SETS if name in flags)


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _field(lines: Iterable[str], name: str) -> str:
    """What follows the first such name, before the colon."""
    values = (value.strip() for key, _, value in (line.partition(":") for line in lines) if key.strip() == name)
    return next(values, "")
