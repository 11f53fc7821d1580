"""The panel "Batch" and its operators, with an engine that sees no picture and a Blender that builds."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")
pytestmark = [pytest.mark.bpy, pytest.mark.models]

Add = Callable[..., Path]


@pytest.fixture
def batch(
    models: Path, blender_factory: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: Path
) -> Iterator[Any]:
    """The panel's settings, of an add-on that was just registered."""
    import sam3db_blender
    from native_runtime.service import client as service_client
    from native_runtime.service.client import WorkerClient
    from sam3db_blender import places

    posed = functools.partial(WorkerClient, engines="tests.blender.posed_engine")
    monkeypatch.setattr(service_client, "WorkerClient", posed)
    paths = places.worker_paths()
    monkeypatch.setattr(places, "worker_paths", lambda: [repository, *paths])
    sam3db_blender.register()
    window_manager = bpy.context.window_manager
    window_manager.sam3db.body = "default-lod2"
    window_manager.sam3db.texture = False
    settings = window_manager.sam3db_batch
    settings.folder, settings.out = str(tmp_path / "photos"), str(tmp_path / "out")
    settings.previews = {"shaded"}
    yield settings
    sam3db_blender.unregister()


def drawn() -> str:
    from sam3db_blender.ui.batch_panel import draw_batch
    from tests.support import layout

    return layout.drawn(draw_batch, bpy.context.window_manager, 60)


def test_a_folder_becomes_characters(batch: Any, tmp_path: Path, add_photo: Add) -> None:
    add_photo(tmp_path / "photos" / "sub" / "a.png")
    add_photo(tmp_path / "photos" / "nobody.png")
    assert bpy.ops.sam3db.run_batch() == {"FINISHED"}
    assert (tmp_path / "out" / "sub" / "a_person0.blend").is_file()
    assert (tmp_path / "out" / "sub" / "a_person0_shaded.jpg").is_file()
    shown = drawn()
    assert "1 of 2 photos are done; 1 failed" in shown
    assert "nobody.png" in shown
    assert "[wm.path_open] Open Folder" in shown
    assert "[sam3db.run_batch]" in shown


def test_a_batch_can_be_cancelled_and_started_again(batch: Any, tmp_path: Path, add_photo: Add) -> None:
    from native_runtime.pipeline.decoding import encode
    from sam3db_blender.jobs.batch import slot
    from sam3db_blender.operators.batch import batch_request

    for number in range(3):
        add_photo(tmp_path / "photos" / f"{number}.png")
    assert not bpy.ops.sam3db.cancel_batch.poll()
    job = slot.start("batch", encode(batch_request(batch, bpy.context.window_manager.sam3db)))
    assert not bpy.ops.sam3db.run_batch.poll()
    give_up = time.monotonic() + 60
    while job.progress == 0.0 and not slot.step():
        assert time.monotonic() < give_up
        time.sleep(0.01)
    assert "of 3 photos" in drawn()
    assert "[sam3db.cancel_batch]" in drawn()
    assert bpy.ops.sam3db.cancel_batch() == {"FINISHED"}
    slot.wait()
    assert job.state == "cancelled"
    assert "start again to\ncontinue" in drawn()
    assert not list((tmp_path / "out").glob(".batch-part*"))
    assert bpy.ops.sam3db.run_batch() == {"FINISHED"}
    assert "3 of 3 photos are done" in drawn()


def test_a_batch_needs_its_folders(batch: Any, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no folder"):
        bpy.ops.sam3db.run_batch()
    batch.out = ""
    with pytest.raises(RuntimeError, match="Choose a folder for the results"):
        bpy.ops.sam3db.run_batch()
