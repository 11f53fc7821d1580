"""SAM 3D Body from Blender: whether it can be used, on what, and what a worker is asked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import pytest

import sam3db_blender
from native_runtime.models import manifest
from native_runtime.pipeline.requests import EstimateRequest
from native_runtime.proof import record
from native_runtime.proof.report import Check, Report
from native_runtime.service import client as service_client
from native_runtime.service.client import Event
from sam3db_blender import places
from sam3db_blender.files import sam3d_body as sam3d_body_files
from sam3db_blender.files import shelf as shelf_files
from sam3db_blender.jobs import worker as jobs
from sam3db_blender.jobs.photo import ImportJob
from sam3db_blender.jobs.sam3d_body import EngineCheck, check_slot
from sam3db_blender.jobs.shelf import InstallJob
from sam3db_blender.preferences import _PROVIDERS
from sam3db_blender.properties.import_options import to_request
from sam3db_blender.ui.import_options import draw_options
from sam3db_blender.ui.shelf import draw_shelf
from tests.support.hub import TOKEN
from tests.support.layout import drawn
from tests.support.told_worker import Worker


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The add-on with an empty models folder, on a machine without a token."""
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no token"))
    sam3db_blender.register()
    yield tmp_path / "models"
    sam3db_blender.unregister()


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
        worker = Worker(Event(1, "done", result=result))
        monkeypatch.setattr(service_client, "WorkerClient", worker)
        if outcome is None:
            with pytest.raises(RuntimeError, match="damaged"):
                bpy.ops.sam3db.check_sam3d_body()
        else:
            assert bpy.ops.sam3db.check_sam3d_body() == outcome
        assert worker.asked == [("engine_status", {"engine": "sam3d_body", "models": str(models)})]
        assert result["text"] in drawn(draw_options, options, 200)
        shown = drawn(draw_shelf, 200)
        assert all(word in shown for word in (result["text"], *result["notes"]))
    # what was found out does not outlive an installation
    monkeypatch.setattr(service_client, "WorkerClient", Worker(Event(1, "done")))
    bpy.ops.sam3db.install_model_file(item="sam3d_body", accepted=(True, True, False, False), filepath="/a")
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
    failed = Report(("sam3d_body",), (Check("sam3d_body", "limbs", "", False, "Too long."),), "2026-11-30T10:00:00")
    record.keep(failed, "sam3d_body", models)
    assert to_request(options, Path("/p.jpg"), None).engine == "landmarks"
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
    worker = Worker(Event(1, "done"))
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
        (InstallJob, "install_model", {}, "SAM 3D Body (ViT-H) is installed"),
        (EngineCheck, "engine_status", {"ready": True, "text": "on the CPU"}, "on the CPU"),
    ):
        job = kind(Worker(Event(1, "done", result=result)), do, {"token": TOKEN, "item": "sam3d_body_vith"})
        assert job.poll()
        assert text in job.summary
        assert TOKEN not in repr(job)


def test_the_worker_of_photos_is_not_needed(models: Path) -> None:
    drawn(draw_shelf, 200)
    assert not jobs.worker_runs()
