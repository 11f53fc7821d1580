"""What a process of ours may take of the machine: told to a worker, and held there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import pytest

from native_runtime.errors import Remedy, UsageError
from native_runtime.onnx import memory, processor
from native_runtime.onnx.limits import MEMORY, NO_LIMITS, THREADS, Limits, limits_of, wrong_limits_hidden
from native_runtime.process.payload import ErrorPayload
from native_runtime.service.client import WorkerClient
from tests.support.doctored import ROOT

#: bytes
LIMIT, TOO_MUCH = 700_000_000, 900_000_000
#: Holds its memory as a worker does, then says what it sees and what it is refused.
_PROGRAM = f"""
import json, sys
sys.path.insert(0, {str(ROOT)!r})
from native_runtime.onnx.limits import hold_memory, limits_of
held = hold_memory(limits_of())
import cv2, numpy as np, onnxruntime
from native_runtime.onnx.memory import available_bytes
from native_runtime.onnx.sessions import default_threads
try:
    np.ones({TOO_MUCH // 8})
    refused = False
except MemoryError:
    refused = True
few = np.ones({LIMIT // 80})
print(json.dumps(dict(held=held, refused=refused, free=available_bytes(), cores=default_threads(),
                      opencv=cv2.getNumThreads())))
"""


def answer(told: Mapping[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, env=os.environ | told
    )
    return dict(json.loads(done.stdout))


def test_limits_are_told_and_read() -> None:
    limits = Limits(3, 10**9)
    assert limits_of(limits.environment()) == limits
    assert limits_of({}) == limits_of({THREADS: "", MEMORY: " "}) == NO_LIMITS
    assert NO_LIMITS.environment() == {}


@pytest.mark.parametrize(
    ("text", "size"),
    [("450000000", 450_000_000), ("4GB", 4 * 10**9), ("1.5 gb", 15 * 10**8), ("800MB", 8 * 10**8), ("2GiB", 2**31)],
)
def test_memory_may_have_a_unit(text: str, size: int) -> None:
    assert limits_of({MEMORY: text}).memory_bytes == size


@pytest.mark.parametrize(
    ("name", "text"),
    [(MEMORY, text) for text in ("abc", "-5", "0", "0.4", "4 apples", "1e9", "inf", "4GB4", "٤GB", "9" * 400)]
    + [(THREADS, text) for text in ("0", "-1", "many", "1.5", "²", "9" * 400)],
)
def test_limits_that_make_no_sense_are_refused(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=rf"{name} is '.*', but must be a number of") as raised:
        limits_of({name: text})
    monkeypatch.setenv(name, text)
    with wrong_limits_hidden() as wrong:
        assert wrong == (str(raised.value),)
        assert limits_of() == NO_LIMITS
    assert os.environ[name] == text


def test_a_worker_with_a_wrong_limit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MEMORY, "abc")
    client = WorkerClient()
    client.start()
    client.request("ping")
    (event,) = client.poll()
    assert event.error == "UsageError"
    assert MEMORY in event.text
    client.stop()


def test_a_process_keeps_to_its_limits() -> None:
    seen = answer(Limits(1, LIMIT).environment())
    assert (seen["cores"], seen["opencv"]) == (1, 1)
    assert 0 < seen["free"] < LIMIT
    assert seen["refused"] == seen["held"] == sys.platform.startswith("linux")


def test_threads_are_never_more_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    there = processor.usable_cores()
    monkeypatch.setenv(THREADS, "100000")
    assert processor.usable_cores() == there
    monkeypatch.setenv(THREADS, "1")
    assert processor.usable_cores() == 1


def test_memory_that_is_left_is_that_of_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_free_bytes", lambda: 8 * 10**9)
    monkeypatch.setattr(memory, "memory_used", lambda: 10**9)
    assert memory.available_bytes() == 8 * 10**9
    monkeypatch.setenv(MEMORY, str(3 * 10**9))
    assert memory.available_bytes() == 2 * 10**9
    monkeypatch.setenv(MEMORY, str(10**8))
    assert memory.available_bytes() == 0
    monkeypatch.setattr(memory, "_free_bytes", lambda: None)  # Windows may not say
    assert memory.available_bytes() == 0


def test_want_of_memory_names_the_limit_where_it_is_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    opencv = RuntimeError(
        "OpenCV(4.11.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 1302184 bytes"
    )
    monkeypatch.setattr(memory, "_free_bytes", lambda: 10**9)
    monkeypatch.setattr(memory, "memory_used", lambda: 5 * 10**8)
    plain = ("There is not enough memory. Smaller photos need less.", Remedy.FREE_MEMORY)
    limited = "The memory limit of {} is too small for this. Smaller photos need less."
    told = {
        None: plain,
        4 * 10**9: plain,  # the computer has less than that left
        12 * 10**8: (limited.format("1.2 GB"), Remedy.RAISE_MEMORY_LIMIT),
        3 * 10**8: (limited.format("300 MB"), Remedy.RAISE_MEMORY_LIMIT),
    }
    for error in (MemoryError(), opencv):
        for limit, words in told.items():
            monkeypatch.setenv(MEMORY, "" if limit is None else str(limit))
            payload = ErrorPayload.from_exception(error)
            assert (payload.text, payload.remedy) == words
    monkeypatch.setenv(MEMORY, "abc")  # refused elsewhere
    assert ErrorPayload.from_exception(MemoryError()).remedy is Remedy.FREE_MEMORY


def test_a_client_starts_its_worker_anew_for_other_limits() -> None:
    client = WorkerClient()
    pids = []
    for limits in (NO_LIMITS, NO_LIMITS, Limits(threads=1)):
        client.start(limits=limits)
        client.request("ping")
        end = time.monotonic() + 60
        while not any(event.is_final for event in client.poll()) and time.monotonic() < end:
            time.sleep(0.01)
        pids.append(client.pid)
    told = _environment_of(client.pid) if sys.platform.startswith("linux") else "SAM3DB_THREADS=1"
    client.stop()
    assert pids[0] == pids[1] != pids[2]
    assert "SAM3DB_THREADS=1" in told


def _environment_of(pid: int | None) -> str:
    with open(f"/proc/{pid}/environ", encoding="utf-8", errors="replace") as file:
        return file.read()
