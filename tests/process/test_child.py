"""A child process, how it is spoken to, and how it ends."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from native_runtime.process.child import Child

ECHO = """
import sys
print("hello, I am no message")
print("[1, 2]")
print('{"event": "hello"}', flush=True)
print("to the log", file=sys.stderr, flush=True)
for line in sys.stdin:
    print(line, end="", flush=True)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("{}", flush=True)
time.sleep(60)
"""


def child(code: str, log: Path) -> Child:
    return Child([sys.executable, "-c", code], log / "child.log")


def test_messages_go_both_ways_and_noise_is_skipped(tmp_path: Path) -> None:
    echo = child(ECHO, tmp_path)
    messages = echo.messages()
    assert next(messages) == {"event": "hello"}
    echo.send({"name": "b\udce4.jpg", "value": 3})
    assert next(messages) == {"name": "b\udce4.jpg", "value": 3}
    assert echo.running
    echo.end(5.0)
    assert not echo.running
    assert list(messages) == []
    assert echo.log_tail(7) == "the log\n"[-7:]
    echo.send({"nobody": "listens"})


def test_one_that_does_not_end_is_killed(tmp_path: Path) -> None:
    stubborn = child(STUBBORN, tmp_path)
    next(stubborn.messages())
    started = time.monotonic()
    stubborn.end(0.2)
    assert time.monotonic() - started < 10.0
    assert "stopped by the system" in stubborn.how_it_ended()


def test_how_it_ended_is_said(tmp_path: Path) -> None:
    assert child("raise SystemExit(3)", tmp_path).how_it_ended() == "ended unexpectedly (exit code 3)"
