"""How a builder is started: with the bpy module or with a Blender. Does without bpy itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

_ADD_ON = Path(__file__).absolute().parents[1]
_SCRIPT = _ADD_ON / "builder" / "program.py"
_PACKAGES = _ADD_ON.parent


def module_command() -> tuple[str, ...]:
    """For this Python, which has the bpy module. Isolated: neither environment nor working folder count."""
    paths = [str(_PACKAGES), *(os.path.abspath(path) for path in sys.path if path and os.path.exists(path))]
    return (sys.executable, "-I", "-X", "utf8", str(_SCRIPT), *_arguments(paths))


def blender_command(blender: str | os.PathLike[str], paths: Iterable[str | os.PathLike[str]]) -> tuple[str, ...]:
    """For a Blender program.

    Args:
        paths: folders with the modules that Blender does not bring (``places.worker_paths``).
    """
    # As the factory made it: other add-ons cost time and memory, and may hook into every file that is opened.
    words = ("--background", "--factory-startup", "--python-exit-code", "1", "--python", str(_SCRIPT), "--")
    # The add-on's folder is called by its id wherever it is installed, so that it can be imported by that name; other
    # add-ons lie beside it and must not hide modules.
    return (os.fspath(blender), *words, *_arguments([*(os.fspath(path) for path in paths), str(_PACKAGES)]))


def _arguments(paths: Iterable[str]) -> list[str]:
    return [word for path in dict.fromkeys(paths) for word in ("--path", path)]
