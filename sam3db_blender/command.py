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


def attach_incomplete(text: str) -> None:
    """Makes a command of the same name known, which fails with a text: why there is no other."""

    def run(words: list[str]) -> int:
        sys.stderr.write(f"error: {text}\n")
        return 1

    _registered.append(bpy.utils.register_cli_command(NAME, run))  # type: ignore[func-returns-value]


def detach() -> None:
    """Takes it away again."""
    while _registered:
        bpy.utils.unregister_cli_command(_registered.pop())
