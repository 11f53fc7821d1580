"""Messages that were written for the command line, in the words of the window."""

from __future__ import annotations

import re

#: What an artist has instead of a command.
_INSTEAD = {
    "models build": "a new installation of the extension",
    "convert-checkpoint": "the panel 'SAM 3D Body'",
    "models import": "the panel 'Official Bodies'",
    "models list": "the list 'Body' of the panel 'Character from Photo'",
    "models verify": "a new installation of the extension",
}
_COMMAND = re.compile(rf"`?\bsam3db ({'|'.join(_INSTEAD)})(?: --[\w-]+(?: [A-Z]+)?)*`?")
_OPTION = re.compile(r" \(--[\w-]+(?: \w+)?\)")

_PERSON = re.compile(r"\b([Pp])(erson|eople) (\d+)(?: to (\d+))?\b")


def from_worker(text: str) -> str:
    """What the worker says: as ``for_artists``, with people counted from 1; it counts them from 0, as files do."""
    return _PERSON.sub(_from_one, for_artists(text))


def _from_one(match: re.Match[str]) -> str:
    letter, rest, first, last = match.groups()
    numbers = " to ".join(str(int(number) + 1) for number in (first, last) if number is not None)
    return f"{letter}{rest} {numbers}"


def for_artists(text: str) -> str:
    """A message without commands and their options."""
    return _OPTION.sub("", _COMMAND.sub(lambda match: _INSTEAD[match[1]], text))
