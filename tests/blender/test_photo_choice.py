"""Which photo: the latest ones, the clipboard's, and what the panel says of the bundled engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.errors import Sam3dbError
from native_runtime.image.reading import read_photo
from native_runtime.models import store
from sam3db_blender import places
from sam3db_blender.files import recent_photos
from sam3db_blender.jobs import engine_check
from sam3db_blender.operators import photo


@pytest.fixture
def add_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The add-on, writing below ``tmp_path``."""

    def folder(name: str) -> Path:
        (tmp_path / name).mkdir(exist_ok=True)
        return tmp_path / name

    monkeypatch.setattr(places, "user_folder", folder)
    sam3db_blender.register()
    yield
    sam3db_blender.unregister()


def _photos(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{number}.jpg" for number in range(count)]
    for path in paths:
        path.touch()
    return paths


def test_recent_photos_are_those_that_exist_the_newest_first(add_on: None, tmp_path: Path) -> None:
    assert recent_photos.recent() == []
    paths = _photos(tmp_path, recent_photos.COUNT + 2)
    for path in paths:
        recent_photos.remember(path)
    recent_photos.remember(paths[5])
    expected = [paths[5], *(path for path in reversed(paths[2:]) if path != paths[5])]
    assert recent_photos.recent() == expected
    paths[7].unlink()
    assert recent_photos.recent() == [path for path in expected if path != paths[7]]


@pytest.mark.parametrize("content", [b"", b"[1, null]", b"{", b"7", b"\xff\xfe"])
def test_a_damaged_list_is_an_empty_one(add_on: None, tmp_path: Path, content: bytes) -> None:
    (places.user_folder("recent") / "photos.json").write_bytes(content)
    assert recent_photos.recent() == []
    (path,) = _photos(tmp_path, 1)
    recent_photos.remember(path)
    assert recent_photos.recent() == [path]


def test_choosing_a_recent_photo(add_on: None) -> None:
    bpy.ops.sam3db.choose_photo(filepath="/somewhere/a.jpg")
    assert bpy.context.window_manager.sam3db.photo == "/somewhere/a.jpg"


def test_without_a_clipboard_the_button_says_why(add_on: None) -> None:
    with pytest.raises(RuntimeError, match=r"clipboard|window"):
        bpy.ops.sam3db.paste_photo()


def test_a_pasted_picture_becomes_a_file(add_on: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but Blender's own reading of the clipboard, of which a process without a window has none."""
    pixels = np.random.default_rng(4).integers(0, 255, (12, 16, 3), np.uint8)

    def paste(context: bpy.types.Context) -> None:
        image = bpy.data.images.new("Clipboard", 16, 12)
        rgba = np.dstack([pixels, np.full((12, 16), 255)])[::-1] / 255.0
        image.pixels.foreach_set(rgba.astype(np.float32).ravel())  # type: ignore[attr-defined]

    monkeypatch.setattr(photo, "_paste", paste)
    first = photo.save_pasted(photo.pasted_image(bpy.context))
    again = photo.save_pasted(photo.pasted_image(bpy.context))
    assert first == again
    assert np.abs(read_photo(first).pixels.astype(int) - pixels).max() <= 1
    assert sorted(path.name for path in first.parent.iterdir()) == [first.name]


def test_an_empty_clipboard_is_told(add_on: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo, "_paste", lambda context: None)
    with pytest.raises(Sam3dbError, match="no picture on the clipboard"):
        photo.pasted_image(bpy.context)


def test_the_bundled_engine_is_checked(add_on: None) -> None:
    if not (store.models_dir() / store.NETWORKS_FOLDER).is_dir():
        pytest.skip("no networks: run `sam3db models build` (make models)")
    assert engine_check.networks_installed()
    assert bpy.ops.sam3db.check_landmarks() == {"FINISHED"}
    assert engine_check.slot.job is not None
    assert "processor" in engine_check.slot.job.summary.lower() or "on " in engine_check.slot.job.summary


def test_missing_networks_are_seen(add_on: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path)
    assert not engine_check.networks_installed()
    with pytest.raises(RuntimeError, match=r"(?i)landmark|network"):
        bpy.ops.sam3db.check_landmarks()
