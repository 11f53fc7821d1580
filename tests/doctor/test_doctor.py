"""What `sam3db doctor` finds out, with engines that see no picture."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime import __version__
from native_runtime.cli import main
from native_runtime.cli.console import Console
from native_runtime.cli.remedies import advised
from native_runtime.doctor import machine, speed, table
from native_runtime.doctor.examination import Result
from native_runtime.doctor.extensions import user_folders
from native_runtime.doctor.networks import Found
from native_runtime.doctor.page import page
from native_runtime.doctor.privacy import hidden, without_names
from native_runtime.doctor.report import Fault, Section
from native_runtime.doctor.speed import Pass, Speed
from native_runtime.engines import engines
from native_runtime.engines.status import EngineStatus
from native_runtime.errors import Remedy
from native_runtime.models.store import NETWORKS
from native_runtime.onnx import processor
from tests.support import fake_engine
from tests.support.doctored import write_models


def examined(monkeypatch: pytest.MonkeyPatch, *ready: str) -> None:
    """An examination that finds nothing wrong, and these engines ready."""
    found = Found(engines=[EngineStatus(name in ready, "networks").described(name) for name in engines()])
    result = Result(machine.this_machine(), [Section("room", "Room", ("- enough",))], found)
    monkeypatch.setattr("native_runtime.doctor.examination.examine", lambda *_: result)


def test_a_machine_says_what_counts() -> None:
    here = machine.this_machine("1.30", ("cuda", "cpu"), "cpu")
    assert here.cores >= 1
    text = "\n".join(table.machine_lines(here))
    assert here.processor in text
    assert "ONNX Runtime 1.30: cuda, cpu; cpu works" in text
    assert "ONNX Runtime cannot be used" in "\n".join(table.machine_lines(machine.this_machine()))


def test_the_whole_page_of_an_installation_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything is really done: libraries imported, networks run, a worker asked. Nobody is named."""
    home = tmp_path / "people" / "jane"
    models = write_models(home / "models")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LOGNAME", "jane")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("BLENDER_USER_RESOURCES", raising=False)
    extension = home / ".config/blender/5.2/extensions/user_default/sam3db_blender"
    extension.mkdir(parents=True)
    (extension / "blender_manifest.toml").write_text(f'version = "{__version__}"', encoding="utf-8")
    for name in ("native_runtime", "onnxruntime", "cv2"):
        (extension.parents[1] / ".local/lib/python3.13/site-packages" / name).mkdir(parents=True)
    data = io.StringIO()
    assert main(["doctor", "--models", str(models), "--json"], Console(data, True, False)) == 0
    content = json.loads(data.getvalue())
    assert (content["ok"], content["faults"], content["speeds"]) == (True, [], [])
    assert set(content) >= {"command", "machine", "engines", "checks", "notes"}
    checks = content["checks"]
    assert {file["state"] for file in checks["models"]["files"]} == {"ok"}
    assert len(checks["networks"]["networks"]) == len(NETWORKS)
    assert all(network["run"] > 0 for network in checks["networks"]["networks"])
    assert checks["versions"]["numpy"] == np.__version__
    assert checks["worker"]["seconds"] > 0
    assert checks["extensions"]["installed"][0]["version"] == __version__
    assert checks["models"]["folder"] == "~/models"
    assert "jane" not in data.getvalue()
    assert not (home / ".cache" / "sam3db").exists() or list((home / ".cache" / "sam3db").iterdir())


def test_the_page_ends_with_the_verdict() -> None:
    good = Section("a", "Good", ("- all right",))
    bad = Section("b", "Bad", ("- not so",), faults=(Fault("It is broken.", Remedy.BUILD_MODELS),))
    assert page([good], advised)[-1] == "Everything works."
    assert page([good, bad], advised)[-2:] == [
        "1 thing must be put right:",
        "- It is broken. Build what is missing or damaged with `sam3db models build`.",
    ]
    assert page([good], advised, ["## Graphics cards", "", "- none", ""])[-5:] == [
        "- none",
        "",
        "## Verdict",
        "",
        "Everything works.",
    ]
    assert Section.from_json(json.loads(json.dumps(bad.described()))) == bad


