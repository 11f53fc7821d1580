"""What writes the .blend file of a command that also runs without Blender."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from native_runtime.cli.commands import missing
from native_runtime.cli.console import Console
from native_runtime.errors import UsageError

Writer = TypeVar("Writer")


def require_writer(wanted: bool | None, writer: Callable[[], Writer] | None) -> None:
    """Refuse ``--blend`` where the extension is not installed: what can be known before any work, and without Blender.

    Args:
        wanted, writer: as of ``scene_writer``.

    Raises:
        UsageError: one is wanted, and there is none.
    """
    if wanted and writer is None:
        raise missing("`--blend`")


def scene_writer(
    wanted: bool | None, writer: Callable[[], Writer] | None, results: str, console: Console
) -> Writer | None:
    """The writer of the .blend file; None where none is wanted, or nobody said so and Blender is not at hand.

    Args:
        wanted: ``--blend`` or ``--no-blend``; None: as Blender is at hand.
        writer: makes one, where Blender is; None: the extension is not installed.
        results: what can be imported in Blender instead, for the message.
        console: hears that there is none.

    Raises:
        UsageError: one is wanted, and cannot be written.
    """
    if wanted is False:
        return None
    require_writer(wanted, writer)
    try:
        if writer is not None:
            return writer()
    except UsageError:
        if wanted:
            raise
    console.status(f"Without Blender there is no .blend file; the {results} can be imported there")
    return None
