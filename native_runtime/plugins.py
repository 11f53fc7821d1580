"""What installed packages add to the program, by entry points."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TypeVar

_log = logging.getLogger(__name__)

Plugin = TypeVar("Plugin")


def load_plugins(group: str, kind: type[Plugin], what: str, partial: bool = False) -> Iterator[Plugin]:
    """The objects of a class that entry points of a group name, sorted by the points' names.

    One that cannot be loaded is logged and left out, whatever its package does when it is imported.

    Args:
        what: the word for such an object in messages.
        partial: whether a package that is not there at all is no fault: an installation may hold a part of the program.
    """
    from importlib.metadata import entry_points  # not at every start

    for point in sorted(entry_points(group=group), key=lambda point: point.name):
        try:
            plugin = point.load()
            if not isinstance(plugin, kind):
                raise TypeError(f"not of the class {kind.__name__}")
        except (Exception, SystemExit) as error:
            absent = isinstance(error, ModuleNotFoundError) and error.name == point.module.partition(".")[0]
            if not (absent and partial):
                fault = f"{point.value}, {type(error).__name__}: {error}"
                _log.warning("The %s %r cannot be used (%s).", what, point.name, fault)
        else:
            yield plugin
