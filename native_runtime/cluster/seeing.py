"""Waiting for what another machine has written to a network drive, whose caches lag behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PATIENCE_S = 10.0
"""Network drives show a new file within the time for which they keep what they know of its folder: seconds."""
_POLL_S = 0.2


def seen(folder: Path, there: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
    """Whether something is there, at the latest after a while.

    Args:
        folder: that it is in; reading it makes the system ask the drive again.
        there: whether it is; an OSError counts as no.
    """
    give_up = time.monotonic() + patience_s
    while True:
        with suppress(OSError):
            if there():
                return True
        if time.monotonic() >= give_up:
            return False
        with suppress(OSError):
            os.listdir(folder)
        time.sleep(min(_POLL_S, patience_s))
