"""The end of the parent is noticed on every system."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from native_runtime.process import parent


class Windows:
    """Stands in for ``_winapi``."""

    def __init__(self, gone: bool = False) -> None:
        self.gone, self.calls = gone, []

    def OpenProcess(self, access: int, inherit: bool, number: int) -> int:  # noqa: N802
        self.calls.append(("open", access, inherit, number))
        if self.gone:
            raise OSError(87, "The parameter is incorrect")
        return 7

    def WaitForSingleObject(self, handle: int, milliseconds: int) -> int:  # noqa: N802
        self.calls.append(("wait", handle, milliseconds))
        return 0

    def CloseHandle(self, handle: int) -> None:  # noqa: N802
        self.calls.append(("close", handle))


def test_windows_is_asked_for_the_parent_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = Windows()
    monkeypatch.setitem(sys.modules, "_winapi", windows)
    parent.wait_for_its_end(1234, "nt")
    assert windows.calls == [("open", 0x00100000, False, 1234), ("wait", 7, 0xFFFFFFFF), ("close", 7)]


def test_a_parent_that_is_gone_already_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = Windows(gone=True)
    monkeypatch.setitem(sys.modules, "_winapi", windows)
    parent.wait_for_its_end(1234, "nt")
    assert [name for name, *_ in windows.calls] == ["open"]


def test_elsewhere_another_parent_means_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers, pauses = iter([5, 5, 5, 1]), []
    monkeypatch.setattr(parent, "os", SimpleNamespace(getppid=lambda: next(numbers)))
    monkeypatch.setattr(parent._wait_for_another, "__defaults__", (pauses.append,))
    parent.wait_for_its_end(5, "posix")
    assert len(pauses) == 3
