"""``sam3db`` as a command of Blender; ``jobs.command_line`` runs it."""

from __future__ import annotations

import sys

import bpy

NAME = "sam3db"
_registered: list[object] = []


def _run(words: list[str]) -> int:
    from .jobs.command_line import run

    return run(words)


def attach() -> None:
    """Makes the command known to Blender."""
    _registered.append(bpy.utils.register_cli_command(NAME, _run))  # type: ignore[func-returns-value]


def attach_incomplete(error: ImportError) -> str:
    """Lets the command say, in Blender without a window, that files of the extension are missing, where the rest cannot
    be loaded for that reason; that sentence.
    """
    missing = f" ({error.name.rpartition(f'{__package__}.')[2]})" if error.name else ""
    text = f"Files of the extension are missing{missing}. Remove the extension, restart Blender, and install it again."

    def run(words: list[str]) -> int:
        sys.stderr.write(f"error: {text}\n")
        return 1

    if bpy.app.background:
        _registered.append(bpy.utils.register_cli_command(NAME, run))  # type: ignore[func-returns-value]
    return text


def detach() -> None:
    """Takes it away again."""
    while _registered:
        bpy.utils.unregister_cli_command(_registered.pop())
