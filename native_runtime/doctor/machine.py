"""What of a machine decides how fast networks run on it."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from typing import Any

import onnxruntime

from native_runtime import __version__
from native_runtime.onnx.probe import probe
from native_runtime.onnx.processor import instruction_sets, processor_name
from native_runtime.onnx.providers import available
from native_runtime.onnx.sessions import default_threads


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
        instructions=instruction_sets(),
        memory_bytes=_memory(),
        program=__version__,
        python=platform.python_version(),
        onnxruntime=onnxruntime.__version__,
        providers=tuple(provider.short for provider in available()),
        provider=None if found is None else found.short,
    )


def _memory() -> int | None:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None  # Windows
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
