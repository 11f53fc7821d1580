"""Texts without what tells who somebody is: the home folder is ~, and the name of the user is left out of paths."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Mapping
from typing import Any

_NOBODY = "USER"
#: The folders of people on the systems that there are, also where another name of the user is in them (JANEDO~1).
_HOMES = re.compile(r"(?:[A-Za-z]:)?[/\\]+(?:Users|home)[/\\]+[^/\\\s'\"|]+")
#: Where such a name may stand in a path: /media/jane/, /tmp/pytest-of-jane/.
_PATH = re.compile(r"[^\s'\"|]*[/\\][^\s'\"|]*")


def without_names(text: str, home: str | None = None, user: str | None = None) -> str:
    """A text with ~ for the home folder, and without the user's name in paths.

    Args:
        home, user: by default those of this process.
    """
    for folder in _spellings(os.path.expanduser("~") if home is None else home):
        text = re.sub(re.escape(folder) + r"(?![\w.-])", "~", text, flags=re.IGNORECASE if os.name == "nt" else 0)
    name = _user() if user is None else user
    if name:
        # first as a whole folder, whose name may have spaces
        text = re.sub(rf"(?<=[/\\]){re.escape(name)}(?=[/\\])", _NOBODY, text, flags=re.IGNORECASE)
    text = _HOMES.sub("~", text)
    if name:
        whole = re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", re.IGNORECASE)
        text = _PATH.sub(lambda path: whole.sub(_NOBODY, path[0]), text)
    return text


def hidden(content: Any, home: str | None = None, user: str | None = None) -> Any:
    """JSON with all its texts so treated."""
    if isinstance(content, str):
        return without_names(content, home, user)
    if isinstance(content, Mapping):
        return {hidden(key, home, user): hidden(value, home, user) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [hidden(value, home, user) for value in content]
    return content


def _spellings(home: str) -> list[str]:
    """How a home folder may be written, the longest first."""
    bare = home.rstrip("/\\")
    if len(bare) < 2:  # the home of a service is the root, which stands for nobody
        return []
    found = {bare, os.path.realpath(bare).rstrip("/\\"), bare.replace("\\", "/"), bare.replace("\\", "\\\\")}
    return sorted((folder for folder in found if len(folder) > 1), key=len, reverse=True)


def _user() -> str:
    """The user's name; empty where nobody's would be given away."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without an entry; Windows without the module that knows them
        return ""
    return "" if name in ("root", "user", "admin") else name
