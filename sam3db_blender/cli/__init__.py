"""Commands that need Blender as a Python module; `sam3db` finds them by an entry point (``pyproject.toml``).

Standard library only: `sam3db --help` reads this.
"""

from __future__ import annotations

from native_runtime.cli.commands import Command, Extension

from . import character_arguments, export_arguments, preview_arguments, retarget_arguments
from .blender import builder_command

EXTENSION = Extension(
    (
        Command("character", character_arguments.add, f"{__name__}.character"),
        Command("preview", preview_arguments.add, f"{__name__}.preview"),
        Command("export", export_arguments.add, f"{__name__}.export"),
        Command("retarget", retarget_arguments.add, f"{__name__}.retarget"),
    ),
    builder_command,
)
