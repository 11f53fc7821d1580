"""What `sam3db doctor` finds out, with engines that see no picture."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from native_runtime.cli import main
from native_runtime.cli.console import Console
from native_runtime.doctor import machine, speed, table
from native_runtime.doctor.speed import Pass, Speed
from native_runtime.engines.status import EngineStatus
from native_runtime.onnx import processor
from tests.support import fake_engine


def test_a_machine_says_what_counts() -> None:
    here = machine.this_machine()
    assert here.cores >= 1
    assert here.provider in here.providers
    text = "\n".join(table.machine_lines(here))
    assert here.processor in text
    assert here.onnxruntime in text


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
    missing = EngineStatus(False, "there is no network", (), None, None)
    monkeypatch.setattr("native_runtime.engines.engine_status", lambda *_: missing)
    out = io.StringIO()
    assert main(["doctor", "--bench", "--engine", "landmarks"], Console(out, False, False)) == 1
    assert "landmarks is not ready and was not measured" in capsys.readouterr().err
    assert main(["doctor", "--engine", "landmarks"], Console(out, False, False)) == 0
    assert main(["doctor", "--bench"], Console(out, False, False)) == 0


def test_the_report_can_be_pasted_and_read(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = EngineStatus(True, "networks, on the CPU", (), "cpu", None)
    monkeypatch.setattr("native_runtime.engines.engine_status", lambda *_: ready)
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
    assert main(["doctor", "--engine", "steam"], Console(text, False, False)) == 2
