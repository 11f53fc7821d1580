"""Free space is told for paths that do not exist yet, by the disk that will take them."""

from __future__ import annotations

import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from native_runtime.files.disks import free_bytes, nearest_existing

Usage = namedtuple("Usage", ["total", "used", "free"])


def test_the_nearest_folder_that_exists(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    assert nearest_existing(tmp_path / "there") == tmp_path / "there"
    assert nearest_existing(tmp_path / "there" / "not" / "yet") == tmp_path / "there"


def test_what_does_not_exist_is_told_by_its_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(shutil, "disk_usage", lambda path: asked.append(Path(path)) or Usage(0, 0, 17))
    assert free_bytes(tmp_path / "models" / "bodies") == 17
    assert asked == [tmp_path]
    assert not os.listdir(tmp_path)
