"""`sam3db convert-checkpoint`, and what `sam3db models` says of what it made."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime import proof
from native_runtime.build.sam3d_body import convert
from native_runtime.cli import main
from native_runtime.cli.console import Console
from native_runtime.proof.record import last_proof
from native_runtime.proof.report import Check, Report
from tests.support import toy_sam3d_body
from tests.support.checkpoints import write_safetensors, write_torch


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    write_torch(folder / "model.ckpt", toy_sam3d_body.tensors())
    toy_sam3d_body.write_mhr(folder / "assets" / "mhr_model.pt")
    return folder


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_sam3d_body.write_templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture
def toy_graphs(templates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy model's graphs instead of the released models'."""
    original = convert.convert_checkpoint
    monkeypatch.setattr(
        convert, "convert_checkpoint", lambda *given, **named: original(*given, **named, templates=templates)
    )


NO_PROOF = "--no-proof"
"""The toy model looks like the released ones, but nothing that it answers means anything."""


def run(*words: str | Path) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    code = main([*map(str, words), "--json"], Console(out, True, False))
    (line,) = out.getvalue().splitlines()
    return code, json.loads(line)


def test_a_release_is_converted_listed_and_verified(
    toy_graphs: None, release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, result = run("convert-checkpoint", "--checkpoint", release, "-o", tmp_path, NO_PROOF)
    assert code == 0
    assert result == {
        "command": "convert-checkpoint",
        "ok": True,
        "folder": str(tmp_path / "sam3d_body"),
        "variant": "dinov3",
        "precision": "fp32",
        "size": result["size"],
        "body": "mhr-lod1",
        "layout": "official",
        "inferences": ["full", "body"],
        "notes": [],
    }
    progress = capsys.readouterr().err
    assert "Writing encoder (fp32)" in progress
    assert progress.rstrip().endswith("[100 %] The model is ready")
    _, listed = run("models", "list", "--models", tmp_path)
    states = {model["name"]: model["state"] for model in listed["models"] if model["kind"] == "sam3d_body"}
    assert states.keys() >= {"encoder.onnx", "encoder.weights", "hand_decoder.onnx", "constants.npz"}
    assert set(states.values()) == {"ok"}
    (tmp_path / "sam3d_body" / "constants.npz").unlink()
    code, verified = run("models", "verify", "--models", tmp_path)
    assert code == 1
    assert {m["name"] for m in verified["models"] if (m["kind"], m["state"]) == ("sam3d_body", "missing")} == {
        "constants.npz"
    }
    assert "sam3db convert-checkpoint" in capsys.readouterr().err


def test_files_may_be_named_one_by_one(
    toy_graphs: None, release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAM3DB_MODELS", str(tmp_path / "models"))
    words = ("--checkpoint", release / "model.ckpt", "--mhr", release / "assets" / "mhr_model.pt")
    code, result = run("convert-checkpoint", *words, "--precision", "int8", NO_PROOF)
    assert code == 0
    assert result["precision"] == "int8"
    assert result["folder"] == str(tmp_path / "models" / "sam3d_body")


def test_people_are_told_how_to_go_on(toy_graphs: None, release: Path, tmp_path: Path) -> None:
    out = io.StringIO()
    given = ["convert-checkpoint", "--checkpoint", str(release), "-o", str(tmp_path), NO_PROOF]
    assert main(given, Console(out, False, False)) == 0
    assert out.getvalue().startswith("SAM 3D Body DINOv3-H+ (fp32, 0.00 GB) is in ")
    assert "--engine sam3d_body" in out.getvalue()


def test_a_conversion_that_does_not_prove_itself_is_a_failed_one(
    toy_graphs: None, release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, result = run("convert-checkpoint", "--checkpoint", release, "-o", tmp_path)
    assert (code, result["ok"]) == (1, False)
    assert result["proof"]["engines"] == {"sam3d_body": False}
    assert "did not prove themselves" in capsys.readouterr().err
    remembered = last_proof("sam3d_body", tmp_path)
    assert remembered is not None
    assert not remembered.passed


def test_a_conversion_that_proves_itself_says_so(
    toy_graphs: None, release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def prove(names: list[str], models: str, **_: object) -> Report:
        asked.append((names, models))
        check = Check("sam3d_body", "finite", "", True, "All weights are finite.")
        return Report(("sam3d_body",), (check,), "2026-01-01T00:00:00+00:00")

    monkeypatch.setattr(proof, "prove", prove)
    code, result = run("convert-checkpoint", "--checkpoint", release, "-o", tmp_path)
    assert (code, result["ok"], result["proof"]["passed"]) == (0, True, True)
    assert asked == [(["sam3d_body"], str(tmp_path))]


def test_a_wrong_file_is_a_failed_input(toy_graphs: None, release: Path, tmp_path: Path) -> None:
    mhr = release / "assets" / "mhr_model.pt"
    bad = toy_sam3d_body.tensors() | {"init_pose.weight": np.zeros((1, 4), np.float32)}
    for given, text in (
        (tmp_path / "nowhere.ckpt", "There is no file"),
        (write_torch(tmp_path / "bad.ckpt", bad), "init_pose.weight 1x4 instead of 1x519"),
        (mhr, "is damaged or not a checkpoint"),
    ):
        code, result = run("convert-checkpoint", "--checkpoint", given, "--mhr", mhr, "-o", tmp_path / "models")
        assert (code, result["ok"]) == (1, False)
        assert result["error"]["kind"] == "ModelError"
        assert text in result["error"]["text"]
    assert not (tmp_path / "models").exists()


def test_several_files_and_what_is_to_be_known_of_them(
    toy_graphs: None, release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors = {name: value for name, value in toy_sam3d_body.tensors().items() if "_hand." not in name}
    names = sorted(tensors)
    files = [
        write_safetensors(tmp_path / f"{k}.safetensors", {name: tensors[name] for name in names[k::2]})
        for k in range(2)
    ]
    mhr = release / "assets" / "mhr_model.pt"
    words = ("--mhr", mhr, "-o", tmp_path / "models", "--own-weights", NO_PROOF)
    code, result = run("convert-checkpoint", "--checkpoint", *files, *words)
    assert code == 0
    assert result["inferences"] == ["body"]
    assert "lacks the parts for hands" in result["notes"][0]
    out = io.StringIO()
    given = ["convert-checkpoint", "--checkpoint", *map(str, files), *map(str, words)]
    assert main(given, Console(out, False, False)) == 0
    assert result["notes"][0] in out.getvalue()


@pytest.mark.parametrize(
    "words", [[], ["--checkpoint"], ["--checkpoint", "x", "--precision", "fp8"], ["--checkpoint", "x", "--more"]]
)
def test_wrong_usage(words: list[str]) -> None:
    code, result = run("convert-checkpoint", *words)
    assert (code, result["ok"]) == (2, False)
    assert result["error"]["kind"] == "UsageError"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupted_conversion_leaves_nothing(
    repository: Path, release: Path, templates: Path, tmp_path: Path
) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from native_runtime.build.sam3d_body import attach, convert, variants\n"
        "attach.model_of = lambda _: (sys.stderr.write('now\\n'), sys.stderr.flush(), time.sleep(60))\n"
        f"convert.convert_checkpoint.__defaults__ = (*convert.convert_checkpoint.__defaults__[:3], "
        f"Path({str(templates)!r}), None, None, False)\n"
        "from native_runtime.cli import run; run()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, "convert-checkpoint", "--checkpoint", str(release), "-o", str(tmp_path)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=repository,
        env=os.environ,
        # whoever runs the tests in the background ignores interrupts, and children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    assert any(line == "now\n" for line in process.stderr)
    process.send_signal(signal.SIGINT)
    assert "Traceback" not in process.stderr.read()
    assert process.wait() == 130
    assert not list(tmp_path.iterdir())
