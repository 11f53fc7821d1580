"""Programs of two versions that meet as parent and child."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from native_runtime.batch.builder_process import BuilderProcess
from native_runtime.errors import Remedy, WorkerError
from native_runtime.service import client as worker_client
from native_runtime.service.client import Event, WorkerClient

CHILD = """
import json, sys
print(json.dumps({"id": None, "event": "hello", "protocol": 99, "version": "9.9"}), flush=True)
for line in sys.stdin:
    print(json.dumps({"id": json.loads(line)["id"], "event": "done", "result": {}, "memory_mb": 1.0}), flush=True)
"""


def test_a_worker_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "a" / "b" / "worker.py"
    script.parent.mkdir(parents=True)
    script.write_text(CHILD)
    monkeypatch.setattr(worker_client, "_WORKER_FILE", script)
    client = WorkerClient()
    try:
        for _ in range(2):  # the second request starts another worker, which is refused as well
            number = client.request("ping")
            events: list[Event] = []
            until = time.monotonic() + 20
            while not events and time.monotonic() < until:
                events = client.poll()
                time.sleep(0.01)
            (event,) = events
            assert (event.id, event.kind, event.error) == (number, "error", "WorkerError")
            assert "protocol 99" in event.text
            assert "9.9" in event.text
            assert event.failure is not None
            assert event.failure.remedy is Remedy.REINSTALL
            assert not client.busy
            assert not client.running
    finally:
        client.stop()


def test_a_builder_of_another_version_is_refused(tmp_path: Path) -> None:
    builder = BuilderProcess([sys.executable, "-c", CHILD], tmp_path / "builder.log")
    try:
        with pytest.raises(WorkerError, match="protocol 99") as refused:
            builder.build({"id": 1})
    finally:
        builder.kill()
    assert refused.value.remedy is Remedy.REINSTALL
