"""SAM 3D Body from Blender: download and conversion without a window, the panels, and what a worker is asked."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.build.sam3d_body_download import CHECKPOINT, LICENCE_POINTS, MHR_MODEL, sources_folder
from native_runtime.models import manifest
from native_runtime.pipeline.requests import EstimateRequest
from native_runtime.service.client import Event
from sam3db_blender import places
from sam3db_blender.files import sam3d_body as sam3d_body_files
from sam3db_blender.files import shelf as shelf_files
from sam3db_blender.jobs import long as long_jobs
from sam3db_blender.jobs import worker as jobs
from sam3db_blender.jobs.photo import ImportJob
from sam3db_blender.jobs.sam3d_body import EngineCheck, Sam3dBodyJob, check_slot, slot
from sam3db_blender.operators.sam3d_body import SAM3DB_OT_download_sam3d_body
from sam3db_blender.preferences import _PROVIDERS
from sam3db_blender.properties import secret
from sam3db_blender.properties.import_options import to_request
from sam3db_blender.ui.import_options import draw_options
from sam3db_blender.ui.sam3d_body import draw_sam3d_body
from tests.support.hub import TOKEN, hub
from tests.support.layout import Layout, drawn

PATIENCE_S = 30.0
FILES = {CHECKPOINT: np.random.default_rng(0).bytes(400_000), f"assets/{MHR_MODEL}": b"mhr" * 1000}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The add-on with an empty models folder, on a machine without a token."""
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no token"))
    sam3db_blender.register()
    yield tmp_path / "models"
    sam3db_blender.unregister()


def panel() -> str:
    return drawn(draw_sam3d_body, 200)


def install(models: Path, body: bool = True, **facts: Any) -> None:
    """Lists a converted model as the converter does."""
    folder = models / "sam3d_body"
    folder.mkdir(parents=True)
    (folder / "encoder.onnx").write_bytes(bytes(1000))
    files = {"encoder.onnx": manifest.describe(folder / "encoder.onnx")}
    manifest.write(folder, files, variant="dinov3", precision="int8", **facts)
    if body:
        (models / "bodies").mkdir()
        (models / "bodies" / "mhr-lod1.npz").write_bytes(b"a body")
        manifest.write(models / "bodies", {"mhr-lod1.npz": manifest.describe(models / "bodies" / "mhr-lod1.npz")})


def test_nothing_is_downloaded_without_online_access(models: Path) -> None:
    with hub(FILES) as service:
        with pytest.raises(RuntimeError, match=r"may not use the network: switch on .*with your browser"):
            bpy.ops.sam3db.download_sam3d_body(variant="vith", accepted=True, service=service.address)
        assert service.asked == []
    assert bpy.ops.sam3db.convert_sam3d_body.poll()
    assert not models.exists()


def test_nothing_is_downloaded_before_the_licence_is_accepted(models: Path, online: None) -> None:
    with hub(FILES) as service:
        for _ in range(2):  # nor is an earlier consent remembered
            with pytest.raises(RuntimeError, match=r"Read the SAM License first"):
                bpy.ops.sam3db.download_sam3d_body(variant="vith", service=service.address)
            assert service.asked == []
            secret.keep(TOKEN)
            bpy.ops.sam3db.download_sam3d_body(variant="vith", accepted=True, service=service.address)
            service.asked.clear()


def test_the_dialog_shows_licence_size_place_and_pages_before_anything_else(models: Path) -> None:
    class Dialog:
        variant, accepted, layout = "dinov3", False, Layout()

    SAM3DB_OT_download_sam3d_body.draw(Dialog, bpy.context)  # type: ignore[arg-type]
    text = "\n".join(Dialog.layout.drawn)
    for point in LICENCE_POINTS:
        assert " ".join(point.split()[:4]) in text
    for word in ("about 2.8 GB", "SAM License", "not legal advice", str(models), "No token yet"):
        assert word in text
    assert text.index("[wm.url_open] Read the License") < text.index("<accepted>") < text.index("<access_token>")


