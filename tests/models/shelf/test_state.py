"""How things stand with an item, by manifests and sizes alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from native_runtime.models import manifest
from native_runtime.models.download.part import Part
from native_runtime.models.shelf import RemoteFile, ShelfItem, shelf, state_of
from native_runtime.models.shelf.state import downloads_folder


@pytest.fixture
def item() -> ShelfItem:
    files = (RemoteFile("a.ckpt", 1000, None, "checkpoint"), RemoteFile("assets/b.pt", 500, None, "rig"))
    known = shelf()["sam3d_body"]
    return replace(known, sources=(replace(known.sources[0], files=files),))


def put(folder: Path, name: str, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    manifest.update(folder, {name: manifest.describe(folder / name)})


def test_a_part_with_gaps_counts_as_what_has_arrived(item: ShelfItem, tmp_path: Path) -> None:
    assert state_of(item, tmp_path).state == "absent"
    folder = downloads_folder(item, tmp_path)
    folder.mkdir(parents=True)
    part = Part(folder / "a.ckpt")
    part.begin("u", "v", in_ranges=True)
    part.path.write_bytes(bytes(1000))
    assert (state_of(item, tmp_path).state, state_of(item, tmp_path).bytes_there) == ("absent", 0)
    part.keep("u", "v", [(0, 10), (900, 1000)])
    state = state_of(item, tmp_path)
    assert (state.state, state.bytes_there) == ("partly", 110)
    assert [(needs.name, needs.size) for needs in state.missing] == [("a.ckpt", 1000), ("b.pt", 500)]


def test_what_is_listed_and_whole_is_downloaded(item: ShelfItem, tmp_path: Path) -> None:
    folder = downloads_folder(item, tmp_path)
    put(folder, "a.ckpt", bytes(1000))
    assert [needs.name for needs in state_of(item, tmp_path).missing] == ["b.pt"]
    put(folder, "b.pt", bytes(500))
    assert (state_of(item, tmp_path).state, state_of(item, tmp_path).bytes_there) == ("downloaded", 1500)
    (folder / "b.pt").write_bytes(b"short")
    assert state_of(item, tmp_path).state == "partly"
    (folder / "manifest.json").write_text("{")
    assert state_of(item, tmp_path).state == "partly"


def test_the_other_variant_is_not_this_one(item: ShelfItem, tmp_path: Path) -> None:
    put(tmp_path / "sam3d_body", "encoder.onnx", b"x")
    manifest.update(tmp_path / "sam3d_body", {}, variant="vith", precision="int8")
    assert state_of(item, tmp_path).state == "absent"
    assert state_of(shelf()["sam3d_body_vith"], tmp_path).state == "ready"
    manifest.update(tmp_path / "sam3d_body", {}, variant="dinov3", source={"terms": ["sam"], "used_commercially": True})
    state = state_of(item, tmp_path)
    assert (state.state, state.detail, state.terms, state.commercial) == ("ready", "int8", ("sam",), True)
    (tmp_path / "sam3d_body" / "manifest.json").write_text("{")
    assert state_of(item, tmp_path).state == "broken"


def test_official_bodies_are_those_that_were_imported(tmp_path: Path) -> None:
    put(tmp_path / "bodies", "default.npz", b"x")
    put(tmp_path / "bodies", "mhr-lod1.npz", b"x")  # made by a conversion
    assert state_of(shelf()["mhr"], tmp_path).state == "absent"
    entry = manifest.describe(tmp_path / "bodies" / "mhr-lod1.npz", command=manifest.IMPORT_COMMAND)
    manifest.update(tmp_path / "bodies", {"mhr-lod1.npz": entry})
    assert state_of(shelf()["mhr"], tmp_path).state == "ready"
