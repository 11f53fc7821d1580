"""Commands that need Blender as a Python module."""

from __future__ import annotations

import importlib.util

from native_runtime.errors import UsageError


def require_blender(what: str, instead: str = "") -> None:
    """See to it that there is a bpy module.

    Args:
        what: needs it ("Making a character").
        instead: what does without it ("use `sam3db estimate`").

    Raises:
        UsageError: there is none; the message says how to get it.
    """
    if importlib.util.find_spec("bpy") is None:
        raise UsageError(
            f"{what} needs Blender as a Python module: `pip install bpy==4.5.15` (Python 3.11)"
            + (f"; or {instead}, which does without." if instead else ".")
        )
