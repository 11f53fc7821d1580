"""`sam3db evaluate` from files to figures."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from native_runtime.batch.settings import BatchRequest
from native_runtime.cli import main
from native_runtime.cli.console import Console
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import NoPersonError
from native_runtime.evaluation.truth import COCO_KEYPOINTS
from native_runtime.pipeline.requests import EstimateRequest
from tests.support.formats import OLD_FILES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one estimate of one photo."""
    made = tmp_path / "batch" / "sub"
    made.mkdir(parents=True)
    for end in (".npz", ".json"):
        shutil.copy(OLD_FILES / f"photo_person0{end}", made)
    return tmp_path / "batch"


@pytest.fixture
def annotations(folder: Path, tmp_path: Path) -> Path:
    """COCO's annotations that say of its photo what the estimate says."""
    estimate = Estimate.load(folder / "sub" / "photo_person0.npz")
    points = estimate.keypoints_2d[list(COCO_KEYPOINTS)]
    low, high = points.min(axis=0), points.max(axis=0)
    person = {
        "image_id": 1,
        "bbox": [*low.tolist(), *(high - low).tolist()],
        "keypoints": np.c_[points, np.full(17, 2)].ravel().tolist(),
    }
    path = tmp_path / "person_keypoints.json"
    images = [{"id": 1, "file_name": estimate.photo}]
    path.write_text(json.dumps({"images": images, "annotations": [person]}))
    return path


def _run(*words: object) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    code = main([*map(str, words), "--json"], Console(out, True, False))
    return code, json.loads(out.getvalue())


def test_it_writes_the_figures_of_a_folder(folder: Path, annotations: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, result = _run("evaluate", folder, "--truth", annotations, "--layout", "coco", "-o", out)
    assert code == 0
    figures = result["figures"][""]
    assert (result["photos"], result["people"]) == (1, 1)
    assert figures["people found, %"]["value"] == figures["PCK@0.05, %"]["value"] == 100
    content = json.loads((out / "evaluation.json").read_text())
    assert content["figures"] == result["figures"]
    assert content["format"] == "sam3db-evaluation/1"
    assert "| PCK@0.05, % | 100.0 |" in (out / "evaluation.md").read_text()


def test_photos_that_are_not_annotated_are_told_as_they_lie_in_the_folder(
    folder: Path, annotations: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    estimate = Estimate.load(folder / "sub" / "photo_person0.npz")
    replace(estimate, photo="lunge.jpg").save(folder / "sub" / "lunge_person0")
    code, _ = _run("evaluate", folder, "--truth", annotations, "--layout", "coco", "-o", tmp_path / "out")
    assert code == 0
    told = capsys.readouterr().err
    assert "1 photo with estimates is not among the annotations: sub/lunge.jpg." in told
    assert "Comparing the people of 1 photo\n" in told


@pytest.mark.parametrize("command", ["evaluate", "mine"])
def test_help_says_that_everybody_is_looked_at(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert "which person: all (default), the largest, or number" in " ".join(capsys.readouterr().out.split())


def test_a_damaged_estimate_is_told_and_the_rest_counts(folder: Path, annotations: Path, tmp_path: Path) -> None:
    (folder / "other_person0.npz").write_bytes(b"nothing")
    code, result = _run("evaluate", folder, "--truth", annotations, "--layout", "coco", "-o", tmp_path / "out")
    assert code == 1
    assert [Path(one["file"]).name for one in result["damaged"]] == ["other_person0.npz"]
    assert result["figures"][""]["people found, %"]["value"] == 100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"estimates": "nowhere"}, "no folder"),
        ({"truth": "nowhere.json"}, "with annotations"),
        ({"photo": "another.jpg"}, "is of 'sub/photo.png', for example; the annotations name 'another.jpg'."),
    ],
)
def test_what_does_not_fit_together_is_refused(
    folder: Path,
    annotations: Path,
    tmp_path: Path,
    change: dict[str, str],
    message: str,
) -> None:
    if "photo" in change:
        content = json.loads(annotations.read_text())
        content["images"][0]["file_name"] = change["photo"]
        annotations.write_text(json.dumps(content))
    given, truth = change.get("estimates", folder), change.get("truth", annotations)
    code, result = _run("evaluate", given, "--truth", truth, "--layout", "coco", "-o", tmp_path / "out")
    assert code == 2
    assert message in result["error"]["text"]
    assert not (tmp_path / "out").exists()


