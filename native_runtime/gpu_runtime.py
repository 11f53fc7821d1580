"""Loads installed GPU support before anything imports ONNX Runtime. Standard library only until there is some.

`native_runtime.gpu_support` installs it into a folder of the user's; `VARIABLE` names that folder to a process, and
`native_runtime.onnx` calls `loaded` when it is imported. GPU support is either a whole ONNX Runtime, which takes the
place of the bundled one, or a plugin for the bundled one. If it cannot be loaded, the bundled one is used, and why is
kept for people (`Loaded.fault`).

A library for graphics cards may end the process that loads it, which no ``except`` catches. So whoever loads holds a
lock on a file of its own (`_Attempt`); such a file that nobody holds was left by a process that ended on the way. After
`PATIENCE` of them GPU support is left alone until somebody tries it again.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from native_runtime.errors import ModelError, NewerFormatError
from native_runtime.files.formats import Format
from native_runtime.files.locks import HeldError, lock

VARIABLE = "SAM3DB_GPU_SUPPORT"
"""Environment variable: the folder of GPU support. Processes that are started by this one have it, too."""
ACTIVE = "active.json"
"""In that folder: which of its folders is used, and what is in it (``docs/formats.md``)."""
FORMAT = Format("sam3db-gpu-support")
PATIENCE = 2
_ATTEMPT = "loading-"


@dataclass(frozen=True)
class Loaded:
    """What this process computes with.

    Attributes:
        name: of the GPU support that is used; "" for the bundled ONNX Runtime alone.
        fault: why installed GPU support is not used, a sentence for people; "" where it is, or there is none.
        folder: that of all GPU support; None where the process was given none.
    """

    name: str = ""
    fault: str = ""
    folder: Path | None = None


@cache
def loaded() -> Loaded:
    """Load the GPU support that `VARIABLE` names, once a process, and say what came of it."""
    named = os.environ.get(VARIABLE)
    if not named:
        return Loaded()
    folder = Path(named)
    entry = read_active(folder)
    if entry is None:
        return Loaded(folder=folder)
    name = str(entry["name"])
    fault = unfit(entry) or _load_guarded(folder, entry)
    return (
        Loaded("", f"GPU support ({entry['title']}) is not used: {fault}", folder)
        if fault
        else Loaded(name, "", folder)
    )


def read_active(folder: Path) -> dict[str, Any] | None:
    """The entry of what is installed; None where nothing is, or where its file cannot be used."""
    try:
        return read_entry(folder / ACTIVE)
    except (FileNotFoundError, ModelError, NewerFormatError):
        return None


def read_entry(path: Path) -> dict[str, Any]:
    """What a file of the name `ACTIVE` says.

    Raises:
        FileNotFoundError: there is none.
        ModelError: it is damaged.
        NewerFormatError: a newer version of the program wrote it.
    """
    try:
        entry = dict(FORMAT.parsed(path.read_text(encoding="utf-8"), path))
        texts = [entry[key] for key in ("name", "title", "folder", "platform", "onnxruntime")]
        # a folder of this folder, whatever the file says
        sound = all(isinstance(text, str) for text in texts) and Path(entry["folder"]).name == entry["folder"]
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is damaged ({error}).") from error
    if not sound:
        raise ModelError(f"{path} is damaged.")
    return entry


def unfit(entry: dict[str, Any]) -> str:
    """Why this Python cannot load what was installed; "" where it can. A sentence that follows a colon."""
    own = python_version()
    made_for = entry.get("python")
    if made_for not in (None, own):
        return f"it was installed for Python {made_for}, and this is Python {own}. Install it again."
    if entry["platform"] != platform_key():
        return f"it was installed for {entry['platform']}, and this is {platform_key()}. Install it again."
    return ""


def python_version() -> str:
    """This Python's, as wheels name it: "3.11"."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def platform_key() -> str:
    """This system, as the extension's packages name it: "linux-x64"."""
    import platform

    systems = {"linux": "linux", "win32": "windows", "darwin": "macos"}
    machines = {"x86_64": "x64", "amd64": "x64", "arm64": "arm64", "aarch64": "arm64"}
    machine = platform.machine().lower()
    return f"{systems.get(sys.platform, sys.platform)}-{machines.get(machine, machine)}"


@contextmanager
def guarded() -> Iterator[None]:
    """Do something that a library for graphics cards may not survive, so that the next process knows of it."""
    status = loaded()
    if not status.name or status.folder is None:
        yield
        return
    with _Attempt(status.folder):
        yield


def forget_attempts(folder: Path) -> None:
    """Try GPU support again though it ended processes before."""
    for path in _abandoned(folder):
        with suppress(OSError):
            path.unlink()


def _load_guarded(folder: Path, entry: dict[str, Any]) -> str:
    """Load it; why that cannot be done, or ""."""
    if len(_abandoned(folder)) >= PATIENCE:
        return "it ended the process that used it, more than once. Update the card's driver, then test it again."
    site = folder / entry["folder"]
    if not site.is_dir():
        return "its files are gone. Install it again."
    try:
        with _Attempt(folder):
            _load(site, entry)
    except Exception as error:  # whatever a foreign library raises
        _unload(site)
        first_line = str(error).strip().partition("\n")[0].replace(str(folder), "...").rstrip(".")
        return f"{first_line or type(error).__name__}."
    return ""


def _load(site: Path, entry: dict[str, Any]) -> None:
    sys.path.insert(0, str(site))
    _name_libraries(site)
    onnxruntime = importlib.import_module("onnxruntime")
    plugin = entry.get("plugin")
    if plugin is None:
        if onnxruntime.__version__ != entry["onnxruntime"]:
            raise RuntimeError(f"ONNX Runtime {onnxruntime.__version__} is in its place")
        return
    libraries = [path for path in sorted((site / plugin["module"]).glob("*")) if path.name in plugin["libraries"]]
    if len(libraries) != 1:
        raise RuntimeError("its library is missing")
    onnxruntime.register_execution_provider_library(plugin["provider"], str(libraries[0]))
    if plugin["provider"] not in onnxruntime.get_available_providers():
        raise RuntimeError("no graphics card or driver was found that it can use")


def _name_libraries(site: Path) -> None:
    """Windows looks for libraries only where it is told to."""
    if sys.platform == "win32":
        for folder in {path.parent for path in site.rglob("*.dll")}:
            # what it returns would end this when it is closed, which nobody does
            os.add_dll_directory(str(folder))


def _unload(site: Path) -> None:
    """As if it had never been tried: the next import finds the bundled ONNX Runtime."""
    sys.path[:] = [path for path in sys.path if path != str(site)]
    for name in [name for name in sys.modules if name.partition(".")[0] == "onnxruntime"]:
        origin = getattr(sys.modules[name], "__file__", None) or ""
        if origin.startswith(str(site)):
            del sys.modules[name]
    importlib.invalidate_caches()


class _Attempt:
    """A file that exists while this process loads something, and that it holds as long."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{_ATTEMPT}{os.getpid()}"
        self._held: Any = None

    def __enter__(self) -> None:
        with suppress(OSError, HeldError):  # a folder that cannot be written: then nobody is warned
            self._held = lock(self._path)

    def __exit__(self, *error: object) -> None:
        if self._held is not None:
            self._held.close()
            with suppress(OSError):
                self._path.unlink()


def _abandoned(folder: Path) -> list[Path]:
    """The files of attempts whose processes are gone."""
    found = []
    for path in folder.glob(f"{_ATTEMPT}*"):
        try:
            lock(path).close()
        except (OSError, HeldError):
            continue
        found.append(path)
    return found
