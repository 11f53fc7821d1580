"""Libraries of the system that compiled modules need: where they are found, and what is said where they are missing.

Standard library only.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Callable
from pathlib import Path

from native_runtime.errors import WorkerError

CPP_RUNTIME = "Microsoft Visual C++ Redistributable for Visual Studio 2015-2022 (x64)"
"""What ONNX Runtime needs on Windows, by its maker's name for it."""
CPP_RUNTIME_FROM = "https://aka.ms/vs/17/release/vc_redist.x64.exe"
_CPP_LIBRARIES = ("msvcp140.dll", "msvcp140_1.dll", "vcruntime140.dll", "vcruntime140_1.dll")
_OLDEST_MACOS = {"arm64": "14.0", "x86_64": "13.4"}
"""For which ONNX Runtime's wheels are built, by the processor."""
_TITLES = {"onnxruntime": "ONNX Runtime", "cv2": "OpenCV"}


def find_cpp_runtime() -> None:
    """See to it that the C++ runtime is found on Windows; nothing elsewhere."""
    if os.name == "nt":
        windows = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"))
        add: Callable[[str], object] = getattr(os, "add_dll_directory", str)
        add_blenders_runtime(Path(sys.executable), windows / "System32", add)


def add_blenders_runtime(python: Path, system: Path, add: Callable[[str], object]) -> Path | None:
    """Have the C++ runtime that comes with Blender used where Windows has none; the folder, if so.

    Blender keeps it in ``blender.crt`` beside its program, where its Python does not look. That of the system is taken
    where it is whole: it is often newer, and ONNX Runtime crashes with one that is older than itself.

    Args:
        python: Blender's Python, ``BLENDER/5.2/python/bin/python.exe``.
        system: the system's folder of libraries.
        add: ``os.add_dll_directory``.
    """
    if all((system / name).is_file() for name in _CPP_LIBRARIES):
        return None
    for folder in [parent / "blender.crt" for parent in python.parents[:5]]:
        if all((folder / name).is_file() for name in _CPP_LIBRARIES):
            add(str(folder))
            return folder
    return None


def explained(
    error: ImportError,
    system: str = sys.platform,
    mac: str = platform.mac_ver()[0],
    machine: str = platform.machine(),
) -> WorkerError | None:
    """What is missing for a compiled module, for people; None where it is something else.

    Args:
        system: as `sys.platform`.
        mac: the version of macOS; empty elsewhere.
        machine: the processor, as `platform.machine`.
    """
    said = f"{error.name or ''} {error.path or ''} {error}"
    module = next((name for name in _TITLES if name in said), None)
    if module is None or isinstance(error, ModuleNotFoundError):
        return None
    title = _TITLES[module]
    if system == "win32" and "DLL load failed" in said:
        more = "" if module == "onnxruntime" else " Windows N needs Microsoft's Media Feature Pack as well."
        return WorkerError(
            f"{title} cannot be loaded: Windows lacks the {CPP_RUNTIME}, or has one that is too old. Install it from "
            f"{CPP_RUNTIME_FROM} and restart Blender.{more}"
        )
    oldest = _OLDEST_MACOS.get(machine, "14.0")
    if system == "darwin" and mac and _version(mac) < _version(oldest):
        return WorkerError(
            f"{title} cannot be loaded: it needs macOS {oldest} or newer, and this Mac runs {mac}. Update macOS."
        )
    needed = re.search(r"GLIBC(XX)?_[\d.]+", said)
    if system == "linux" and needed:
        return WorkerError(
            f"{title} cannot be loaded: it needs a newer system ({needed[0]}). Update this Linux, or use one of 2020 "
            "or later."
        )
    return None


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
