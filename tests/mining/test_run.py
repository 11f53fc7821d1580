"""Mining a batch's output folder from rendered photos to the report."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from native_runtime.batch.manifest import Head, Manifest
from native_runtime.batch.photos import find_photos
from native_runtime.batch.record import Fault, FileState, Record, Stage
from native_runtime.cli import main
from native_runtime.cli.console import Console
from native_runtime.engines.estimate import Estimate
from native_runtime.mhr.state import PlacedState
from native_runtime.mining.flip import mirrored_back
from native_runtime.mining.report import read_mined
from native_runtime.synthetic.library import mirror
from native_runtime.synthetic.pictures import Photographer
from native_runtime.synthetic.poses import Pose
from tests.mining.people import Poser, poser
from tests.mining.stub_model import completion, serving


def _run(*words: object) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    code = main([*map(str, words), "--json"], Console(out, True, False))
    return code, json.loads(out.getvalue())


@pytest.fixture(scope="module")
def people(default_body_path: Path) -> Poser:
    return poser(default_body_path)


@pytest.fixture(scope="module")
def folder(people: Poser, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of two people, a right and a wrong estimate, and the record of a photo that shows nobody."""
    top = tmp_path_factory.mktemp("mined")
    photos, out = top / "photos", top / "batch"
    photos.mkdir()
    out.mkdir()
    body, photographer = people.body, Photographer(people.body)
    manifest = Manifest(out / "manifest.jsonl", Head(str(photos), {}, "2026-01-01T00:00:00+00:00"))
    pose = Pose(people.estimate("standing_waving").model_parameters, "standing_waving", False)
    shot = photographer.shoot(lambda number: pose, np.random.default_rng(11), company=0.0)
    for name in ("right", "wrong"):
        person = shot.people[0]
        cv2.imwrite(str(photos / f"{name}.png"), cv2.cvtColor(shot.pixels, cv2.COLOR_RGB2BGR))
        parameters = person.parameters.copy()
        if name == "wrong":
            for joint, angle in (("l_upleg_rz", 1.2), ("r_uparm_rz", -0.9), ("l_knee_bend", 1.5)):
                index = body.parameter_index(joint)
                parameters[index] = np.clip(parameters[index] + angle, body.limit_min[index], body.limit_max[index])
        state = PlacedState(
            parameters, person.standing.build.identity, person.standing.build.expression, person.translation
        )
        estimate = Estimate.from_state(
            body, state, shot.view.intrinsics, image_size=np.array(shot.view.size), bbox=person.box,
            engine="landmarks", photo=f"{name}.png",
        )  # fmt: skip
        files = estimate.save(out / f"{name}_person0")
        states = {path.name: FileState.of(path) for path in files}
        stages = {"estimate": Stage("x", "x", states)}
        manifest.append(Record(f"{name}.png", name, state="done", found=1, stages=stages, changed="2026-01-01"))
    nobody = Fault("NoPersonError", "Nobody was found.")
    manifest.append(Record("nobody.png", "nobody", state="failed", fault=nobody, changed="2026-01-01"))
    manifest.close()
    return top


def test_the_wrong_estimate_comes_first(folder: Path, tmp_path: Path) -> None:
    said = completion('{"kinds": ["crowd"], "note": "Two people."}')
    with serving(said, completion(None, refusal="No.")) as stub:
        model = ("--vlm-url", stub.url, "--vlm-model", "seer", "--vlm-send")
        code, result = _run("mine", folder / "batch", "-o", tmp_path / "out", *model)
    assert code == 1, "a photo has no estimate"
    assert len(stub.asked) == 2
    assert [one["described"] for one in result["people"]] == [{"kinds": ["crowd"], "note": "Two people."}, None]
    assert "crowd" in result["people"][0]["kinds"]
    assert [one["photo"] for one in result["people"]] == ["wrong.png", "right.png"]
    first, second = result["people"]
    assert first["score"] > second["score"] + 0.1
    assert first["reasons"]
    assert first["signs"]["outline"] > second["signs"]["outline"]
    assert first["signs"]["residual"] > second["signs"]["residual"]
    assert result["failed"] == [{"photo": "nobody.png", "reason": "Nobody was found."}]
    written = read_mined(tmp_path / "out" / "mining.json")
    assert written["people"] == result["people"]
    page = (tmp_path / "out" / "contact_sheet.html").read_text()
    assert page.index("wrong.png") < page.index("right.png") < page.index("nobody.png")
    assert len(list((tmp_path / "out" / "previews").iterdir())) == 2
    assert (tmp_path / "out" / "contact_sheet.png").is_file()


def test_photos_that_are_gone_are_judged_by_the_estimate_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, result = _run("mine", folder / "batch", "-o", tmp_path / "out", "--photos", tmp_path / "empty")
    assert code == 1
    assert len(result["people"]) == len(result["left_out"]) == 2
    assert all(one["signs"]["outline"] is None for one in result["people"])


