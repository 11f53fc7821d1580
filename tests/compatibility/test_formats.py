"""Every format has a version, a file of its first version, and readers that refuse what newer versions write."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from native_runtime.batch.manifest import Head, Manifest, is_output_folder, manifests, read_records
from native_runtime.build.sam3d_body.template import Template
from native_runtime.build.sam3d_body.variants import Variant
from native_runtime.characters.exchange import load_settings
from native_runtime.characters.settings import CharacterSettings
from native_runtime.engines.estimate import Estimate
from native_runtime.engines.sam3d_body.stored import read_features
from native_runtime.errors import ModelError, NewerFormatError, Sam3dbError
from native_runtime.evaluation.preference.pairs import read_key
from native_runtime.evaluation.preference.votes import read_votes
from native_runtime.evaluation.report import read_evaluation
from native_runtime.files import hashes
from native_runtime.files.formats import Format
from native_runtime.gpu_runtime import read_entry
from native_runtime.mhr import Body
from native_runtime.mining.report import read_mined
from native_runtime.models import manifest
from native_runtime.onnx import threads
from native_runtime.prompts.prompt import read_prompts
from native_runtime.retarget.maps import load_map
from native_runtime.takes.hints import read_hints
from native_runtime.takes.take import Take
from native_runtime.takes.trackfile import read_tracks
from native_runtime.takes.views.prompts import read_view_prompts
from native_runtime.takes.views.summary import read_summary
from native_runtime.texture.files import read_record
from tests.support.formats import FIRST_FILES, OLD_FILES, ROOT, declared, following, restate

NEWER = r"was written by a newer version of this program\. Update the program to read it\."
FORMATS = declared("native_runtime")


@dataclass(frozen=True)
class Old:
    """A file that 0.1.0 wrote, or the version that brought the format, and its reader."""

    file: str
    read: Callable[[Path], Any]


def _settings(path: Path) -> Any:
    body = Body.load(OLD_FILES / "body.npz")
    return load_settings(path, body, CharacterSettings.neutral(body))


def _training(path: Path) -> Any:
    pytest.importorskip("torch", reason="training needs PyTorch")
    from native_runtime.training import checkpoint
    from native_runtime.training.settings import TrainingSettings

    return TrainingSettings.load(path) if path.suffix == ".json" else checkpoint.read(path)


OLD = {
    "sam3db-estimate": Old("photo_person0.npz", Estimate.load),
    "sam3db-body": Old("body.npz", Body.load),
    "sam3db-manifest": Old("batch_models/landmarks/manifest.json", lambda path: manifest.read(path.parent)),
    "sam3db-variant": Old("sam3d_body/variant.json", lambda path: Variant.load(path.parent)),
    "sam3db-template": Old(
        "sam3d_body/hand_context-fp32.json", lambda path: Template.load(path.parent, "hand_context", "fp32")
    ),
    "sam3db-batch": Old("batch_out/manifest.jsonl", lambda path: read_records([path])),
    "sam3db-settings": Old("settings.json", _settings),
    "sam3db-retarget": Old("my_rig.json", load_map),
    "sam3db-prompts": Old("prompts.json", read_prompts),
    "sam3db-features": Old("features/features_10.000_20.000_30.000.npz", read_features),
    "sam3db-threads": Old("threads.json", threads.read),
    "sam3db-hashes": Old("hashes.json", lambda path: hashes._load()),
    "sam3db-gpu-support": Old("gpu/active.json", read_entry),
    "sam3db-take": Old("walk_person0_take.npz", Take.load),
    "sam3db-tracks": Old("walk_tracks.json", read_tracks),
    "sam3db-take-prompts": Old("walk_hints.json", read_hints),
    "sam3db-views-prompts": Old("front_hints.json", lambda path: read_view_prompts(path, ["a.jpg", "b.jpg"])),
    "sam3db-views": Old("front_views.json", read_summary),
    "sam3db-training": Old("small_training.json", _training),
    "sam3db-checkpoint": Old("checkpoint.safetensors", _training),
    "sam3db-mining": Old("mining.json", read_mined),
    "sam3db-evaluation": Old("evaluation.json", read_evaluation),
    "sam3db-texture": Old("dancer_person0_texture.json", read_record),
    "sam3db-pairs": Old("pairs.json", read_key),
    "sam3db-votes": Old("votes-ann.json", lambda path: read_votes(path, read_key(path.with_name("pairs.json")))),
}

each_format = pytest.mark.parametrize("name", sorted(FORMATS))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copies of all files that 0.1.0 wrote, and of the first files of newer formats."""
    folder = tmp_path / "files"
    shutil.copytree(OLD_FILES, folder)
    shutil.copytree(FIRST_FILES, folder, dirs_exist_ok=True)
    monkeypatch.setattr(hashes, "_file", lambda: folder / "hashes.json")
    return folder


def _contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_each_has_a_file_of_its_first_version() -> None:
    assert FORMATS.keys() == OLD.keys()


@each_format
def test_each_is_documented(name: str) -> None:
    rows = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8").splitlines()
    assert any(row.startswith("|") and f"`{FORMATS[name]}`" in row for row in rows)


@each_format
def test_there_is_a_way_from_each_older_version(name: str) -> None:
    assert sorted(FORMATS[name].migrations) == list(range(1, FORMATS[name].version))


