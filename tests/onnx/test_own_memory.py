"""How much memory a process holds: for real where this system tells, by fakes of the other systems' functions."""

from __future__ import annotations

import ctypes
import platform
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from native_runtime.onnx import own_memory
from native_runtime.onnx.own_memory import memory_used

HELD = 300_000_000
"""Bytes."""


@pytest.mark.skipif(platform.system() not in ("Linux", "Darwin", "Windows"), reason="nobody knows how to ask here")
def test_what_is_taken_is_seen() -> None:
    before = memory_used()
    taken = np.ones(HELD // 8)
    during = memory_used()
    assert before is not None
    assert during is not None
    assert 0.9 * HELD < during - before < 1.5 * HELD
    assert taken[-1] == 1


def fill(structure: Any, place: int, value: int) -> None:
    """Write eight bytes into what a function of the system was given, at the place that its header says."""
    ctypes.memmove(ctypes.addressof(structure._obj) + place, ctypes.byref(ctypes.c_uint64(value)), 8)


def test_windows_tells_what_is_private(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = [1]

    def told(process: Any, counters: Any, size: int) -> int:
        assert (process.value, size) == (2**64 - 1, 80)  # the pseudo handle; sizeof in 64-bit Windows
        fill(counters, 72, HELD)  # PrivateUsage is the last
        return answer[0]

    monkeypatch.setattr(own_memory.platform, "system", lambda: "Windows")
    library = SimpleNamespace(kernel32=SimpleNamespace(K32GetProcessMemoryInfo=told))
    monkeypatch.setattr(own_memory.ctypes, "windll", library, raising=False)
    assert memory_used() == HELD
    answer[0] = 0
    assert memory_used() is None


def test_macos_tells_the_footprint(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = [0]

    def told(process: int, flavour: int, usage: Any) -> int:
        assert flavour == 0
        assert ctypes.sizeof(usage._obj) == 96
        fill(usage, 72, HELD)  # after the UUID and seven numbers
        return answer[0]

    monkeypatch.setattr(own_memory.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(own_memory.ctypes, "CDLL", lambda name: SimpleNamespace(proc_pid_rusage=told))
    assert memory_used() == HELD
    answer[0] = -1
    assert memory_used() is None
    monkeypatch.setattr(own_memory.ctypes, "CDLL", lambda name: SimpleNamespace())
    assert memory_used() is None
