"""The manifest under interruption, and the lock."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from native_runtime.batch.lock import FolderLock
from native_runtime.batch.manifest import Head, Manifest, read_records
from native_runtime.batch.record import Fault, FileState, Record, Stage
from native_runtime.errors import UsageError

HEAD = Head("/photos", {"engine": "landmarks"}, "2026-01-01T00:00:00+00:00")


def record(photo: str, changed: str = "1", **fields: Any) -> Record:
    stage = Stage("f" * 32, "f" * 32, {f"{photo}.npz": FileState(5, 6, "ab")}, 1.5, ("a note",))
    return Record(photo, photo, FileState(1, 2, "cd"), stages={"estimate": stage}, changed=changed, **fields)


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    written = [
        record("a.jpg", state="done", image_size=(3, 4), found=2, people=({"person": 0, "warnings": []},)),
        record("b\udce4.jpg", state="failed", fault=Fault("PhotoError", "It is no photo.", "e")),
        Record("new.jpg", "new"),
    ]
    manifest = Manifest(tmp_path / "manifest.jsonl", HEAD)
    for entry in written:
        manifest.append(entry)
    manifest.close()
    assert list(read_records([manifest.path]).values()) == written


def test_a_torn_line_is_no_line_wherever_it_was_cut(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "manifest.jsonl", HEAD)
    manifest.append(record("a.jpg"))
    before = manifest.path.stat().st_size
    manifest.append(record("b.jpg"))
    manifest.close()
    whole = manifest.path.read_bytes()
    for cut in (before, before + 1, before + 40, len(whole) - 1):
        manifest.path.write_bytes(whole[:cut])
        assert list(read_records([manifest.path])) == ["a.jpg"]
        again = Manifest(manifest.path, HEAD)
        again.append(record("c.jpg"))
        again.close()
        assert list(read_records([manifest.path])) == ["a.jpg", "c.jpg"]


def test_damaged_lines_cost_only_their_photos(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "manifest.jsonl", HEAD)
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        manifest.append(record(name))
    manifest.close()
    head, a, b, c = manifest.path.read_bytes().splitlines(keepends=True)
    for bad in (b"\0" * 99 + b"\n", b.replace(b'"begun"', b'"perhaps"'), b"[1]\n", b'{"photo": 7}\n', b[:-20] + b"\n"):
        manifest.path.write_bytes(head + a + bad + c)
        assert sorted(read_records([manifest.path])) == ["a.jpg", "c.jpg"]


def test_the_newest_word_counts_whichever_manifest_holds_it(tmp_path: Path) -> None:
    for name, changed in (("manifest-1-of-2.jsonl", "2026-02"), ("manifest.jsonl", "2026-01")):
        manifest = Manifest(tmp_path / name, HEAD)
        manifest.append(record("a.jpg", changed))
        manifest.close()
    assert read_records(sorted(tmp_path.glob("*.jsonl")))["a.jpg"].changed == "2026-02"


def test_a_full_disk_leaves_the_manifest_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = Manifest(tmp_path / "manifest.jsonl", HEAD)
    manifest.append(record("a.jpg"))
    before = manifest.path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            manifest.append(record("b.jpg"))
        assert manifest.path.read_bytes() == before
        with pytest.raises(OSError, match="No space"):
            manifest.finish([record("c.jpg")])
    assert manifest.path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [manifest.path]
    manifest.append(record("d.jpg"))
    manifest.close()
    assert list(read_records([manifest.path])) == ["a.jpg", "d.jpg"]


def test_at_the_end_each_photo_has_one_line(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "manifest.jsonl", HEAD)
    for _ in range(3):
        manifest.append(record("b.jpg"))
    manifest.finish([record("a.jpg"), record("b.jpg")])
    assert manifest.path.read_bytes().count(b"\n") == 3
    assert list(read_records([manifest.path])) == ["a.jpg", "b.jpg"]


def test_one_run_at_a_time(tmp_path: Path) -> None:
    with FolderLock(tmp_path), pytest.raises(UsageError, match="Another batch"), FolderLock(tmp_path):
        pass
    with FolderLock(tmp_path):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="Python knows no shared locks there")
def test_parts_work_together_but_not_with_the_whole(tmp_path: Path) -> None:
    with FolderLock(tmp_path, 1, 2), FolderLock(tmp_path, 2, 2):
        for parts in ((1, 2), (1, 1)):
            with pytest.raises(UsageError, match="Another batch"), FolderLock(tmp_path, *parts):
                pass


def test_the_lock_of_a_dead_process_is_nobodys(tmp_path: Path, repository: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from native_runtime.batch.lock import FolderLock\n"
        f"with FolderLock(Path({str(tmp_path)!r})): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=repository) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match="Another batch"), FolderLock(tmp_path):
            pass
        holder.kill()
        holder.wait()
    with FolderLock(tmp_path):
        pass
