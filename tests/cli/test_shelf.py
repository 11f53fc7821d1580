"""`sam3db models shelf` and `sam3db models get`."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from native_runtime.build import install
from native_runtime.cli import main
from native_runtime.cli.console import Console
from native_runtime.cli.shelf import paced
from native_runtime.models import instanthmr
from native_runtime.models.shelf import shelf
from native_runtime.proof import Report
from native_runtime.proof.record import keep
from native_runtime.proof.report import Check
from tests.support.hub import TOKEN, hub
from tests.support.toy_hmr import network

ACCEPT = ("--accept", "sam,instanthmr_noncommercial", "--commercial", "no")


@pytest.fixture(autouse=True)
def _proved(monkeypatch: pytest.MonkeyPatch) -> None:
    report = Report(("instanthmr",), (Check("instanthmr", "toy", "", True, "It is there."),), "now")
    monkeypatch.setattr(install, "_prove", lambda names, models, progress: report)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.onnx"
    path.write_bytes(network())
    return path


def run(*words: str | Path) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    code = main([*map(str, words), "--json"], Console(out, True, False))
    (line,) = out.getvalue().splitlines()
    return code, json.loads(line)


def said(*words: str | Path) -> str:
    out = io.StringIO()
    assert main(list(map(str, words)), Console(out, False, False)) == 0
    return out.getvalue()


def test_the_shelf_lists_everything(tmp_path: Path) -> None:
    code, result = run("models", "shelf", "--models", tmp_path)
    assert code == 0
    assert [item["name"] for item in result["items"]] == list(shelf())
    assert {item["state"] for item in result["items"]} == {"absent"}
    assert all("text" not in terms for item in result["items"] for terms in item["terms"])
    text = said("models", "shelf", "sam3d_body", "--licences")
    for part in ("SAM License", "DINOv3 License", "ITAR", "cristianAdi13/maccap-model", "b5a2f9d305dd0262", "33.8 mm"):
        assert part in text
    for terms in shelf()["sam3d_body"].terms:
        assert terms.text in text


def test_an_item_becomes_ready(tmp_path: Path, file: Path) -> None:
    models = tmp_path / "models"
    code, result = run("models", "get", "instanthmr_nano", "--models", models, "--file", file, *ACCEPT)
    assert code == 0
    assert (result["item"], result["source"], result["detail"]) == ("instanthmr_nano", "file", "224 px")
    assert result["bytes"] == len(network())
    text = said("models", "get", "instanthmr_nano", "--models", models, *ACCEPT)
    assert "InstantHMR nano was ready before" in text
    assert "--engine instanthmr" in text
    assert run("models", "shelf", "instanthmr_nano", "--models", models)[1]["items"][0]["state"] == "ready"


def test_the_size_that_is_got_last_is_used(tmp_path: Path, file: Path) -> None:
    for item in ("instanthmr_small", "instanthmr_nano", "instanthmr_small"):
        words = () if instanthmr.installed(tmp_path) == ["small", "nano"] else ("--file", file)
        assert run("models", "get", item, "--models", tmp_path, *words, *ACCEPT)[0] == 0
        assert instanthmr.used_network(tmp_path).name == item.removeprefix("instanthmr_")


def test_a_download_by_the_command_line(tmp_path: Path) -> None:
    with hub({"nano.onnx": network()}, token=None) as service:
        code, result = run(
            "models", "get", "instanthmr_nano", "--models", tmp_path, "--service", service.address, *ACCEPT
        )
    assert (code, result["source"]) == (0, "naturalpad")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["get", "instanthmr_nano"], r"SAM License, 19 November 2025 \(https://.*--licences.*--accept KEY"),
        (["get", "instanthmr_nano", *ACCEPT[:2]], "--commercial yes"),
        (["get", "instanthmr_nano", *ACCEPT[:2], "--commercial", "yes"], "instanthmr_medium_commercial"),
        (["get", "nothing"], "there are: sam3d_body"),
        (
            ["get", "instanthmr_nano", *ACCEPT, "--accept", "SAM"],
            "no terms SAM; those of instanthmr_nano are: sam, inst",
        ),
        (["get", "instanthmr_nano", *ACCEPT, "--source", "x"], "there are: naturalpad, file"),
        (["get", "instanthmr_nano", *ACCEPT, "--token-file", "nowhere"], "nowhere cannot be read"),
        (["shelf", "--licences"], "Name the item"),
    ],
)
def test_wrong_usage(words: list[str], message: str, tmp_path: Path) -> None:
    code, result = run("models", words[0], "--models", tmp_path, *words[1:])
    assert code == 2
    assert result["error"]["kind"] == "UsageError"
    assert re.search(message, result["error"]["text"])
    assert list(tmp_path.iterdir()) == []


def test_a_token_comes_from_a_file_and_is_never_shown(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n")
    with hub({}, status=403, error={"X-Error-Message": f"{TOKEN} is not on the list"}) as service:
        accept = ("--accept", "sam", "--accept", "dinov3", "--token-file", token, "--source", "meta")
        code, result = run(
            "models", "get", "sam3d_body", "--models", tmp_path / "m", "--service", service.address, *accept
        )
        assert any(headers.get("Authorization") == f"Bearer {TOKEN}" for _, _, headers in service.asked)
    assert code == 1
    assert "has no access to facebook/sam-3d-body-dinov3 yet" in result["error"]["text"]
    shown = capfd.readouterr()
    assert TOKEN not in json.dumps(result) + shown.out + shown.err


def test_a_download_does_not_flood_the_terminal() -> None:
    told: list[str] = []
    step = paced(lambda fraction, text: told.append(text))
    for number in range(50):
        step(number / 50, f"Downloading a: {number} of 50 MB")
    step(0.9, "Reading a")
    assert told == ["Downloading a: 0 of 50 MB", "Reading a"]


def test_a_proof_is_shown_of_whole_networks_only(tmp_path: Path, file: Path, models: Path) -> None:
    own = tmp_path / "models"
    shutil.copytree(models / "landmarks", own / "landmarks")
    assert run("models", "get", "instanthmr_nano", "--models", own, "--file", file, *ACCEPT)[0] == 0
    for passed in (True, False):
        check = Check("instanthmr", "toy", "", passed, "Its knees are wrong.")
        keep(Report(("instanthmr",), (check,), "now"), "instanthmr", own)
        assert f"{'proved' if passed else 'NOT PROVED'} now" in said("engines", "--models", own)
        assert engine_in(own)["proof"] == {"when": "now", "passed": passed}
    text = said("models", "shelf", "--models", own)
    assert "its last check failed. Get it again with `sam3db models get instanthmr_nano`." in text
    network_file = own / "instanthmr" / "nano.onnx"
    for spoil in (lambda: network_file.write_bytes(b"spoiled"), network_file.unlink,
                  lambda: (own / "instanthmr" / "manifest.json").write_text("{")):  # fmt: skip
        spoil()
        engine = engine_in(own)
        assert (engine["ready"], engine["proof"]) == (False, None)
        assert "sam3db models get" in engine["text"]
        assert "models build" not in engine["text"]
        assert "PROVED" not in said("engines", "--models", own)


def engine_in(models: Path) -> dict[str, Any]:
    return next(one for one in run("engines", "--models", models)[1]["engines"] if one["engine"] == "instanthmr")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--mhr", "mhr_model.pt"), "name that file, too"),
        (("--file", ""), "--file names no file"),
        (("--file", "x", "--mhr", ""), "--mhr names no file"),
    ],
)
def test_files_that_are_not_named_are_not_passed_over(tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    with hub({"nano.onnx": network()}, token=None) as service:
        get = ("models", "get", "instanthmr_nano", "--models", tmp_path, "--service", service.address, *ACCEPT)
        code, result = run(*get, *words)
        assert (code, service.asked) == (2, [])
    assert sentence in result["error"]["text"]
