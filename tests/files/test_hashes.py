"""Hashes that outlive the process: what is hashed again, and what is not."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from native_runtime.errors import ModelError
from native_runtime.files import hashes
from native_runtime.files.folders import user_cache
from native_runtime.models import manifest


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model file that counts as large, in a folder with a manifest; the user's cache is empty."""
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(variable, str(tmp_path / "cache"))
    monkeypatch.setattr(hashes, "SMALLEST", 4)
    path = tmp_path / "models" / "net.weights"
    path.parent.mkdir()
    path.write_bytes(b"weights")
    manifest.write(path.parent, {path.name: manifest.describe(path)})
    return path


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read to be hashed, by what stands for a new process."""
    names: list[str] = []
    real = hashes.hashlib.file_digest

    def digest(file, kind):  # type: ignore[no-untyped-def]
        names.append(Path(file.name).name)
        return real(file, kind)

    monkeypatch.setattr(hashes.hashlib, "file_digest", digest)
    hashes._sha256.cache_clear()
    return names


def test_an_untouched_file_is_not_read_again(weights: Path, hashed: list[str]) -> None:
    assert manifest.verified_path(weights.parent, weights.name) == weights
    assert set(manifest.verify(weights.parent)["files"]) == {weights.name}
    assert hashed == []


def test_a_thorough_check_always_reads(weights: Path, hashed: list[str]) -> None:
    content = manifest.read(weights.parent)
    assert manifest.fault(weights.parent, weights.name, content["files"][weights.name]) is None
    assert hashed == [weights.name]


def test_damage_of_the_same_size_and_date_is_seen(weights: Path, hashed: list[str]) -> None:
    before = weights.stat()
    weights.write_bytes(b"WEIGHTS")
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(ModelError, match="damaged"):
        manifest.verify(weights.parent)
    assert hashed == [weights.name]


def test_a_copied_folder_brings_no_trust_along(weights: Path, hashed: list[str], tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(weights.parent, copy)
    manifest.verify(copy)
    assert hashed == [weights.name]
    assert [path.name for path in sorted(copy.iterdir())] == ["manifest.json", "net.weights"]


def test_a_folder_moved_as_a_whole_is_not_read_again(weights: Path, hashed: list[str], tmp_path: Path) -> None:
    moved = weights.parent.rename(tmp_path / "elsewhere")
    manifest.verify(moved)
    assert hashed == []


@pytest.mark.parametrize("content", ["", "[]", "{", '{"PLACE": 3}', '{"PLACE": []}', '{"PLACE": [1, 2, 3, "a"]}'])
def test_a_damaged_memory_is_no_memory(weights: Path, hashed: list[str], content: str) -> None:
    (place,) = json.loads((user_cache() / "hashes.json").read_text())["files"]
    (user_cache() / "hashes.json").write_text(content.replace("PLACE", place))
    manifest.verify(weights.parent)
    assert hashed == [weights.name]


def test_the_oldest_are_forgotten(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashes, "_KEPT", 2)
    others = [weights.with_name(f"{number}.weights") for number in range(2)]
    for other in others:
        other.write_bytes(b"others")
        manifest.describe(other)
    assert hashes.recall(weights) is None
    assert all(hashes.recall(other) == hashes.sha256_of(other) for other in others)


def test_a_cache_that_cannot_be_written_costs_only_time(weights: Path, tmp_path: Path) -> None:
    (user_cache() / "hashes.json").unlink()
    (user_cache() / "hashes.json").mkdir()
    other = weights.with_name("other.weights")
    other.write_bytes(b"others")
    assert manifest.describe(other)
    assert hashes.recall(other) is None
