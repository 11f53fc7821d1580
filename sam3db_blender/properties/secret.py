"""The access token that the user types: in the memory of this Blender, and nowhere else.

Blender writes properties into ``.blend`` files and preferences, and those of operators into its log. This one has no
value of its own: it is read from and written to this module. Who wants a token to stay sets ``HF_TOKEN``, or uses
``hf auth login``; both are found.
"""

from __future__ import annotations

from typing import Any

import bpy

from native_runtime.errors import UsageError

_typed = ""


def token_property() -> Any:
    """A masked text field for a property group."""
    return bpy.props.StringProperty(
        name="Access Token",
        description="Your own Hugging Face access token with read access; it is kept until Blender closes and never "
        "saved. Leave it empty to use HF_TOKEN or the token of 'hf auth login'",
        subtype="PASSWORD",
        get=lambda group: _typed,
        set=lambda group, value: keep(value),
    )


def keep(value: str) -> None:
    """Remembers what was typed; empty forgets it."""
    global _typed
    _typed = value.strip()


def typed() -> str | None:
    """What was typed; None where nothing was."""
    return _typed or None


def origin() -> str:
    """Where the token that would be used comes from, for people; empty where there is none."""
    from native_runtime.models.access_token import find_token

    try:
        token = find_token(_typed)
    except UsageError as error:
        return str(error)
    return "" if token is None else token.origin
