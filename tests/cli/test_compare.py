"""`sam3db compare` from folders of estimates to figures."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from native_runtime.cli import main
from native_runtime.cli.console import Console
from native_runtime.engines.estimate import Estimate
from native_runtime.evaluation.preference import pictures
from native_runtime.mhr import Body
from tests.support.formats import OLD_FILES


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Estimates of two engines of one photo, and the photo."""
    body = Body.load(OLD_FILES / "body.npz")
    monkeypatch.setattr(pictures, "load_body", lambda name, models: body)
    estimate = Estimate.load(OLD_FILES / "photo_person0.npz")
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        replace(estimate, engine=name).save(tmp_path / name / "photo_person0")
    (tmp_path / "photos").mkdir()
    width, height = estimate.image_size.tolist()
    cv2.imwrite(str(tmp_path / "photos" / estimate.photo), np.full((height, width, 3), 90, np.uint8))
    return tmp_path


def _run(*words: object) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    code = main([*map(str, words), "--json"], Console(out, True, False))
    return code, json.loads(out.getvalue())


def _page(data: Path, *more: object) -> tuple[int, dict[str, Any]]:
    folders = (data / "first", data / "second")
    return _run("compare", "page", *folders, "--photos", data / "photos", "-o", data / "out", *more)


def _vote(path: Path, set_name: str, choice: str, pair: str = "0001") -> Path:
    votes = [{"pair": pair, "choice": choice}]
    path.write_text(json.dumps({"format": "sam3db-votes/1", "set": set_name, "voter": path.stem, "votes": votes}))
    return path


def test_from_folders_to_figures(data: Path) -> None:
    code, result = _page(data)
    assert code == 0
    assert (result["pairs"], result["engines"]) == (1, ["first", "second"])
    page = (data / "out" / "vote.html").read_text()
    assert "first" not in page.split("</style>")[1].split("<script>")[0]
    assert "second" not in page.split("</style>")[1].split("<script>")[0]
    key = json.loads((data / "out" / "pairs.json").read_text())
    side = "left" if key["pairs"][0]["left"] == "second" else "right"
    votes = [_vote(data / f"{name}.json", key["set"], side) for name in ("ann", "bob")]
    code, result = _run("compare", "count", *votes, "--pairs", data / "out" / "pairs.json", "-o", data / "counted")
    assert code == 0
    assert [engine["engine"] for engine in result["engines"]] == ["second", "first"]
    assert result["engines"][0]["wins"] == 2
    assert json.loads((data / "counted" / "preference.json").read_text())["votes"] == 2
    assert "| second | first |" in (data / "counted" / "preference.md").read_text()


def test_votes_that_do_not_count_are_told_and_the_rest_does(data: Path) -> None:
    _page(data)
    key = json.loads((data / "out" / "pairs.json").read_text())
    votes = [
        _vote(data / "ann.json", key["set"], "tie"),
        _vote(data / "bob.json", "another", "tie"),
        _vote(data / "cid.json", key["set"], "tie", pair="0099"),
        data / "missing.json",
    ]
    code, result = _run("compare", "count", *votes, "--pairs", data / "out" / "pairs.json", "-o", data / "counted")
    assert code == 1
    assert (result["votes"], result["unknown"]) == (1, 1)
    assert [Path(one["file"]).name for one in result["damaged"]] == ["bob.json", "missing.json"]


def test_a_photo_that_is_missing_is_told(data: Path) -> None:
    for photo in (data / "photos").iterdir():
        photo.rename(data / photo.name)
    code, result = _page(data)
    assert code == 2
    assert "None of the pairs could be drawn" in result["error"]["text"]
    assert not (data / "out" / "vote.html").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--names", "one"), "2 folders, and 1 names"),
        (("--names", "one,one"), "the same name"),
        (("--count", "0"), "at least 1"),
    ],
)
def test_what_does_not_fit_together_is_refused(data: Path, more: tuple[str, ...], message: str) -> None:
    code, result = _page(data, *more)
    assert code == 2
    assert message in result["error"]["text"]


def test_one_folder_or_none_is_refused(data: Path) -> None:
    photos = ("--photos", data / "photos", "-o", data / "out")
    for folders, message in (((data / "first",), "Two folders"), ((data / "first", data / "third"), "no folder")):
        code, result = _run("compare", "page", *folders, *photos)
        assert code == 2
        assert message in result["error"]["text"]
