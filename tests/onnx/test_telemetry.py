"""ONNX Runtime reports nothing to its makers, and keeps nothing to report."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.onnx_files import scaled

_OPEN = """
import sys
from pathlib import Path
from native_runtime.onnx.sessions import open_network
open_network(Path(sys.argv[1]), ["cpu"])
"""
_ASK = """
import native_runtime, onnxruntime
calls = []
onnxruntime.disable_telemetry_events = lambda: calls.append("off")
import native_runtime.onnx.sessions
assert calls
"""


def _run(program: str, home: Path, *arguments: str) -> None:
    """A Python process of a user whose folders are empty, and who has not forbidden anything."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ORT_")}
    environment |= {"HOME": str(home), "USERPROFILE": str(home), "LOCALAPPDATA": str(home)}
    environment |= {"XDG_CACHE_HOME": str(home / "cache")}
    subprocess.run([sys.executable, "-c", program, *arguments], env=environment, check=True)


def test_opening_a_network_leaves_no_trace_of_telemetry(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    _run(_OPEN, home, str(scaled(tmp_path / "double.onnx", 2.0)))
    assert [path for path in home.rglob("*") if "microsoft" in str(path.relative_to(home)).lower()] == []


def test_traces_of_windows_are_switched_off_as_well(tmp_path: Path) -> None:
    _run(_ASK, tmp_path)
