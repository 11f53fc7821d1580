"""Where model files are looked for, and what happens when they are not what they should be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from native_runtime.build import catalogue
from native_runtime.cli.main import main
from native_runtime.engines import engine_status
from native_runtime.errors import ModelError, NewerFormatError, Remedy, UsageError
from native_runtime.files.atomic import write_atomically
from native_runtime.models import manifest, store
from tests.support.advice import refused
from tests.support.formats import OLD_FILES, following, restate


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A models folder with one network of five bytes."""
    networks = tmp_path / "landmarks"
    networks.mkdir()
    (networks / "pose_detection.onnx").write_bytes(b"hello")
    manifest.write(
        networks, {"pose_detection.onnx": manifest.describe(networks / "pose_detection.onnx", licence="Apache-2.0")}
    )
    return tmp_path


def test_the_given_folder_wins_over_the_environment_and_that_over_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAM3DB_MODELS", "/from/environment")
    assert store.models_dir("/given") == Path("/given").absolute()
    assert store.models_dir() == Path("/from/environment").absolute()
    monkeypatch.delenv("SAM3DB_MODELS")
    assert store.models_dir().parts[-2:] == ("sam3db", "models")


def test_an_intact_file_is_found(folder: Path) -> None:
    assert store.network_path("pose_detection", folder).read_bytes() == b"hello"


@pytest.mark.parametrize("damage", [b"hell", b"hallo", b"hello "])
def test_a_changed_file_is_damaged_and_the_message_names_the_command(folder: Path, damage: bytes) -> None:
    store.network_path("pose_detection", folder)  # its hash is remembered now
    (folder / "landmarks" / "pose_detection.onnx").write_bytes(damage)
    with refused(ModelError, match=r"damaged.*sam3db models build"):
        store.network_path("pose_detection", folder)


def test_missing_files_unknown_names_and_empty_folders_say_what_to_do(folder: Path, tmp_path: Path) -> None:
    (folder / "landmarks" / "pose_detection.onnx").unlink()
    with refused(ModelError, match=r"missing.*sam3db models build"):
        store.network_path("pose_detection", folder)
    with refused(ModelError, match="sam3db models list"):
        store.network_path("nonsense", folder)
    with refused(ModelError, match="sam3db models build"):
        store.network_path("pose_detection", tmp_path / "nowhere")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"files": 3}', '{"files": {"a": 3}}', '{"files": {"a": {"size": 1}}}', "\x00\x01"]
)
def test_a_damaged_manifest_is_a_model_error(folder: Path, content: str) -> None:
    (folder / "landmarks" / "manifest.json").write_text(content)
    with refused(ModelError, match="sam3db models build"):
        store.network_path("pose_detection", folder)


def test_a_folder_of_an_older_version_is_to_be_built_again(folder: Path) -> None:
    with refused(ModelError, match=r"older version: movenet_thunder missing.*sam3db models build"):
        store.network_path("movenet_thunder", folder)
    with refused(ModelError, match=r"older version: .*movenet_thunder.*sam3db models build"):
        store.verify_networks(folder)
    status = engine_status("landmarks", folder)
    assert not status.ready
    assert status.remedy == Remedy.BUILD_MODELS


def test_a_body_goes_by_name_or_by_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.npz"
    file.write_bytes(b"x")
    assert store.body_path(file) == file
    with pytest.raises(ModelError, match="There is no body file"):
        store.body_path(tmp_path / "other.npz")
    with refused(ModelError, match="sam3db models build"):
        store.body_path("default", tmp_path)


def test_list_shows_what_is_missing_and_verify_refuses_it(folder: Path) -> None:
    states = {status.name: status.state for status in catalogue.list_models(folder)}
    assert states == {
        "pose_detection": "ok",
        "pose_landmark": "missing",
        "palm_detection": "missing",
        "hand_landmark": "missing",
        "movenet_thunder": "missing",
        "movenet_multipose": "missing",
        "face_detection": "missing",
        "face_landmark": "missing",
        "face_sex": "missing",
        "face_age": "missing",
        "default": "missing",
    }
    with refused(ModelError, match=r"pose_landmark\.onnx is missing.*sam3db models build"):
        catalogue.verify_models(folder)


def test_a_newer_list_is_neither_called_damaged_nor_to_be_built(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    restate(folder / "landmarks" / "manifest.json", following(manifest.FORMAT))
    assert {status.state for status in catalogue.list_models(folder) if status.kind == "networks"} == {"newer"}
    with pytest.raises(NewerFormatError, match="newer version"):
        catalogue.verify_models(folder)
    assert main(["models", "verify", "--models", str(folder)]) == 1
    shown = "".join(capfd.readouterr())
    assert "newer version" in shown
    assert "damaged" not in shown
    assert "models build" not in shown


def test_only_a_model_file_is_to_be_built_again(tmp_path: Path) -> None:
    estimate = OLD_FILES / "photo_person0.npz"
    with pytest.raises(ModelError, match=r"person0\.npz is not a body file: it states no format\.$") as raised:
        store.load_body(estimate, tmp_path)
    assert raised.value.remedy is None
    bodies = tmp_path / "bodies"
    bodies.mkdir()
    body = bodies / "default.npz"
    body.write_bytes((OLD_FILES / "body.npz").read_bytes())
    manifest.write(bodies, {body.name: manifest.describe(body)})
    assert store.load_body(body, tmp_path).hash == store.load_body("default", tmp_path).hash
    body.write_bytes(estimate.read_bytes())
    for name in ("default", body):
        with refused(ModelError, match=r"damaged.*sam3db models build"):
            store.load_body(name, tmp_path)


def test_an_unknown_kind_of_models_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="networks, bodies"):
        catalogue.build_models(tmp_path, what=("everything",))


def test_files_are_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "sub" / "file.json"
    write_atomically(target, b"1")
    write_atomically(target, b"22")
    assert target.read_bytes() == b"22"
    assert [path.name for path in target.parent.iterdir()] == ["file.json"]


def test_the_manifest_keeps_what_the_builder_says(folder: Path) -> None:
    content = json.loads((folder / "landmarks" / "manifest.json").read_text())
    assert content["files"]["pose_detection.onnx"]["licence"] == "Apache-2.0"
    assert content["files"]["pose_detection.onnx"]["size"] == 5
