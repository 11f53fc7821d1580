"""From a checkpoint to a models folder: every container, every precision, and whatever may go wrong on the way."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from native_runtime.build import catalogue
from native_runtime.build.official import import_official
from native_runtime.build.sam3d_body.convert import GRAPHS, PRECISIONS, Converted, convert_checkpoint
from native_runtime.build.sam3d_body.keypoint_support import keypoint_support
from native_runtime.errors import ModelError, UsageError
from native_runtime.files import staging
from native_runtime.files.hashes import sha256_of
from native_runtime.mhr import Body
from native_runtime.models import manifest, store
from tests.support import toy_sam3d_body
from tests.support.advice import refused
from tests.support.checkpoints import BFloat16, Parameter, StateDict, write_safetensors, write_shards, write_torch


def outputs(folder: Path, graph: str, x: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(folder / f"{graph}.onnx", providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def converted(toy_release: Path, toy_templates: Path, tmp_path_factory: pytest.TempPathFactory) -> Converted:
    models = tmp_path_factory.mktemp("models")
    return convert_checkpoint(toy_release, models=models, templates=toy_templates)


def test_the_graphs_hold_the_checkpoint(converted: Converted, toy_tensors: dict[str, np.ndarray]) -> None:
    x = np.random.default_rng(1).normal(size=(2, 200)).astype(np.float32)
    for graph in GRAPHS:
        y = outputs(converted.folder, graph, x)[0]
        np.testing.assert_allclose(y, toy_sam3d_body.expected(toy_tensors, graph, x), rtol=1e-4, atol=1e-3)


def test_the_decoders_hold_what_they_need_of_mhr(
    converted: Converted, toy_release: Path, toy_tensors: dict[str, np.ndarray], tmp_path: Path
) -> None:
    made = import_official(toy_release / "assets" / "mhr_model.pt", tmp_path)
    support = keypoint_support(Body.load(made.folder / "mhr-lod1.npz"), toy_tensors["head_pose.keypoint_mapping"])
    x = np.zeros((1, 200), np.float32)
    np.testing.assert_array_equal(outputs(converted.folder, "hand_decoder", x)[1], support["pair_places"])


def test_the_body_has_the_checkpoints_keypoints(converted: Converted, toy_tensors: dict[str, np.ndarray]) -> None:
    body = Body.load(converted.folder.parent / "bodies" / "mhr-lod1.npz")
    dense = np.zeros((70, body.vertex_count + 127))
    dense[body.keypoint_rows.rows, body.keypoint_rows.columns] = body.keypoint_rows.values
    np.testing.assert_array_equal(dense, toy_tensors["head_pose.keypoint_mapping"][:70])
    provenance = json.loads(body.provenance)
    assert provenance["keypoints"]["source"] == "facebook/sam-3d-body-dinov3"
    assert "SAM License" in provenance["keypoints"]["licence"]
    assert store.body_path("mhr-lod1", converted.folder.parent)
    facts = manifest.read(converted.folder)
    assert facts["body"] == {"name": "mhr-lod1", "content": body.hash}


def test_constants(converted: Converted, toy_tensors: dict[str, np.ndarray]) -> None:
    with np.load(converted.folder / "constants.npz", allow_pickle=False) as found:
        for kind, suffix in (("body", ""), ("hand", "_hand")):
            estimate = found[f"initial_estimate_{kind}"]
            np.testing.assert_array_equal(estimate[:519], toy_tensors[f"init_pose{suffix}.weight"][0])
            np.testing.assert_array_equal(estimate[519:], toy_tensors[f"init_camera{suffix}.weight"][0])
        for name in ("joint_rotation", "scale_mean", "hand_joint_idxs_left", "local_to_world_wrist"):
            np.testing.assert_array_equal(found[name], toy_tensors[f"head_pose.{name}"])


def test_the_manifest_tells_everything(converted: Converted, toy_release: Path) -> None:
    found = manifest.verify(converted.folder)
    assert set(found["files"]) == {path.name for path in converted.folder.iterdir()} - {"manifest.json"}
    assert found["variant"] == "dinov3"
    assert found["precision"] == "fp32"
    assert found["image_size"] == [512, 512]
    assert found["feature_size"] == [32, 32]
    assert found["graphs"] == dict.fromkeys(GRAPHS, "fp32")
    assert found["checkpoint"]["sha256"] == sha256_of(toy_release / "model.ckpt")
    assert found["checkpoint"]["stored_as"] == ["float32", "int64"]
    assert all("SAM License" in entry["licence"] for entry in found["files"].values())
    assert converted.size == sum(entry["size"] for entry in found["files"].values())


def test_the_folder_is_found_listed_and_verified(converted: Converted, tmp_path: Path) -> None:
    models = converted.folder.parent
    assert store.sam3d_body_dir(models) == converted.folder
    listed = [status for status in catalogue.list_models(models) if status.kind == "sam3d_body"]
    assert {status.name for status in listed} >= {"encoder.onnx", "encoder.weights", "constants.npz"}
    assert {status.state for status in listed} == {"ok"}
    assert "DINOv3-H+ fp32" in next(status.detail for status in listed if status.name == "encoder.onnx")
    copy = tmp_path / "models"
    shutil.copytree(models, copy)
    weights = copy / "sam3d_body" / "encoder.weights"
    data = bytearray(weights.read_bytes())
    data[17] ^= 1
    weights.write_bytes(data)
    assert {s.name for s in catalogue.list_models(copy) if s.state == "damaged"} == {"encoder.weights"}
    with refused(ModelError, match=r"encoder\.weights is damaged.*sam3db convert-checkpoint"):
        catalogue.verify_models(copy)
    with refused(ModelError, match=r"encoder\.weights is damaged.*sam3db convert-checkpoint"):
        store.sam3d_body_dir(copy)
    (copy / "sam3d_body" / "manifest.json").write_text("{")
    with refused(ModelError, match=r"damaged.*sam3db convert-checkpoint"):
        store.sam3d_body_dir(copy)
    with refused(ModelError, match=r"no SAM 3D Body model.*`landmarks` works without it.*sam3db models get"):
        store.sam3d_body_dir(tmp_path / "nothing")


@pytest.mark.parametrize("form", ["bf16 parameters", "nested", "safetensors", "bf16 safetensors", "shards", "prefixed"])
def test_every_container_gives_the_same_model(
    form: str,
    converted: Converted,
    toy_tensors: dict[str, np.ndarray],
    toy_release: Path,
    toy_templates: Path,
    tmp_path: Path,
) -> None:
    whole = {name: array for name, array in toy_tensors.items() if array.dtype.kind == "i" or "head_pose" in name}
    brain: Mapping[str, Any] = {name: whole.get(name, BFloat16(array)) for name, array in toy_tensors.items()}
    if form == "bf16 parameters":
        path = write_torch(tmp_path / "a.ckpt", {name: Parameter(array) for name, array in brain.items()})
    elif form == "nested":
        content = {"epoch": 3, "hyper": {"lr": 0.1}, "state_dict": StateDict(toy_tensors), "callbacks": [1, "x"]}
        path = write_torch(tmp_path / "a.ckpt", content)
    elif form == "safetensors":
        path = write_safetensors(tmp_path / "a.safetensors", toy_tensors)
    elif form == "bf16 safetensors":
        path = write_safetensors(tmp_path / "a.safetensors", brain)
    elif form == "shards":
        path = write_shards(tmp_path / "shards", brain)
    else:
        path = write_torch(tmp_path / "a.ckpt", {f"model.net.{name}": array for name, array in toy_tensors.items()})
    mhr = toy_release / "assets" / "mhr_model.pt"
    made = convert_checkpoint(path, mhr, tmp_path / "models", templates=toy_templates)
    ours, theirs = files(made.folder), files(converted.folder)
    del ours["manifest.json"], theirs["manifest.json"]
    assert ours == theirs


@pytest.mark.parametrize("precision", sorted(PRECISIONS))
def test_every_precision(
    precision: str, toy_release: Path, toy_templates: Path, toy_tensors: dict[str, np.ndarray], tmp_path: Path
) -> None:
    made = convert_checkpoint(toy_release, None, tmp_path, precision, toy_templates)
    facts = manifest.read(made.folder)
    assert facts["precision"] == precision
    rng = np.random.default_rng(2)
    for graph in GRAPHS:
        kind = facts["graphs"][graph]
        x = rng.normal(size=(3, 200)).astype(np.float16 if kind == "fp16" else np.float32)
        y = outputs(made.folder, graph, x)[0]
        truth = toy_sam3d_body.expected(toy_tensors, graph, x.astype(np.float32))
        error = np.abs(y - truth).max() / np.abs(truth).max()
        assert error < {"fp32": 1e-6, "fp16": 5e-3, "int8": 2e-2}[kind]
        assert (error > 1e-6) == (kind != "fp32")
    if precision != "fp32":
        assert facts["graphs"]["encoder"] == precision


def test_the_other_variant(toy_templates: Path, toy_release: Path, tmp_path: Path) -> None:
    tensors = toy_sam3d_body.tensors("vith", seed=5)
    path = write_torch(tmp_path / "model.ckpt", tensors)
    made = convert_checkpoint(path, toy_release / "assets" / "mhr_model.pt", tmp_path, templates=toy_templates)
    assert (made.variant, made.title) == ("vith", "ViT-H")
    assert manifest.read(made.folder)["feature_size"] == [32, 24]
    x = np.random.default_rng(1).normal(size=(2, 200)).astype(np.float32)
    truth = toy_sam3d_body.expected(tensors, "encoder", x, "vith")
    np.testing.assert_allclose(outputs(made.folder, "encoder", x)[0], truth, rtol=1e-4, atol=1e-3)


# --- what goes wrong ---


def _changed(*names: str, value: Any) -> dict[str, Any]:
    """The toy model with other tensors of these names; without them where the value is None."""
    found = toy_sam3d_body.tensors() | dict.fromkeys(names, value)
    return {name: array for name, array in found.items() if array is not None}


def _poisoned(name: str, value: float) -> dict[str, Any]:
    found = toy_sam3d_body.tensors()
    found[name].flat[7] = value
    return found


FACES, MAPPING = ([f"{head}.{name}" for head in toy_sam3d_body.HEADS] for name in ("faces", "keypoint_mapping"))
BAD_CHECKPOINTS = {
    "lacks a tensor": (_changed("init_pose.weight", value=None), "init_pose.weight is missing"),
    "has one more": (_changed("extra", value=np.zeros(3, np.float32)), "extra is unexpected"),
    "wrong shape": (_changed("init_camera.weight", value=np.zeros((1, 4), np.float32)), "1x4 instead of 1x3"),
    "not a number": (_poisoned("backbone.encoder.blocks.0.attn.qkv.weight", np.nan), "not finite"),
    "infinite": (_poisoned("decoder_hand.layers.0.ln1.weight", np.inf), "not finite"),
    "heads differ": (_poisoned("head_pose_hand.scale_mean", 5), "disagree about scale_mean"),
    "both backbones": (
        toy_sam3d_body.tensors("vith") | toy_sam3d_body.tensors(),
        "blocks.0.attn.qkv.weight is unexpected",
    ),
    "other mesh": (
        _changed(*FACES, value=toy_sam3d_body.tensors()[FACES[0]] // 2),
        "mesh has 508 vertices, MHR's 1016",
    ),
    "empty keypoint": (
        _changed(*MAPPING, value=np.zeros((308, 1143), np.float32)),
        "do not sum to 1",
    ),
}


@pytest.mark.parametrize("case", BAD_CHECKPOINTS)
def test_bad_checkpoints_leave_nothing_behind(
    case: str, toy_release: Path, toy_templates: Path, tmp_path: Path
) -> None:
    tensors, message = BAD_CHECKPOINTS[case]
    path = write_torch(tmp_path / "model.ckpt", tensors)
    models = tmp_path / "models"
    with pytest.raises(ModelError, match=message):
        convert_checkpoint(path, toy_release / "assets" / "mhr_model.pt", models, templates=toy_templates)
    assert not models.exists() or not list(models.iterdir())


def test_other_bad_input(toy_release: Path, toy_templates: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    with pytest.raises(UsageError, match=r"no precision 'fp8'.*fp32, fp16, int8"):
        convert_checkpoint(toy_release, None, models, "fp8", toy_templates)
    with pytest.raises(ModelError, match="no file"):
        convert_checkpoint(tmp_path / "nothing.ckpt", None, models, templates=toy_templates)
    alone = shutil.copy(toy_release / "model.ckpt", tmp_path)
    with pytest.raises(ModelError, match=r"no mhr_model\.pt"):
        convert_checkpoint(alone, None, models, templates=toy_templates)
    with refused(ModelError, match=r"no file .*--mhr"):
        convert_checkpoint(toy_release, tmp_path / "mhr.pt", models, templates=toy_templates)
    with pytest.raises(ModelError, match="not MHR's TorchScript"):
        convert_checkpoint(toy_release, toy_release / "model.ckpt", models, templates=toy_templates)
    assert not models.exists()


def test_an_earlier_conversion_survives_a_failed_one(toy_release: Path, toy_templates: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    convert_checkpoint(toy_release, None, models, templates=toy_templates)
    before = files(models)
    seen: list[float] = []

    class StoppedError(Exception):
        pass

    def stop_at(limit: float) -> Any:
        def report(fraction: float, _: str) -> None:
            seen.append(fraction)
            if fraction >= limit:
                raise StoppedError

        return report

    for limit in (0.0, 0.1, 0.15, 0.4, 0.7, 0.95):
        with pytest.raises(StoppedError):
            convert_checkpoint(toy_release, None, models, "fp16", toy_templates, stop_at(limit))
        assert files(models) == before
    seen.clear()
    convert_checkpoint(toy_release, None, models, "fp16", toy_templates, stop_at(2))
    assert seen == sorted(seen)
    assert seen[0] == 0
    assert seen[-1] == 1
    assert manifest.verify(models / "sam3d_body")["precision"] == "fp16"
    assert sorted(path.name for path in models.iterdir()) == ["bodies", "sam3d_body"]


def test_a_full_disk_is_noticed_beforehand(
    toy_release: Path, toy_templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=30_000_000))
    with pytest.raises(ModelError, match=r"takes 0\.0 GB, but only 0\.0 GB are free at .*: the precision int8 or fp16"):
        convert_checkpoint(toy_release, None, tmp_path / "models", templates=toy_templates)
    assert not (tmp_path / "models").exists()


PROGRAM = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from native_runtime.build.sam3d_body import attach, convert
{before}
convert.convert_checkpoint({release!r}, None, {models!r}, templates=Path({templates!r}))
"""


