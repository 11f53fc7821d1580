"""The panel "Submit to Farm" and its operators, with a Manager on this machine."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from native_runtime.farm.flamenco import job_type
from tests.support.farm_jobs import Album
from tests.support.flamenco_manager import Farm, flamenco

bpy = pytest.importorskip("bpy")
pytestmark = [pytest.mark.bpy, pytest.mark.models]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The extension's preferences, where it is installed."""
    from sam3db_blender.properties import farm

    known = SimpleNamespace(farm="flamenco", farm_manager="")
    monkeypatch.setattr(farm, "farm_settings", lambda: known)
    monkeypatch.delenv("SAM3DB_FLAMENCO", raising=False)
    return known


@pytest.fixture
def panel(
    models: Path, blender_factory: None, album: Album, settings: SimpleNamespace, monkeypatch: pytest.MonkeyPatch,
    repository: Path,
) -> Iterator[Any]:  # fmt: skip
    """The panel's settings, of an add-on that was just registered."""
    import sam3db_blender
    from sam3db_blender import places

    paths = places.worker_paths()
    monkeypatch.setattr(places, "worker_paths", lambda: [repository, *paths])
    monkeypatch.setattr(places, "models_folder", lambda: models)
    sam3db_blender.register()
    batch = bpy.context.window_manager.sam3db_batch
    batch.folder, batch.out = str(album.folder), str(album.out)
    bpy.context.window_manager.sam3db.engine = "landmarks"
    album.fill(5)
    yield bpy.context.window_manager.sam3db_farm
    sam3db_blender.unregister()


@pytest.fixture
def manager(settings: SimpleNamespace) -> Iterator[Farm]:
    with flamenco(at_once=True) as farm:
        settings.farm_manager = farm.address
        yield farm
    assert farm.broken == []


def drawn() -> str:
    from sam3db_blender.ui.farm_panel import draw_farm
    from tests.support import layout

    return layout.drawn(draw_farm, bpy.context.window_manager, 60)


def refusal() -> str:
    with pytest.raises(RuntimeError) as raised:
        bpy.ops.sam3db.submit_batch()
    return str(raised.value)


def test_a_batch_is_handed_in_and_watched(
    panel: Any, manager: Farm, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sam3db_blender.operators import batch as batch_operators
    from sam3db_blender.properties.import_options import converted

    panel.photos_per_task, panel.title, panel.priority = 2, "{blender} fête", 80
    bpy.context.window_manager.sam3db_batch.previews = {"wire"}
    monkeypatch.setattr(batch_operators, "converted", lambda *given: {**converted(*given), "providers": ["cuda"]})
    assert not bpy.app.online_access  # a Manager on this machine is no network
    assert bpy.ops.sam3db.submit_batch() == {"FINISHED"}
    ((stored, _),) = manager.jobs.values()
    sent = stored["settings"]
    assert (stored["name"], stored["priority"]) == ("{blender} fête", 80)
    assert (sent["folder"], sent["out"], sent["tasks"], sent["previews"]) == (
        str(album.folder),
        str(album.out),
        3,
        "wire",
    )
    assert "models" not in sent  # those of this Blender's extension are no worker's
    assert "--provider" not in sent["options"]  # nor is its graphics card
    shown = drawn()
    assert "The farm is done: 5 photos in 3 tasks," in shown
    assert "[wm.url_open] Open in Browser" in shown
    assert "[sam3db.submit_batch] Submit" in shown


def test_what_the_manager_says_is_shown(panel: Any, manager: Farm) -> None:
    manager.scripts.clear()
    with pytest.raises(RuntimeError, match="no job type"):
        bpy.ops.sam3db.submit_batch()
    assert "with 'Write Job Type'" in drawn().replace("\n", " ")
    assert manager.jobs == {}


def test_watching_can_be_stopped_and_the_job_goes_on(panel: Any, manager: Farm) -> None:
    from native_runtime.pipeline.decoding import encode
    from sam3db_blender.jobs.farm import slot
    from sam3db_blender.operators.farm import submit_request

    manager.at_once, manager.status = False, "active"
    state = bpy.context.window_manager
    job = slot.start("submit_batch", encode(submit_request(state.sam3db_batch, state.sam3db, panel)))
    assert not bpy.ops.sam3db.submit_batch.poll()
    give_up = time.monotonic() + 60
    while "On the farm, active" not in job.status and not slot.step():
        assert time.monotonic() < give_up
        time.sleep(0.01)
    assert "[sam3db.stop_watching]" in drawn()
    assert "[wm.url_open] Open Flamenco" in drawn()
    assert bpy.ops.sam3db.stop_watching() == {"FINISHED"}
    slot.wait()
    assert job.state == "cancelled"
    assert "goes on on the farm" in drawn().replace("\n", " ")
    assert len(manager.jobs) == 1


def test_the_button_says_what_is_missing(
    panel: Any, settings: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "where the Flamenco Manager is" in refusal()
    monkeypatch.setenv("SAM3DB_FLAMENCO", "ftp://farm")
    assert "no address" in refusal()
    settings.farm_manager = "farm:8080"
    assert not bpy.app.online_access
    assert "may not use the network" in refusal()
    settings.farm = "openjd"
    assert "job bundle" in refusal()
    bpy.context.window_manager.sam3db_batch.folder = ""
    assert "folder of the photos" in refusal()


def test_a_job_bundle_is_written(panel: Any, settings: SimpleNamespace, tmp_path: Path, album: Album) -> None:
    settings.farm, panel.bundle, panel.models = "openjd", str(tmp_path / "job"), str(tmp_path)
    assert bpy.ops.sam3db.submit_batch() == {"FINISHED"}
    values = json.loads((tmp_path / "job" / "parameters.json").read_text())
    assert (values["Photos"], values["Models"], values["Program"]) == (str(album.folder), str(tmp_path), "blender")
    assert "The job is written: 5 photos in 1 task," in drawn()


def test_the_job_types_file_is_written(panel: Any, tmp_path: Path) -> None:
    assert bpy.ops.sam3db.write_job_type(directory=str(tmp_path)) == {"FINISHED"}
    assert (tmp_path / job_type.FILE).read_text() == job_type.source()
    (tmp_path / "file").touch()
    with pytest.raises(RuntimeError, match="cannot be written"):
        bpy.ops.sam3db.write_job_type(directory=str(tmp_path / "file"))
