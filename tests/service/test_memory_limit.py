"""A worker on a system that does not hold its limit of memory: it watches itself, says so, and ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from native_runtime.onnx.limits import MEMORY
from tests.support.fake_engine import HOARD

_PROGRAM = """
import sys
from native_runtime.onnx import limits
limits.hold_memory = lambda told: False
from native_runtime.service import worker
sys.exit(worker.main(["--engines", "tests.support.fake_engine"]))
"""


def answers(repository: Path, memory: int, *photos: str) -> list[dict[str, Any]]:
    """What such a worker says to each request, which all come at once; it must have ended by itself."""
    requests = [json.dumps({"id": n, "do": "estimate", "photo": path}) for n, path in enumerate(photos)]
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        input="\n".join(requests) + "\n",
        capture_output=True,
        text=True,
        check=True,
        cwd=repository,
        env=os.environ | {MEMORY: str(memory)},
        timeout=60,
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return [event for event in events if event["event"] in ("done", "error")]


def test_more_than_allowed_ends_everything_that_was_asked(repository: Path, photo: Callable[[str], str]) -> None:
    said = answers(repository, HOARD // 2, photo("one"), photo("hoard"), photo("three"))
    assert [(event["id"], event["event"]) for event in said] == [(0, "done"), (1, "error"), (2, "error")]
    for event in said[1:]:
        assert "The memory limit of 500 MB is too small" in event["text"]
        assert event["remedy"] == "raise-memory-limit"


def test_less_than_allowed_is_left_alone(repository: Path, photo: Callable[[str], str]) -> None:
    assert [event["event"] for event in answers(repository, 2 * HOARD, photo("one"), photo("slow"))] == ["done", "done"]
