"""What is said of an engine before it is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from native_runtime.cli.remedies import advised
from native_runtime.engines import engine_status
from native_runtime.errors import Remedy, UsageError
from native_runtime.models import manifest, store
from native_runtime.onnx import probe as probing


def put_body(models: Path) -> None:
    """The body that SAM 3D Body opens by default, as far as a status looks at it."""
    folder = models / "bodies"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mhr-lod1.npz").write_bytes(b"body")
    manifest.update(folder, {"mhr-lod1.npz": manifest.describe(folder / "mhr-lod1.npz")})


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A models folder whose files are whole, though no network would open."""
    put_body(tmp_path)
    for name in ("landmarks", "sam3d_body"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "net.onnx").write_bytes(b"weights")
        facts = {"variant": "vith", "precision": "int8", "left_out": store.NETWORKS}
        manifest.write(folder, {"net.onnx": manifest.describe(folder / "net.onnx")}, **facts)
    return tmp_path


def test_an_engine_whose_files_are_there_says_on_what_it_will_run(models: Path) -> None:
    status = engine_status("sam3d_body", models, ["cpu"])
    assert (status.ready, status.provider, status.notes) == (True, "cpu", ())
    assert status.text == "ViT-H, int8, on the CPU"
    assert engine_status("landmarks", models, ["cpu"]).text == "Landmark networks, on the CPU"


@pytest.mark.parametrize("name", ["landmarks", "sam3d_body"])
def test_missing_and_damaged_files_are_told_of(models: Path, name: str) -> None:
    (models / name / "net.onnx").write_bytes(b"WEIGHTS")
    status = engine_status(name, models)
    assert not status.ready
    assert "damaged" in status.text
    status = engine_status(name, models / "none")
    assert not status.ready
    assert "sam3db" in advised(status.text, status.remedy)


def test_sam3d_body_is_not_ready_without_its_body(models: Path) -> None:
    body = models / "bodies" / "mhr-lod1.npz"
    body.write_bytes(b"BODY")
    status = engine_status("sam3d_body", models, ["cpu"])
    assert not status.ready
    assert "mhr-lod1.npz is damaged" in status.text
    manifest.write(body.parent, {})
    status = engine_status("sam3d_body", models, ["cpu"])
    assert (status.ready, status.remedy) == (False, Remedy.IMPORT_OFFICIAL)
    assert "its body 'mhr-lod1' is not in" in status.text
    (body.parent / manifest.NAME).unlink()
    assert not engine_status("sam3d_body", models, ["cpu"]).ready


def test_a_card_that_does_not_work_is_told_of(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = probing.PROVIDERS[1]
    monkeypatch.setattr(probing, "candidates", lambda _: [probing.Candidate(cuda)])
    monkeypatch.setattr(probing, "why_not", lambda _: "NVIDIA CUDA does not work: no driver.")
    status = engine_status("sam3d_body", models, ["cuda"])
    assert not status.ready
    assert status.text == "NVIDIA CUDA does not work: no driver."


def test_unknown_engines_and_providers_are_usage_errors(models: Path) -> None:
    with pytest.raises(UsageError, match="landmarks, sam3d_body"):
        engine_status("steam", models)
    with pytest.raises(UsageError, match="abacus"):
        engine_status("landmarks", models, ["abacus"])
