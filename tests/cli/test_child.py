"""The command line as another program's child."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from native_runtime.cli import child

FILE = str(Path(child.__file__))
WAIT = "import threading, time; from native_runtime.cli.child import _end_with_the_parent as watch; "
WAIT += "threading.Thread(target=watch, daemon=True).start(); print('here', flush=True); time.sleep(60)"


def test_a_child_runs_a_command_with_nothing_but_its_paths(repository: Path, tmp_path: Path) -> None:
    paths = [word for path in (repository, *sys.path) if str(path) for word in ("--path", str(path))]
    words = ["batch", str(tmp_path / "none"), "-o", str(tmp_path / "out"), "--engine", "landmarks", "--json"]
    command = [sys.executable, "-I", FILE, *paths, "--builder=blender", "--builder=--background", "--", *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None  # its input stays open: it ends when that does
        answer = running.stdout.read()
        assert running.wait(60) == 2
    assert "There is no folder" in json.loads(answer)["error"]["text"]


def test_a_child_ends_with_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", WAIT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdin is not None
        assert waiting.stdout.readline() == b"here\n"
        waiting.stdin.close()
        assert waiting.wait(10) == 1
