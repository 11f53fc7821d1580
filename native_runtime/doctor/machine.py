"""What of a machine decides how fast networks run on it. Standard library only."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from native_runtime import __version__
from native_runtime.onnx.processor import instruction_sets, processor_name, usable_cores


@dataclass(frozen=True)
class Machine:
    """A machine.

    Attributes:
        system: its operating system.
        processor: its name.
        cores: those that this process may use for networks.
        instructions: sets that matter to networks; empty where the system does not list them.
        memory_bytes: of the whole machine; None where that is not known.
        program, python, onnxruntime: versions; that of ONNX Runtime is empty where it cannot be used.
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


def this_machine(onnxruntime: str = "", providers: Sequence[str] = (), provider: str | None = None) -> Machine:
    """This one.

    Args:
        onnxruntime, providers, provider: as the attributes; what is known of them elsewhere (``networks``).
    """
    return Machine(
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        processor=processor_name(),
        cores=usable_cores(),
        instructions=instruction_sets(),
        memory_bytes=memory_bytes(),
        program=__version__,
        python=platform.python_version(),
        onnxruntime=onnxruntime,
        providers=tuple(providers),
        provider=provider,
    )


def memory_bytes() -> int | None:
    """The memory of the whole machine; None where that is not known."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None  # Windows
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