def _program(repository: Path, release: Path, templates: Path, models: Path, before: str) -> list[str]:
    text = PROGRAM.format(
        root=str(repository), release=str(release), templates=str(templates), models=str(models), before=before
    )
    return [sys.executable, "-c", text]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of processes")
def test_a_disk_that_fills_up_on_the_way(
    repository: Path, toy_release: Path, toy_templates: Path, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    convert_checkpoint(toy_release, None, models, templates=toy_templates)
    before = files(models)
    limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, {resource.RLIM_INFINITY}))"
    done = subprocess.run(
        _program(repository, toy_release, toy_templates, models, limit), capture_output=True, text=True, check=False
    )
    assert "ModelError: The converted model cannot be written to" in done.stderr
    assert "Make space" in done.stderr
    assert files(models) == before


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("when", ["while writing", "between the two renamings"])
def test_a_killed_conversion_leaves_the_earlier_one(
    when: str, repository: Path, toy_release: Path, toy_templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    convert_checkpoint(toy_release, None, models, templates=toy_templates)
    before = files(models / "sam3d_body")
    if when == "while writing":
        patch = "import time\ndef model_of(_): print('now', flush=True); time.sleep(60)\nattach.model_of = model_of"
    else:
        patch = (
            "import os, time\nreplace = os.replace\n"
            "def wait(source, target):\n"
            "    if '.part-' in Path(source).name: print('now', flush=True); time.sleep(60)\n"
            "    return replace(source, target)\n"
            "os.replace = wait"
        )
    process = subprocess.Popen(
        _program(repository, toy_release, toy_templates, models, patch), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "now\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = [path for path in models.iterdir() if path.name.startswith(".")]
    assert left
    assert (models / "sam3d_body").exists() == (when == "while writing")
    # The next conversion removes what is left when nobody can be writing to it any more; until then it stays.
    staging.clean_up(models / "sam3d_body")
    assert files(models / "sam3d_body") == before
    assert [path.name for path in models.iterdir() if ".part-" in path.name]
    later = time.time() + 1000
    monkeypatch.setattr(time, "time", lambda: later)
    staging.clean_up(models / "sam3d_body")
    assert sorted(path.name for path in models.iterdir()) == ["bodies", "sam3d_body"]
    assert files(models / "sam3d_body") == before


def test_a_folder_that_cannot_be_made(toy_release: Path, toy_templates: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match=r"cannot be written to .*choose another folder"):
        convert_checkpoint(toy_release, None, tmp_path / "file" / "models", templates=toy_templates)
