"""Graphics cards as the preferences show them: what there is, what is installed, what the last test measured.

Panels ask at each redraw, so cards are looked for once, in a thread: programs are asked, which may take a second.
"""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import bpy

from native_runtime.errors import NewerFormatError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.formats import Format

from .. import places
from ..app_handlers import ensure_timer, redraw, stop_timer

if TYPE_CHECKING:
    from native_runtime.gpu_support.cards import Card
    from native_runtime.gpu_support.install import State

FORMAT = Format("sam3db-provider-times")
_FILE = "times.json"
_LOOK_S = 0.2


@dataclass
class Search:
    """The search for cards in a thread; preferences that are shown are redrawn when it is over.

    Attributes:
        cards: what was found; None as long as it goes on.
    """

    cards: list[Card] | None = None
    thread: threading.Thread | None = field(default=None, repr=False)

    def start(self) -> None:
        """Begins it, unless it was begun."""
        if self.thread is None:
            self.thread = threading.Thread(target=self._look, name="graphics cards", daemon=True)
            self.thread.start()
            if not bpy.app.background:
                ensure_timer(_redraw_when_found, _LOOK_S)

    def forget(self) -> None:
        """Has the next ``start`` look again."""
        self.cards, self.thread = None, None

    def close(self) -> None:
        """Redraws nothing any more, and forgets."""
        stop_timer(_redraw_when_found)
        self.forget()

    def _look(self) -> None:
        from native_runtime.gpu_support.cards import find_cards

        self.cards = find_cards()


#: That of this Blender.
search = Search()


def _redraw_when_found() -> float | None:
    if search.cards is None:
        return _LOOK_S
    redraw("PREFERENCES")
    return None


def state() -> State:
    """What is installed: one small file is read."""
    from native_runtime.gpu_support.install import state_of

    return state_of(places.gpu_folder())


def keep_times(times: dict[str, Any]) -> None:
    """Keeps what a test measured. If that cannot be written, it is shown until Blender ends, and that is all."""
    with contextlib.suppress(OSError):
        content = {"format": str(FORMAT), **times, "installed": state().name}
        write_atomically(places.gpu_folder() / _FILE, json.dumps(content, indent=1).encode())


def last_times() -> dict[str, Any] | None:
    """What the last test measured with what is installed now; None where there was none, or something changed since."""
    path = places.gpu_folder() / _FILE
    try:
        found = dict(FORMAT.parsed(path.read_text(encoding="utf-8"), path))
        sound = found["installed"] == state().name and all("provider" in one for one in found["providers"])
    except (OSError, ValueError, KeyError, TypeError, NewerFormatError):
        return None
    return found if sound else None


def forget_times() -> None:
    """Removes what a test measured: something else is installed."""
    with contextlib.suppress(OSError):
        (places.gpu_folder() / _FILE).unlink(missing_ok=True)


def detach() -> None:
    """Leaves nothing behind."""
    search.close()
