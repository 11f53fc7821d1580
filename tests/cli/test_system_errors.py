"""What the system refuses is told in plain words, with the place and what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from native_runtime.cli.console import describe
from native_runtime.files import system_errors
from native_runtime.files.system_errors import readable


def refused(number: int, path: Path, target: Path | None = None) -> OSError:
    return OSError(number, os.strerror(number), str(path), None, None if target is None else str(target))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "may not be written to"),
        (errno.EROFS, "read-only"),
        (errno.ENOSPC, "is full. Free some space"),
        (errno.ENAMETOOLONG, "Choose a shorter one"),
        (errno.EISDIR, "but a file is needed"),
        (errno.ENOTDIR, "not a folder"),
        (errno.EIO, "does not respond"),
        (errno.EBUSY, "in use by another program"),
        (errno.EXDEV, "Choose another place"),
    ],
)
def test_every_refusal_names_the_place_and_a_remedy(tmp_path: Path, number: int, words: str) -> None:
    text = describe(refused(number, tmp_path / ".a.npz.part"))["text"]
    assert words in text
    assert str(tmp_path) in text
    assert "unexpected error" not in text
    assert "Errno" not in text


def test_a_full_disk_is_one_by_name(tmp_path: Path) -> None:
    assert describe(refused(errno.ENOSPC, tmp_path))["kind"] == "DiskFullError"
    assert describe(refused(errno.EACCES, tmp_path))["kind"] == "FileError"


def test_a_file_in_a_folder_that_may_be_written_to_is_named_itself(tmp_path: Path) -> None:
    (tmp_path / "a.blend").write_text("")
    assert "The file" in str(readable(refused(errno.EACCES, tmp_path / "a.blend")))


def test_of_a_rename_the_target_is_named(tmp_path: Path) -> None:
    text = str(readable(refused(errno.EISDIR, tmp_path / "part", tmp_path / "result.npz")))
    assert "result.npz" in text


def test_an_error_without_a_place_still_says_something() -> None:
    assert "No buffer space" in str(readable(OSError(errno.ENOBUFS, "No buffer space available")))


def test_a_path_that_is_too_long_for_windows_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Windows itself says that there is no such file."""
    monkeypatch.setattr(system_errors._is_too_long, "__defaults__", ("nt",))
    far = tmp_path / ("long " * 60) / "network.onnx"
    text = str(readable(refused(errno.ENOENT, far)))
    assert f"the path has {len(str(far))} characters, and Windows allows 259" in text
    assert "Models Folder" in text
    assert "no such file" in str(readable(refused(errno.ENOENT, tmp_path / "near")))