def test_downloading_with_a_token_that_was_typed_leaves_no_trace_of_it(
    models: Path, online: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    state = bpy.context.window_manager.sam3db
    state.access_token = f" {TOKEN} "
    assert secret.typed() == TOKEN
    with hub(FILES) as service:
        done = bpy.ops.sam3db.download_sam3d_body(variant="vith", accepted=True, service=service.address)
        assert done == {"FINISHED"}
        assert service.tokens_seen_by_storage() == []
    assert (sources_folder("vith", models) / CHECKPOINT).read_bytes() == FILES[CHECKPOINT]
    assert "The checkpoint is downloaded. Convert it now" in panel()
    assert "[sam3db.remove_sam3d_body_checkpoints] Remove Downloaded Files" in panel()
    assert TOKEN not in repr(slot.job)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"), compress=False)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert tmp_path / "scene.blend" in written
    assert not [path for path in written if TOKEN.encode() in path.read_bytes()]
    assert TOKEN not in "".join(capfd.readouterr())
    sam3db_blender.unregister()
    assert secret.typed() is None
    sam3db_blender.register()


def test_the_token_of_the_services_own_tools_is_used(
    models: Path, online: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert secret.origin() == "HF_TOKEN"
    with hub(FILES) as service:
        bpy.ops.sam3db.download_sam3d_body(variant="vith", accepted=True, service=service.address)
    assert [sources.variant for sources in sam3d_body_files.checkpoints()] == ["vith"]


def test_who_has_no_access_is_told_the_way(models: Path, online: None) -> None:
    with hub(FILES) as service, pytest.raises(RuntimeError, match=r"given only to people .*sign in") as raised:
        bpy.ops.sam3db.download_sam3d_body(variant="vith", accepted=True, service=service.address)
    assert len(str(raised.value).strip().splitlines()) == 1
    assert "sign in, accept the licence" in panel()
    assert not sources_folder("vith", models).exists()


def test_a_running_download_shows_how_far_it_is_and_can_be_cancelled(models: Path, online: None) -> None:
    part = sources_folder("vith", models) / f"{CHECKPOINT}.part"
    with hub(FILES, token=None) as service:
        service.storage[CHECKPOINT].hold = threading.Event()
        keys = {"variant": "vith", "models": str(models), "licence_accepted": True, "service": service.address}
        slot.start("download_sam3d_body", keys)
        end = time.monotonic() + PATIENCE_S
        while not (part.exists() and part.stat().st_size):
            assert slot._tick() is not None
            assert time.monotonic() < end
            time.sleep(0.01)
        assert "[sam3db.cancel_sam3d_body]" in panel()
        assert "[sam3db.download_sam3d_body]" not in panel()
        with pytest.raises(RuntimeError, match="already being downloaded or converted"):
            bpy.ops.sam3db.convert_sam3d_body(filepath="a", mhr="b")
        assert bpy.ops.sam3db.cancel_sam3d_body() == {"FINISHED"}
        while slot._tick() is not None:
            assert time.monotonic() < end
            time.sleep(0.01)
        service.storage[CHECKPOINT].hold.set()
    assert "What has arrived is kept" in panel()
    assert part.stat().st_size


def test_removing_the_checkpoints(models: Path, online: None) -> None:
    install(models)
    with hub(FILES, token=None) as service:
        bpy.ops.sam3db.download_sam3d_body(variant="vith", accepted=True, service=service.address)
    assert bpy.ops.sam3db.remove_sam3d_body_checkpoints() == {"FINISHED"}
    assert sam3d_body_files.checkpoints() == []
    assert sam3d_body_files.installed() is not None
    assert "Remove Downloaded" not in panel()


def test_a_file_that_is_no_checkpoint(models: Path, tmp_path: Path) -> None:
    (tmp_path / "model.ckpt").write_bytes(b"nonsense" * 100)
    (tmp_path / "mhr_model.pt").write_bytes(b"nonsense")
    with pytest.raises(RuntimeError) as raised:
        bpy.ops.sam3db.convert_sam3d_body(
            filepath=str(tmp_path / "model.ckpt"), mhr=str(tmp_path / "mhr_model.pt"), precision="int8"
        )
    assert "model.ckpt" in str(raised.value)
    assert "unexpected error" not in str(raised.value)
    assert len(str(raised.value).strip().splitlines()) == 1
    assert sam3d_body_files.installed() is None
    with pytest.raises(RuntimeError, match=r"Choose model\.ckpt"):
        bpy.ops.sam3db.convert_sam3d_body(mhr=str(tmp_path / "mhr_model.pt"))


class _Worker:
    """A worker that answers every request with the same event, and remembers what it was asked."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self) -> _Worker:
        return self

    def start(self, **options: Any) -> None: ...

    def stop(self) -> None: ...

    def request(self, do: str, *, timeout_s: float | None = None, **keys: Any) -> int:
        self.asked.append((do, {key: value for key, value in keys.items() if value is not None}))
        return 1

    def poll(self) -> list[Event]:
        return [self.event]

    def cancel(self, number: int) -> None: ...


def test_converting(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    title = "DINOv3-H+, int8, 1.3 GB"
    worker = _Worker(Event(1, "done", result={"title": title, "folder": str(models / "sam3d_body")}))
    monkeypatch.setattr(long_jobs, "WorkerClient", worker)
    assert bpy.ops.sam3db.convert_sam3d_body(filepath="/a/model.ckpt", mhr="/b/mhr_model.pt", precision="fp16") == {
        "FINISHED"
    }
    keys = {"checkpoint": "/a/model.ckpt", "mhr": "/b/mhr_model.pt", "models": str(models), "precision": "fp16"}
    assert worker.asked == [("convert_sam3d_body", keys)]
    assert f"Converted: {title}" in panel()


def test_the_state_is_told_honestly(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = bpy.context.window_manager.sam3db
    options.engine = "sam3d_body"
    assert "SAM 3D Body is not installed: see the panel" in drawn(draw_options, options, 200)
    with pytest.raises(RuntimeError, match="not installed yet"):
        bpy.ops.sam3db.check_sam3d_body()
    install(models, body=False)
    assert "body (MHR Level 1) is missing" in drawn(draw_options, options, 200)
    (models / "sam3d_body" / manifest.NAME).unlink()
    (models / "sam3d_body" / "encoder.onnx").unlink()
    (models / "sam3d_body").rmdir()
    install(models)
    assert "Installed: DINOv3-H+, int8, 0.0 GB" in drawn(draw_options, options, 200)
    good = {"ready": True, "text": "DINOv3-H+, int8, on the CPU", "notes": ["CUDA: libcublas is missing"]}
    for result, outcome in ((good, {"FINISHED"}), ({"ready": False, "text": "damaged", "notes": []}, None)):
        worker = _Worker(Event(1, "done", result=result))
        monkeypatch.setattr(long_jobs, "WorkerClient", worker)
        if outcome is None:
            with pytest.raises(RuntimeError, match="damaged"):
                bpy.ops.sam3db.check_sam3d_body()
        else:
            assert bpy.ops.sam3db.check_sam3d_body() == outcome
        assert worker.asked == [("engine_status", {"engine": "sam3d_body", "models": str(models)})]
        assert result["text"] in drawn(draw_options, options, 200)
        assert all(word in panel() for word in (result["text"], *result["notes"]))
    # what was found out does not outlive a conversion
    monkeypatch.setattr(long_jobs, "WorkerClient", _Worker(Event(1, "done")))
    bpy.ops.sam3db.convert_sam3d_body(filepath="/a", mhr="/b")
    assert check_slot.job is None


def test_the_best_engine_that_is_there_is_used_unless_one_is_chosen(models: Path) -> None:
    options = bpy.context.window_manager.sam3db
    assert options.engine == "auto"
    found_by = options.found_key
    assert to_request(options, Path("/p.jpg"), None).engine == "landmarks"
    assert "Now: Landmarks" in drawn(draw_options, options, 200)
    install(models, body=False)  # of no use without its body
    assert to_request(options, Path("/p.jpg"), None).engine == "landmarks"
    shutil.rmtree(models)
    install(models)
    asked = to_request(options, Path("/p.jpg"), None)
    assert (asked.engine, asked.body, asked.models) == ("sam3d_body", "mhr-lod1", models)
    assert "Now: SAM 3D Body" in drawn(draw_options, options, 200)
    assert "<inference>" in drawn(draw_options, options, 200)
    assert options.found_key != found_by  # another engine may find others
    options.engine = "landmarks"
    assert to_request(options, Path("/p.jpg"), None).engine == "landmarks"
    assert "Now:" not in drawn(draw_options, options, 200)
    options.engine = "auto"
    (models / "sam3d_body" / "encoder.onnx").write_bytes(b"cut off")
    shelf_files.forget()
    assert to_request(options, Path("/p.jpg"), None).engine == "landmarks"


def test_a_list_of_files_that_is_damaged_is_no_model(models: Path) -> None:
    install(models)
    path = models / "sam3d_body" / manifest.NAME
    for content in (b"{", b"[]", b'{"files": {"a": 1}}', b'{"files": {}}'):
        path.unlink()
        path.write_bytes(content)
        sam3d_body_files._read.cache_clear()
        assert sam3d_body_files.installed() is None


def test_what_a_worker_is_asked(models: Path) -> None:
    options = bpy.context.window_manager.sam3db
    install(models)
    options.engine = "landmarks"
    plain = to_request(options, Path("/p.jpg"), None)
    assert (plain.engine, plain.body, plain.inference, plain.models) == ("landmarks", "default", None, None)
    assert "<inference>" not in drawn(draw_options, options, 200)
    options.engine, options.inference = "sam3d_body", "body"
    asked = to_request(options, Path("/p.jpg"), None)
    assert (asked.engine, asked.body, asked.inference) == ("sam3d_body", "mhr-lod1", "body")
    assert asked.models == models
    assert "Uses the model's own body: MHR Level 1" in drawn(draw_options, options, 200)
    options.body = "mhr-lod1"
    assert "model's own body" not in drawn(draw_options, options, 200)
    worker = _Worker(Event(1, "done"))
    ImportJob(worker, EstimateRequest(photo=Path("/p.jpg"), engine="sam3d_body", inference="full", providers=["cpu"]))
    assert worker.asked[0][1]["inference"] == "full"
    assert worker.asked[0][1]["providers"] == ["cpu"]


def test_a_model_of_bodies_alone_leaves_no_choice(models: Path) -> None:
    options = bpy.context.window_manager.sam3db
    install(models, inferences=["body"])
    options.engine, options.inference = "sam3d_body", "full"
    assert to_request(options, Path("/p.jpg"), None).inference is None, "the engine infers what it can"
    assert "<inference>" not in drawn(draw_options, options, 200)
    found = sam3d_body_files.installed()
    assert found is not None
    assert "bodies only" in found.title


def test_the_networks_of_the_extension_are_put_beside_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled, own = tmp_path / "extension" / "models", tmp_path / "user"
    monkeypatch.setattr(places, "bundled_models", lambda: bundled)
    monkeypatch.setattr(places, "user_folder", lambda name: own / name)
    for version in (b"first", b"second"):
        (bundled / "landmarks").mkdir(parents=True, exist_ok=True)
        (bundled / "landmarks" / "pose.onnx").write_bytes(version)
        entry = manifest.describe(bundled / "landmarks" / "pose.onnx")
        manifest.write(bundled / "landmarks", {"pose.onnx": entry})
        folder = sam3d_body_files.folder_for_worker()
        assert folder == own / "models"
        assert manifest.verified_path(folder / "landmarks", "pose.onnx").read_bytes() == version
    assert sorted(path.name for path in bundled.iterdir()) == ["landmarks"]
    changed = (folder / "landmarks" / "pose.onnx").stat().st_mtime_ns
    sam3d_body_files.folder_for_worker()
    assert (folder / "landmarks" / "pose.onnx").stat().st_mtime_ns == changed


def test_the_preferences_offer_what_the_runtime_knows() -> None:
    from native_runtime.onnx.providers import PROVIDERS

    assert next(name for name, *_ in _PROVIDERS) == "auto"
    assert {name for name, *_ in _PROVIDERS} == {"auto", *(provider.short for provider in PROVIDERS)}


def test_jobs_say_how_they_ended() -> None:
    for kind, do, result, text in (
        (Sam3dBodyJob, "convert_sam3d_body", {"title": "ViT-H"}, "Converted: ViT-H"),
        (EngineCheck, "engine_status", {"ready": True, "text": "on the CPU"}, "on the CPU"),
    ):
        job = kind(_Worker(Event(1, "done", result=result)), do, {"token": TOKEN})
        assert job.poll()
        assert text in job.summary
        assert TOKEN not in repr(job)


def test_the_worker_of_photos_is_not_needed(models: Path) -> None:
    panel()
    assert not jobs.worker_runs()
