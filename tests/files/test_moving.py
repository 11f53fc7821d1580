"""Renames wait for scanners on Windows, and only there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from native_runtime.files import moving
from native_runtime.files.atomic import write_atomically
from native_runtime.files.moving import replace


@pytest.fixture
def scanned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A scanner that has each file open for three tries; the list counts them."""
    tries, really = [], os.replace

    def held(source: object, target: object) -> None:
        tries.append(len(tries))
        if len(tries) <= 3:
            raise PermissionError(13, "The process cannot access the file", str(source))
        really(source, target)  # type: ignore[arg-type]

    monkeypatch.setattr(moving.os, "replace", held)
    monkeypatch.setattr(moving.time, "sleep", lambda seconds: None)
    return tries


def test_a_scanner_is_waited_for(tmp_path: Path, scanned: list[int]) -> None:
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")
    replace(tmp_path / "new", tmp_path / "old", system="nt")
    assert (tmp_path / "old").read_text() == "new"
    assert len(scanned) == 4


def test_a_file_that_stays_open_is_an_error(tmp_path: Path, scanned: list[int]) -> None:
    (tmp_path / "new").write_text("new")
    with pytest.raises(PermissionError):
        replace(tmp_path / "new", tmp_path / "old", waits=(0.0, 0.0), system="nt")
    assert (tmp_path / "new").exists()


def test_elsewhere_a_refusal_is_final(tmp_path: Path, scanned: list[int]) -> None:
    (tmp_path / "new").write_text("new")
    with pytest.raises(PermissionError):
        replace(tmp_path / "new", tmp_path / "old", system="posix")
    assert len(scanned) == 1


def test_atomic_files_wait(tmp_path: Path, scanned: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replace, "__defaults__", (moving.WAITS_S, "nt"))
    write_atomically(tmp_path / "file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"
    assert len(scanned) == 4
