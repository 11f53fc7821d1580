"""What can be known to be wrong about several photos is said before any work."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from native_runtime.cli import main
from native_runtime.cli.console import Console
from native_runtime.errors import ModelError, UsageError
from native_runtime.pipeline.decoding import decode, encode
from native_runtime.takes.views.request import ViewsRequest
from native_runtime.takes.views.summary import read_summary, write_summary


def error_of(*words: str) -> str:
    out = io.StringIO()
    assert main(["views", *words, "-o", "nowhere", "--json"], Console(out, True, False), []) == 2
    return str(json.loads(out.getvalue())["error"]["text"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a.jpg",), "two photos or more"),
        (("a.jpg", "b.jpg", "--person", "0"), "1 person was given for 2 photos. Give one for each"),
        (("a.jpg", "b.jpg", "--person", "0,1,0"), "3 people were given"),
        (("a.jpg", "b.jpg", "--person", "0,x"), "numbers from 0 on"),
        (("a.jpg", "b.jpg", "--camera", "x,y"), "need the calibration"),
        (("a.jpg", "b.jpg", "--unit", "mm"), "needs the calibration"),
        (("a.jpg", "b.jpg", "--calibration", "c.toml", "--height-cm", "180"), "measure how tall"),
        (("a.jpg", "b.jpg", "--calibration", "c.toml", "--fov-deg", "50"), "knows the lenses"),
        (("a.jpg", "b.jpg", "--height-cm", "170,180"), "one height"),
        (("a.jpg", "b.jpg", "--box", "0,0,5,5", "--box", "0,0,5,5", "--person", "0,0"), "not by both"),
    ],
)
def test_mistakes_are_told_in_words(words: tuple[str, ...], said: str) -> None:
    assert said in error_of(*words)


@pytest.mark.parametrize("option", ["--calibration", "--prompts", "--start"])
def test_a_file_that_is_not_there_is_a_wrong_command(option: str) -> None:
    assert f"none.file, which {option}" in error_of("a.jpg", "b.jpg", option, "none.file")


def test_prompts_with_mistakes_are_a_wrong_command(tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.json"
    prompts.write_text('{"prompts": [{"photo": 5, "keypoints": []}]}')
    assert "about the photo 5" in error_of("a.jpg", "b.jpg", "--prompts", str(prompts))


def test_a_request_comes_back_from_its_json() -> None:
    request = ViewsRequest(photos=("a.jpg", "b.jpg"), people=(0, 1), calibration="c.toml", unit="mm", age=30.0)
    assert request.one_pose
    assert decode(ViewsRequest, json.loads(json.dumps(encode(request)))) == request
    with pytest.raises(UsageError):
        decode(ViewsRequest, {"photos": ["a.jpg", "b.jpg"], "calibration": "c", "unit": "inch"})


def test_a_photo_that_is_missing_fails_the_command_with_one_object(tmp_path: Path) -> None:
    out = io.StringIO()
    words = ["views", str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg"), "-o", str(tmp_path / "out"), "--json"]
    assert main(words, Console(out, True, False), []) == 1
    told = json.loads(out.getvalue())
    assert told["ok"] is False
    assert "a.jpg" in told["error"]["text"]
    assert "b.jpg" in told["error"]["text"]  # all at once, before any work


def test_a_summary_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "front_views.json"
    write_summary(path, {"views": []})
    assert read_summary(path)["views"] == []
    for text in ("", "{", "[]", '{"format": "sam3db-views/1"}'):
        path.write_text(text)
        with pytest.raises(ModelError):
            read_summary(path)
    with pytest.raises(ModelError):
        read_summary(tmp_path / "nothing.json")
