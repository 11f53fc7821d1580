"""Bringing official bodies from Blender: the operators without a window, their panel, and the choice of bodies."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

import sam3db_blender
from native_runtime.models import manifest
from native_runtime.service.client import Event
from sam3db_blender import places
from sam3db_blender.files import bodies as body_files
from sam3db_blender.jobs import long as long_jobs
from sam3db_blender.jobs.bodies import BodyJob, slot
from sam3db_blender.properties.import_options import to_request
from sam3db_blender.scene.bodies import installed_body, levels_of
from sam3db_blender.ui.official_bodies import draw_official_bodies
from tests.support import layout
from tests.support.file_server import serving
from tests.support.official_release import write_release, zip_folder

PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a made-up release with levels 3 and 6."""
    folder = tmp_path_factory.mktemp("release")
    write_release(folder)
    return folder


@pytest.fixture(scope="module")
def archive(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return zip_folder(release, tmp_path_factory.mktemp("zip") / "assets.zip")


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The add-on with an empty models folder."""
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    sam3db_blender.register()
    yield tmp_path / "models"
    sam3db_blender.unregister()


def drawn() -> str:
    return layout.drawn(draw_official_bodies, 200)


def test_nothing_is_downloaded_without_online_access(models: Path) -> None:
    assert not bpy.app.online_access
    assert not bpy.ops.sam3db.download_official_body.poll()
    with serving(b"") as server:
        with pytest.raises(RuntimeError, match=r"may not use the network: switch on 'Allow Online Access'"):
            bpy.ops.sam3db.download_official_body(address=server.url)
        assert server.asked == []
    assert not models.exists()
    assert bpy.ops.sam3db.import_official_body.poll()


def test_downloading_in_the_background(models: Path, online: None, archive: Path) -> None:
    with serving(archive.read_bytes()) as server:
        assert bpy.ops.sam3db.download_official_body(address=server.address + "/latest") == {"FINISHED"}
        assert len(server.asked) == 1
    assert body_files.installed() == ["mhr-lod3", "mhr-lod6"]
    assert installed_body("mhr-lod6").name == "mhr-lod6"
    assert levels_of("mhr-lod3") == ["mhr-lod3", "mhr-lod6"]
    assert not slot.busy
    assert "Installed mhr-lod3, mhr-lod6" in drawn()


def test_a_failed_download_says_why(models: Path, online: None) -> None:
    with serving(b"", status=404) as server, pytest.raises(RuntimeError, match=r"no file at .*by hand"):
        bpy.ops.sam3db.download_official_body(address=server.url)
    assert "no file at" in drawn()
    assert body_files.installed() == []


@pytest.mark.parametrize("form", ["zip", "folder", "definition", "fbx"])
def test_importing_files(models: Path, release: Path, archive: Path, form: str) -> None:
    sources = {
        "zip": archive,
        "folder": f"{release}/",
        "definition": release / "compact_v6_1.model",
        "fbx": release / "lod6.fbx",
    }
    assert bpy.ops.sam3db.import_official_body(filepath=str(sources[form])) == {"FINISHED"}
    assert body_files.installed() == (["mhr-lod6"] if form == "fbx" else ["mhr-lod3", "mhr-lod6"])


def test_a_file_of_another_kind(models: Path, tmp_path: Path) -> None:
    other = tmp_path / "assets.zip"
    other.write_bytes(b"PK nothing")
    with pytest.raises(RuntimeError, match="damaged") as raised:
        bpy.ops.sam3db.import_official_body(filepath=str(other))
    assert len(str(raised.value).strip().splitlines()) == 1
    assert not (models / "bodies").exists()


def test_the_window_goes_on_while_a_download_runs_and_can_cancel_it(models: Path, online: None, archive: Path) -> None:
    content = archive.read_bytes()
    part = models / "sources" / "mhr-assets.zip.part"
    with serving(content, hold=threading.Event()) as server:
        slot.start("download_official", {"models": str(models), "url": server.url})
        end = time.monotonic() + PATIENCE_S
        while not (part.exists() and part.stat().st_size):
            start = time.monotonic()
            assert slot._tick() is not None
            assert time.monotonic() - start < 0.1
            assert time.monotonic() < end
            time.sleep(0.01)
        assert "[sam3db.cancel_body_import]" in drawn()
        assert "[sam3db.download_official_body]" not in drawn()
        with pytest.raises(RuntimeError, match="already being imported"):
            bpy.ops.sam3db.import_official_body(filepath=str(archive))
        assert bpy.ops.sam3db.cancel_body_import() == {"FINISHED"}
        assert "Cancelling" in drawn()
        while slot._tick() is not None:
            assert time.monotonic() < end
            time.sleep(0.01)
    assert slot.job is not None
    assert slot.job.state == "cancelled"
    assert "What has arrived is kept" in drawn()
    assert part.stat().st_size
    with pytest.raises(RuntimeError, match="No bodies are being imported"):
        bpy.ops.sam3db.cancel_body_import()


def test_switching_the_add_on_off_ends_the_download(
    models: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    windowed = SimpleNamespace(app=SimpleNamespace(background=False, timers=bpy.app.timers), context=bpy.context)
    monkeypatch.setattr(long_jobs, "bpy", windowed)
    with serving(archive.read_bytes(), hold=threading.Event()) as server:
        slot.start("download_official", {"models": str(models), "url": server.url})
        client = slot._client
        assert client is not None
        assert client.running
        assert bpy.app.timers.is_registered(slot._timer)
        slot.close()
        assert not client.running
        assert not bpy.app.timers.is_registered(slot._timer)
    assert slot.job is None


def test_licence_and_size_are_named_before_the_click(models: Path) -> None:
    text = drawn()
    assert text.index("Apache-2.0") < text.index("[sam3db.download_official_body]")
    assert "199 MB" in text
    tooltip = bpy.ops.sam3db.download_official_body.get_rna_type().description
    assert "Apache-2.0" in tooltip
    assert "199 MB" in tooltip


def test_installed_bodies_can_be_chosen(models: Path, release: Path) -> None:
    options = bpy.context.window_manager.sam3db
    assert options.body == "default"
    with pytest.raises(TypeError):
        options.body = "mhr-lod6"
    bpy.ops.sam3db.import_official_body(filepath=str(release))
    options.body = "mhr-lod6"
    assert to_request(options, Path("/p.jpg"), models).body == "mhr-lod6"
    # others that come do not change what was chosen
    folder = models / "bodies"
    (folder / "aaa.npz").write_bytes((folder / "mhr-lod6.npz").read_bytes())
    manifest.update(folder, {"aaa.npz": manifest.describe(folder / "aaa.npz")})
    assert options.body == "mhr-lod6"
    options.body = "aaa"
    (folder / manifest.NAME).unlink()
    assert to_request(options, Path("/p.jpg"), models).body == "default"


def test_bodies_are_never_put_into_the_extension(
    tmp_path: Path, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled, own = tmp_path / "extension" / "models", tmp_path / "user"
    (bundled / "bodies").mkdir(parents=True)
    manifest.write(bundled / "bodies", {})
    monkeypatch.setattr(places, "bundled_models", lambda: bundled)
    monkeypatch.setattr(places, "user_folder", lambda name: own / name)
    sam3db_blender.register()
    try:
        bpy.ops.sam3db.import_official_body(filepath=str(release))
    finally:
        sam3db_blender.unregister()
    assert [path.name for path in (bundled / "bodies").iterdir()] == [manifest.NAME]
    assert body_files.installed() == ["mhr-lod3", "mhr-lod6"]
    assert installed_body("mhr-lod6").name == "mhr-lod6"
    # the worker looks into one folder only, so it is told the file
    assert body_files.for_worker("mhr-lod6", bundled) == str(own / "models" / "bodies" / "mhr-lod6.npz")
    assert body_files.for_worker("default", bundled) == "default"


class _Client:
    """A client that has said all that it will say."""

    def __init__(self, *events: Event) -> None:
        self.events = list(events)

    def request(self, do: str, *, timeout_s: float | None = None, **keys: Any) -> int:
        return 1

    def poll(self) -> list[Event]:
        events, self.events = self.events, []
        return events

    def cancel(self, number: int) -> None: ...


def test_a_job_follows_its_events() -> None:
    client = _Client(Event(1, "status", text="Reading"), Event(1, "progress", value=0.5), Event(2, "done"))
    job = BodyJob(client, "import_official", {})
    assert not job.poll()
    assert (job.progress, job.summary) == (0.5, "Reading")
    client.events = [Event(1, "error", error="WorkerError", text="gone", detail="why")]
    assert job.poll()
    assert (job.state, job.summary, job.detail) == ("failed", "gone", "why")
