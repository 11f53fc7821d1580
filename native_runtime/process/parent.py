"""Waits for the end of the process that started this one. Standard library only."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable
from typing import Any

WATCH_S = 1.0
"""How often the parent is looked at where the system tells of no end."""
_SYNCHRONIZE = 0x00100000
_FOR_EVER = 0xFFFFFFFF


def wait_for_its_end(parent: int, system: str = os.name) -> None:
    """Return when the process ``parent`` has ended, which started this one.

    Args:
        system: as `os.name`.
    """
    if system == "nt":
        _wait_on_windows(parent, importlib.import_module("_winapi"))
    else:
        _wait_for_another(parent, os.getppid)


def _wait_for_another(parent: int, parent_now: Callable[[], int], pause: Callable[[float], None] = time.sleep) -> None:
    """Whoever loses its parent gets another one."""
    while parent_now() == parent:
        pause(WATCH_S)


def _wait_on_windows(parent: int, api: Any) -> None:
    """There, a process keeps its parent's number when that has ended, so it is the parent itself that is waited for."""
    try:
        handle = api.OpenProcess(_SYNCHRONIZE, False, parent)
    except OSError:  # it has ended already
        return
    try:
        api.WaitForSingleObject(handle, _FOR_EVER)
    finally:
        api.CloseHandle(handle)
