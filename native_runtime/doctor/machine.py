"""What of a machine decides how fast networks run on it."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnxruntime

from native_runtime import __version__
from native_runtime.onnx.probe import probe
from native_runtime.onnx.providers import available
from native_runtime.onnx.sessions import default_threads

#: What processors have, by the names of /proc/cpuinfo, that kernels for networks are chosen by.
_SETS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "asimddp", "i8mm")


@dataclass(frozen=True)
class Machine:
    """A machine.

    Attributes:
        system: its operating system.
        processor: its name.
        cores: those that this process may use for networks.
        instructions: sets that matter to networks; empty where the system does not list them.
        memory_bytes: of the whole machine; None where that is not known.
        program, python, onnxruntime: versions.
        providers: those that ONNX Runtime was built with, best first.
        provider: the best that works; None: none does.
    """

    system: str
    processor: str
    cores: int
    instructions: tuple[str, ...]
    memory_bytes: int | None
    program: str
    python: str
    onnxruntime: str
    providers: tuple[str, ...]
    provider: str | None

    def described(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def this_machine() -> Machine:
    """This one."""
    found = probe().provider
    return Machine(
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        processor=processor_name(),
        cores=default_threads(),
        instructions=tuple(name for name in _SETS if name in _flags(_cpuinfo())),
        memory_bytes=_memory(),
        program=__version__,
        python=platform.python_version(),
        onnxruntime=onnxruntime.__version__,
        providers=tuple(provider.short for provider in available()),
        provider=None if found is None else found.short,
    )


def processor_name() -> str:
    """As its maker calls it, where the system tells; otherwise its architecture."""
    if platform.system() == "Darwin":
        asked = subprocess.run(
            ["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False
        )
        named = asked.stdout.strip()
    else:
        named = _field(_cpuinfo(), "model name") or os.environ.get("PROCESSOR_IDENTIFIER", "")
    return named or platform.processor() or platform.machine()


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _flags(lines: Iterable[str]) -> set[str]:
    return set((_field(lines, "flags") or _field(lines, "Features")).split())


def _field(lines: Iterable[str], name: str) -> str:
    """What follows the first such name, before the colon."""
    values = (value.strip() for key, colon, value in (line.partition(":") for line in lines) if key.strip() == name)
    return next(values, "")


def _memory() -> int | None:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None  # Windows
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