@each_format
def test_files_of_the_first_version_are_read(files: Path, name: str) -> None:
    assert OLD[name].read(files / OLD[name].file)


@each_format
def test_files_that_say_their_version_are_read(files: Path, name: str) -> None:
    path = files / OLD[name].file
    restate(path, f"{name}/1")
    assert OLD[name].read(path)


@each_format
def test_files_of_a_newer_version_are_refused_and_left_alone(files: Path, name: str) -> None:
    path = files / OLD[name].file
    restate(path, following(FORMATS[name]))
    before = _contents(files)
    with pytest.raises(NewerFormatError, match=NEWER):
        OLD[name].read(path)
    assert _contents(files) == before


@pytest.mark.parametrize(
    "stated", ["foreign/1", "sam3db/1", "NAME", "NAME/0", "NAME/1.0", "NAME/-1", "NAME/²", "NAME/1/1"]
)
@pytest.mark.parametrize("name", sorted(FORMATS.keys() - {"sam3db-batch", "sam3db-hashes", "sam3db-threads"}))
def test_files_of_another_format_are_refused(files: Path, name: str, stated: str) -> None:
    path = files / OLD[name].file
    restate(path, stated.replace("NAME", name))
    with pytest.raises(Sam3dbError) as refused:
        OLD[name].read(path)
    assert not isinstance(refused.value, NewerFormatError)


def test_older_content_goes_through_every_migration() -> None:
    steps = {1: lambda content: {"words": [content["word"]]}, 2: lambda content: {**content, "count": 1}}
    made = Format("test", 3, unversioned=True, migrations=steps)
    assert made.checked({"word": "a"}, "it") == {"words": ["a"], "count": 1}
    assert made.checked({"format": "test/2", "words": []}, "it") == {"format": "test/2", "words": [], "count": 1}
    assert made.checked({"format": "test/3"}, "it") == {"format": "test/3"}
    with pytest.raises(ValueError, match="its format is 'other/1', not 'test/1'"):
        Format("test").checked({"format": "other/1"}, "it")


@pytest.mark.parametrize("content", [[], {}, {"format": None}, {"format": 5}, {"format": ["test"]}])
def test_content_without_a_format_is_said_to_have_none(content: Any) -> None:
    with pytest.raises(ValueError, match=r"^it states no format$"):
        Format("test").checked(content, "it")


def test_a_newer_list_of_models_is_not_replaced(files: Path) -> None:
    folder = files / "batch_models" / "landmarks"
    restate(folder / "manifest.json", following(FORMATS["sam3db-manifest"]))
    before = _contents(folder)
    with pytest.raises(NewerFormatError):
        manifest.update(folder, {"network.onnx": manifest.describe(folder / "network.onnx")})
    with pytest.raises(NewerFormatError):
        manifest.verified_path(folder, "network.onnx")
    assert _contents(folder) == before


def test_a_damaged_list_of_models_is_replaced(files: Path) -> None:
    folder = files / "batch_models" / "landmarks"
    restate(folder / "manifest.json", "foreign/1")
    with pytest.raises(ModelError, match="damaged"):
        manifest.read(folder)
    manifest.update(folder, {"network.onnx": manifest.describe(folder / "network.onnx")})
    assert manifest.verify(folder)


def test_an_output_folder_of_a_newer_version_is_one(files: Path) -> None:
    restate(files / "batch_out" / "manifest.jsonl", following(FORMATS["sam3db-batch"]))
    assert is_output_folder(files / "batch_out")
    with pytest.raises(NewerFormatError, match=r"manifest\.jsonl was written by a newer version"):
        read_records(manifests(files / "batch_out"))


def test_a_newer_line_anywhere_in_a_batch_counts(files: Path) -> None:
    """An older version of the program may have begun the manifest that a newer one went on with."""
    path = files / "batch_out" / "manifest.jsonl"
    path.write_bytes(path.read_bytes() + b'{"format":"sam3db-batch/2"}\n')
    with pytest.raises(NewerFormatError):
        read_records([path])


def test_a_foreign_line_in_a_batch_says_nothing(files: Path) -> None:
    path = files / "batch_out" / "manifest.jsonl"
    known = read_records([path])
    path.write_bytes(path.read_bytes() + b'{"format":"foreign/2"}\n')
    assert read_records([path]) == known
    head = Head("/photos", {}, "2026-01-01T00:00:00+00:00")
    Manifest(path, head).close()
    assert read_records([path]) == known


def test_remembered_hashes_of_0_1_0_are_still_known(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place, (*state, digest)) = next(iter(hashes._load().items()))
    monkeypatch.setattr(hashes, "_identity", lambda path: (place, state))
    assert hashes.recall(files / "photo.png") == digest == hashes.sha256_of(files / "photo.png")


def test_hashes_that_a_newer_version_remembers_are_left_alone(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    restate(files / "hashes.json", following(FORMATS["sam3db-hashes"]))
    monkeypatch.setattr(hashes, "SMALLEST", 4)
    before = _contents(files)
    assert hashes.recall(files / "photo.png") is None
    hashes.remember(files / "photo.png", "0" * 64)
    assert _contents(files) == before
    restate(files / "hashes.json", "foreign/1")
    assert hashes._load() == {}
