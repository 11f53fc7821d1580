"""Models that move to another folder, and models that are taken away: nothing is lost on the way."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from native_runtime.build.catalogue import list_models
from native_runtime.errors import DiskFullError, UsageError
from native_runtime.files import disks
from native_runtime.models import instanthmr, manifest, moving
from native_runtime.models.moving import move_models
from native_runtime.models.shelf import shelf, state_of
from native_runtime.models.shelf.removal import remove_installed
from native_runtime.models.shelf.state import installed_name
from tests.support.doctored import write_models

Usage = namedtuple("Usage", ["total", "used", "free"])


class StoppedError(Exception):
    """Somebody cancelled."""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return write_models(tmp_path / "models")


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def silent(share: float, text: str) -> None: ...


def test_a_folder_moves_as_a_whole(models: Path, tmp_path: Path) -> None:
    before, shares = content_of(models), []
    moved = move_models([models], tmp_path / "big disk" / "m", lambda share, text: shares.append(share), [models])
    assert content_of(moved.folder) == before
    assert not models.exists()
    assert moved.left == ()
    assert moved.size == sum(map(len, before.values()))
    assert shares == sorted(shares)
    assert all(status.state == "ok" for status in list_models(moved.folder))


def test_what_was_imported_comes_along_and_what_came_with_the_extension_stays(models: Path, tmp_path: Path) -> None:
    imported = tmp_path / "imported"
    (imported / "sam3d_body").mkdir(parents=True)
    (imported / "sam3d_body" / "encoder.onnx").write_bytes(b"large")
    (imported / "landmarks").mkdir()
    (imported / "landmarks" / "manifest.json").write_bytes(b"an older copy")
    before = content_of(models)
    move_models([models, imported], tmp_path / "new", silent, [imported])
    assert content_of(models) == before
    assert not imported.exists()
    assert content_of(tmp_path / "new") == before | {"sam3d_body/encoder.onnx": b"large"}


def test_a_move_that_is_stopped_leaves_everything(models: Path, tmp_path: Path) -> None:
    before = content_of(models)

    def stop(share: float, text: str) -> None:
        if share > 0.5:
            raise StoppedError

    with pytest.raises(StoppedError):
        move_models([models], tmp_path / "new", stop, [models])
    assert content_of(models) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models"]


def test_a_disk_that_writes_something_else_is_noticed(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content_of(models)
    stat = shutil.copystat

    def spoil(source: Path, target: Path) -> None:
        stat(source, target)
        if target.name == "face_sex.onnx":
            target.write_bytes(b"?" * target.stat().st_size)

    monkeypatch.setattr(moving.shutil, "copystat", spoil)
    with pytest.raises(OSError, match="differs"):
        move_models([models], tmp_path / "new", silent, [models])
    assert content_of(models) == before
    assert not (tmp_path / "new").exists()


def test_a_full_disk_is_told_before_anything_is_copied(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disks.shutil, "disk_usage", lambda path: Usage(0, 0, 1000))
    with pytest.raises(DiskFullError, match="Free some space, or choose another disk"):
        move_models([models], tmp_path / "new", silent, [models])


@pytest.mark.parametrize("place", ["models", "models/within", ".", "full"])
def test_folders_that_will_not_do(models: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "holiday.jpg").touch()
    before = content_of(tmp_path)
    with pytest.raises(UsageError, match="Choose"):
        move_models([models], tmp_path / place, silent, [models])
    assert content_of(tmp_path) == before


def test_one_of_two_networks_is_removed(tmp_path: Path) -> None:
    items = [item for item in shelf().values() if item.engine == "instanthmr"][:2]
    folder = tmp_path / "instanthmr"
    folder.mkdir()
    for item in items:
        (folder / f"{installed_name(item)}.onnx").write_bytes(bytes(1000))
    files = {path.name: manifest.describe(path) for path in sorted(folder.glob("*.onnx"))}
    manifest.write(folder, files, chosen=installed_name(items[0]))
    assert remove_installed(items[0], tmp_path) == 1000
    assert state_of(items[0], tmp_path).state == "absent"
    assert state_of(items[1], tmp_path).state == "ready"
    assert instanthmr.used_network(tmp_path).name == installed_name(items[1])
    assert remove_installed(items[1], tmp_path) == 1000
    assert not folder.exists()
    assert remove_installed(items[1], tmp_path) == 0


def test_a_converted_model_is_removed_and_its_downloads_stay(tmp_path: Path) -> None:
    item = shelf()["sam3d_body"]
    (tmp_path / "sam3d_body").mkdir()
    (tmp_path / "sam3d_body" / "encoder.onnx").write_bytes(bytes(5000))
    entry = manifest.describe(tmp_path / "sam3d_body" / "encoder.onnx")
    manifest.write(tmp_path / "sam3d_body", {"encoder.onnx": entry}, variant=installed_name(item), precision="int8")
    downloads = tmp_path / "sources" / item.folder
    downloads.mkdir(parents=True)
    (downloads / "model.ckpt").write_bytes(bytes(7))
    assert remove_installed(item, tmp_path) == 5000
    assert state_of(item, tmp_path).downloaded == 7