def test_a_damaged_estimate_does_not_stop_the_rest(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "batch"
    shutil.copytree(folder / "batch", copy)
    (copy / "wrong_person0.npz").write_bytes(b"PK\x03\x04 damaged")
    (tmp_path / "empty").mkdir()
    code, result = _run("mine", copy, "-o", tmp_path / "out", "--photos", tmp_path / "empty")
    assert code == 1
    assert [one["photo"] for one in result["people"]] == ["right.png"]
    assert {one["file"] for one in result["left_out"]} == {"wrong_person0.npz", "right.png"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{top}/none", "-o", "{out}"], "There is no folder"),
        (["{top}/batch", "-o", "{out}", "--photos", "{top}/none"], "There is no folder"),
        (["{top}/batch", "-o", "{out}", "--count", "0"], "At least one person"),
        (["{top}/empty", "-o", "{out}"], "There are no photos in"),
        (["{top}/loose", "-o", "{out}"], "output folder of a batch"),
        (["{top}/photos", "-o", "{top}/photos"], "a folder of their own"),
        (["{top}/photos", "-o", "{top}"], "a folder of their own"),
        (["{top}/batch", "-o", "{top}/batch"], "a folder of their own"),
        (["{top}/batch", "-o", "{top}/photos", "--photos", "{top}/photos"], "a folder of their own"),
        (["{top}/batch", "-o", "{out}", "--vlm-url", "https://a.invalid", "--vlm-model", "x"], "unless you agree"),
        (["{top}/batch", "-o", "{out}", "--vlm-url", "http://a.invalid", "--vlm-model", "x"], "https"),
        (["{top}/batch", "-o", "{out}", "--vlm-url", "https://a.invalid"], "needs a name"),
    ],
)
def test_what_makes_no_sense_is_refused(folder: Path, tmp_path: Path, words: list[str], said: str) -> None:
    (folder / "empty").mkdir(exist_ok=True)
    if not (folder / "loose").exists():
        (folder / "loose").mkdir()
        shutil.copy(folder / "batch" / "right_person0.npz", folder / "loose")
    before = sorted(folder.rglob("*"))
    code, result = _run("mine", *(word.format(top=folder, out=tmp_path / "out") for word in words))
    assert code == 2
    assert re.search(said, result["error"]["text"])
    assert sorted(folder.rglob("*")) == before
    assert not (tmp_path / "out").exists()


def test_results_within_the_photos_are_no_photos(folder: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copy(folder / "photos" / "right.png", photos)
    words = "--engine", "landmarks", "--body", "default-lod2"
    code, result = _run("mine", photos, "-o", photos / "worst", *words)
    assert code == 0
    told = {one["photo"] for one in result["people"]}
    assert told == {"right.png"}
    assert (photos / "worst" / "contact_sheet.png").is_file()
    (photos / "worst" / "mining.json").rename(photos / "worst" / "gone.json")  # as after an interruption
    assert {one["photo"] for one in _run("mine", photos, "-o", photos / "worst", *words)[1]["people"]} == told
    assert [one.relative for one in find_photos(photos)] == ["right.png"]


def test_a_folder_of_photos_is_looked_through_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is opened to see what it is, which takes long in a large folder, or over a network."""
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "grey.png"), np.full((64, 64, 3), 90, np.uint8))
    listed, walk = [], os.walk
    monkeypatch.setattr(os, "walk", lambda top, **more: listed.append(top) or walk(top, **more))
    monkeypatch.chdir(tmp_path)
    assert _run("mine", "photos", "-o", "out")[0] == 2  # nobody is seen, but everything was looked at
    assert listed.count(tmp_path / "photos") + listed.count(Path("photos")) == 1


def test_photos_that_show_nobody_are_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "grey.png"), np.full((64, 64, 3), 90, np.uint8))
    code, result = _run("mine", tmp_path / "photos", "-o", tmp_path / "out")
    assert code == 2
    assert "grey.png" in result["error"]["text"]


def test_a_mirrored_estimate_is_mirrored_back(people: Poser) -> None:
    """Of a body that the mirrored photo shows exactly mirrored, nothing is left of the difference."""
    estimate = people.estimate("standing_waving", yaw=0.0)
    twin = mirror(people.body, estimate.model_parameters)
    place = estimate.camera_translation * [-1.0, 1.0, 1.0]
    other = estimate.with_state(people.body, replace(estimate.state, model_parameters=twin, camera_translation=place))
    back = mirrored_back(other)
    assert np.abs(back.keypoints_3d - estimate.keypoints_3d).max() < 0.01
    assert np.abs(back.keypoints_2d - estimate.keypoints_2d).max() < 2.0