@pytest.mark.parametrize(
    ("text", "home", "user", "expected"),
    [
        ("/home/jane/.cache/x (models)", "/home/jane", "jane", "~/.cache/x (models)"),
        ("/home/janet/x", "/home/jane", "jane", "~/x"),
        ("/Users/Jane Doe/Library/x", "/Users/Jane Doe", "Jane Doe", "~/Library/x"),
        (r"C:\Users\Jane\AppData\Local\Temp", r"C:\Users\Jane", "Jane", r"~\AppData\Local\Temp"),
        (r"C:\Users\JANEDO~1\AppData", r"C:\Users\Jane Doe", "Jane Doe", r"~\AppData"),
        ("/media/jane/disk/models", "/home/jane", "jane", "/media/USER/disk/models"),
        ("/tmp/pytest-of-jane/x is damaged", "/home/jane", "jane", "/tmp/pytest-of-USER/x is damaged"),
        ("plain words of max", "/home/max", "max", "plain words of max"),
        ("/srv/models", "/", "daemon", "/srv/models"),
    ],
)
def test_nobody_is_named(text: str, home: str, user: str, expected: str) -> None:
    assert without_names(text, home, user) == expected
    assert hidden({"a": [text, 1, None]}, home, user) == {"a": [expected, 1, None]}


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, ".config/blender/5.2/extensions"),
        ("linux", {"XDG_CONFIG_HOME": "{home}/conf"}, "conf/blender/4.5/extensions"),
        ("darwin", {}, "Library/Application Support/Blender/5.2/extensions"),
        ("win32", {"APPDATA": "{home}/Roaming"}, "Roaming/Blender Foundation/Blender/4.2/extensions"),
        ("linux", {"BLENDER_USER_RESOURCES": "{home}/portable"}, "portable/extensions"),
        ("linux", {"BLENDER_USER_EXTENSIONS": "{home}/ext"}, "ext"),
    ],
)
def test_blenders_folders_are_found(platform: str, environment: dict[str, str], folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir(parents=True)
    known = {name: value.format(home=tmp_path) for name, value in environment.items()}
    assert user_folders(known, platform, tmp_path) == [tmp_path / folder]
    assert user_folders(known, platform, tmp_path / "another") == ([] if not known else [tmp_path / folder])


def test_instructions_are_read_as_the_system_lists_them(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["processor\t: 0", "model name\t: A Fine CPU", "flags\t\t: fpu avx2 amx_int8", "model name\t: Another"]
    monkeypatch.setattr(processor, "_cpuinfo", lambda: lines)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    named = processor.processor_name.__wrapped__
    assert (named(), processor.instruction_sets()) == ("A Fine CPU", ("avx2", "amx_int8"))
    monkeypatch.setattr(processor, "_cpuinfo", list)
    assert processor.instruction_sets() == ()
    assert named()


@pytest.mark.parametrize("engine", ["landmarks", "sam3d_body"])
def test_an_engine_is_timed_cold_warm_and_dragged(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    class Listening(fake_engine.FakeBodyReading):
        def estimate(self, person: int = 0, keypoints: Any = (), *rest: Any, **more: Any) -> Any:
            asked.append(list(keypoints))
            return super().estimate(person, keypoints, *rest, **more)

    monkeypatch.setattr(fake_engine, "FakeBodyReading", Listening)
    monkeypatch.setattr("native_runtime.engines.open_engine", fake_engine.open_engine)
    found = speed.measure(engine, None, None)
    assert found.cold.stages == found.warm.stages == {"fit": 0.001}
    assert 0 < found.cold.first <= found.cold.whole
    assert found.peak_bytes is None or found.peak_bytes > 1e7
    assert Speed.from_json(json.loads(json.dumps(found.described()))) == found
    if engine == "sam3d_body":
        assert found.cold.first < found.cold.whole  # it answers in steps
        assert [len(keypoints) for keypoints in asked] == [0, 0, 0, 0, 0, 1]


def test_an_engine_that_fails_in_its_process_is_named_with_the_reason() -> None:
    assert "nobody" in speed.time_engine("nobody", None, None).error


def test_an_engine_that_is_named_but_not_ready_is_missed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    examined(monkeypatch)
    out = io.StringIO()
    assert main(["doctor", "--bench", "--engine", "landmarks"], Console(out, False, False)) == 1
    assert "landmarks is not ready and was not measured" in capsys.readouterr().err
    assert main(["doctor", "--engine", "landmarks"], Console(out, False, False)) == 0
    assert main(["doctor", "--bench"], Console(out, False, False)) == 0


def test_the_report_can_be_pasted_and_read(monkeypatch: pytest.MonkeyPatch) -> None:
    examined(monkeypatch, "landmarks", "sam3d_body")
    measured = Speed(
        "landmarks", "networks", 1.0, Pass({"fit": 0.5}, 2, 3), Pass({"fit": 0.25}, 1, 1.5), 0.1, 2 * 10**9
    )
    results = {"landmarks": measured, "sam3d_body": Speed("sam3d_body", error="no memory")}
    monkeypatch.setattr("native_runtime.doctor.speed.time_engine", lambda name, models, providers: results[name])
    text, data = io.StringIO(), io.StringIO()
    words = ["doctor", "--bench", "--engine", "landmarks"]
    assert main(words, Console(text, False, False)) == 0
    assert "| landmarks | 1.00 | 2.00 | 3.00 | 1.00 | 1.50 | 0.10 | 2.0 |" in text.getvalue()
    assert "| fit | 0.500 | 0.250 |" in text.getvalue()
    assert main([*words, "--engine", "sam3d_body", "--json"], Console(data, True, False)) == 1
    content = json.loads(data.getvalue())
    assert [entry["error"] for entry in content["speeds"]] == ["", "no memory"]
    assert [entry["engine"] for entry in content["engines"]] == list(engines())
    assert main(["doctor", "--engine", "steam"], Console(text, False, False)) == 2
