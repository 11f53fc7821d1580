"""Which frames of an animation an option names, without Blender."""

from __future__ import annotations

import re

from native_runtime.errors import UsageError

#: What an option says instead of a range: the frames over which the character is keyed, the scene's, none.
NAMED = ("action", "scene", "current")
_RANGE = re.compile(r"(-?\d+):(-?\d+)(?::(\d+))?\Z")
#: More frames than anybody means.
_MOST = 100_000


def check_frames(text: str) -> None:
    """Raises UsageError where a text names no frames: ``action``, ``scene``, ``current`` or START:END[:STEP]."""
    if text not in NAMED:
        _parsed(text)


def chosen_frames(text: str, keyed: range, scene: range) -> range:
    """The frames that an option names; empty where the character is to be written as it stands.

    Args:
        keyed: the frames over which the character is keyed, empty where it stands still.
        scene: the scene's own.
    """
    named = {"action": keyed, "scene": scene, "current": range(0)}
    return named[text] if text in named else _parsed(text)


def _parsed(text: str) -> range:
    match = _RANGE.match(text)
    if match is None:
        raise UsageError(
            f"Frames are 'action' (everything that is keyed), 'scene', 'current' or START:END[:STEP], not {text!r}."
        )
    first, last, step = int(match[1]), int(match[2]), int(match[3] or 1)
    if last < first or step < 1 or last - first >= _MOST * step:
        raise UsageError(
            f"Frames {text} are not a range: END lies after START, STEP is 1 or more, at most {_MOST} frames."
        )
    return range(first, last + 1, step)