def test_people_of_a_data_set_are_compared_in_space(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="data sets need pyarrow")
    from native_runtime.dataset.rows import Row
    from native_runtime.dataset.shards import SHARD, write

    estimate = Estimate.load(folder / "sub" / "photo_person0.npz")
    low, high = estimate.keypoints_2d.min(axis=0), estimate.keypoints_2d.max(axis=0)
    row = Row(
        image=f"photos/{estimate.photo}",
        person=0,
        subject=0,
        subjects=1,
        keypoints_2d=np.c_[estimate.keypoints_2d, np.ones(70)],
        keypoints_3d=np.c_[estimate.keypoints_3d + (0.01, 0.0, 0.0), np.ones(70)],
        model_parameters=np.zeros(204),
        shape=np.zeros(45),
        mhr_valid=False,
        date="",
        box=np.concatenate([low, high]),
        intrinsics=estimate.intrinsics,
    )
    (tmp_path / "data").mkdir()
    write(tmp_path / "data" / SHARD.format(0), [row])
    code, result = _run("evaluate", folder, "--truth", tmp_path / "data", "--layout", "rows", "-o", tmp_path / "out")
    assert code == 0
    assert result["figures"][""]["MPJPE, mm"]["value"] == pytest.approx(0, abs=1e-4)
    assert result["figures"][""]["PA-MPJPE, mm"]["value"] == pytest.approx(0, abs=1e-4)


def test_several_engines_are_set_beside_each_other(folder: Path, annotations: Path, tmp_path: Path) -> None:
    estimate = Estimate.load(folder / "sub" / "photo_person0.npz")
    worse = tmp_path / "worse"
    worse.mkdir()
    moved = replace(estimate, keypoints_2d=estimate.keypoints_2d + 60.0)
    moved.save(worse / "photo_person0")
    kinds = tmp_path / "kinds.json"
    kinds.write_text(json.dumps({estimate.photo: ["lying"]}))
    truth = ("--truth", annotations, "--layout", "coco", "--kinds", kinds)
    code, result = _run("evaluate", folder, worse, *truth, "-o", tmp_path / "out")
    assert code == 0
    pck = {name: figures["lying"]["PCK@0.05, %"]["value"] for name, figures in result["folders"].items()}
    assert pck["batch"] == 100
    assert pck["worse"] < 50
    assert result["differences"]["worse"]["PCK@0.05, %"]["value"] == pytest.approx(pck["worse"] - 100)
    text = (tmp_path / "out" / "evaluation.md").read_text()
    assert "| PCK@0.05, % | batch | worse |" in text
    assert "| more than batch |" in text
    code, result = _run("evaluate", folder, folder, *truth, "-o", tmp_path / "out")
    assert code == 2
    assert "named twice" in result["error"]["text"]


def test_kinds_of_other_photos_are_refused(folder: Path, annotations: Path, tmp_path: Path) -> None:
    kinds = tmp_path / "kinds.json"
    kinds.write_text(json.dumps({"another.jpg": ["lying"]}))
    words = ("--truth", annotations, "--layout", "coco", "--kinds", kinds, "-o", tmp_path / "out")
    code, result = _run("evaluate", folder, *words)
    assert code == 2
    assert "None of the photos" in result["error"]["text"]


def test_an_engine_looks_at_the_photos_first(
    folder: Path, annotations: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = []

    def batch(request: BatchRequest, console: Console) -> SimpleNamespace:
        requests.append(request)
        shutil.copytree(folder, request.out, dirs_exist_ok=True)
        faults = [SimpleNamespace(kind=kind, text="why") for kind in ("NoPersonError", "PhotoError")]
        return SimpleNamespace(failed=[SimpleNamespace(photo=f"{f.kind}.jpg", fault=f) for f in faults])

    monkeypatch.setattr("native_runtime.batch.run.run_batch", batch)
    photos = tmp_path / "photos"
    photos.mkdir()
    words = ("--truth", annotations, "--layout", "coco", "--engine", "landmarks", "-o", tmp_path / "out")
    code, result = _run("evaluate", photos, *words)
    (request,) = requests
    assert (request.folder, request.out) == (photos, tmp_path / "out" / "estimates")
    assert (request.engine, request.persons, request.needs_blender) == ("landmarks", "all", False)
    assert code == 1  # for the photo that could not be read, not for the one without people
    assert [one["file"] for one in result["damaged"]] == ["PhotoError.jpg"]
    assert result["figures"][""]["people found, %"]["value"] == 100
    code, result = _run("evaluate", photos, photos, *words)
    assert code == 2
    assert "one folder of photos" in result["error"]["text"]


def test_annotated_people_are_estimated_in_their_boxes(
    folder: Path, annotations: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimate = Estimate.load(folder / "sub" / "photo_person0.npz")
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in (estimate.photo, "stranger.png"):
        cv2.imwrite(str(photos / name), np.full((40, 50, 3), 90, np.uint8))
    asked: list[EstimateRequest] = []

    def look(request: EstimateRequest, inference: object, console: object, stem: Any, **_: Any) -> tuple[None, Any]:
        asked.append(request)
        return None, iter([estimate.save(stem(0))])

    monkeypatch.setattr("native_runtime.pipeline.estimating.estimate_photo", look)
    words = ("--truth", annotations, "--layout", "coco", "-o", tmp_path / "out")
    in_boxes = ("evaluate", photos, "--engine", "landmarks", "--true-boxes", *words)
    code, result = _run(*in_boxes)
    assert code == 0
    (request,) = asked  # not for the photo that is not annotated
    x, y, width, height = json.loads(annotations.read_text())["annotations"][0]["bbox"]
    assert request.boxes == (pytest.approx((x, y, x + width, y + height)),)
    assert (request.engine, request.persons) == ("landmarks", "all")
    assert result["figures"][""]["people found, %"]["value"] == 100
    assert _run(*in_boxes)[0] == 0
    assert len(asked) == 1  # what is there is not made again

    def nobody(*_: Any, **__: Any) -> None:
        raise NoPersonError("nobody")

    shutil.rmtree(tmp_path / "out")
    monkeypatch.setattr("native_runtime.pipeline.estimating.estimate_photo", nobody)
    code, result = _run(*in_boxes)
    assert code == 1  # there is nothing to compare
    assert "no estimates" in result["error"]["text"]
    for more, message in ((("--person", "0"), "does not go with it"), (("--engine", "none"), "none")):
        code, result = _run(*in_boxes, *more)
        assert code == 2
        assert message in result["error"]["text"]
    code, result = _run("evaluate", folder, "--true-boxes", *words)
    assert code == 2
    assert "name an --engine" in result["error"]["text"]


@pytest.mark.parametrize("wrong", ["folder", "content", "kinds"])
def test_annotations_that_cannot_be_read_are_wrong_usage(
    folder: Path, annotations: Path, tmp_path: Path, wrong: str
) -> None:
    (tmp_path / "wrong.json").write_text("[")
    truth = {"folder": folder, "content": tmp_path / "wrong.json", "kinds": annotations}[wrong]
    words = ["--kinds", tmp_path / "wrong.json"] if wrong == "kinds" else []
    code, result = _run("evaluate", folder, "--truth", truth, "--layout", "coco", "-o", tmp_path / "out", *words)
    assert code == 2
    assert "cannot be read" in result["error"]["text"]
    assert not (tmp_path / "out").exists()
