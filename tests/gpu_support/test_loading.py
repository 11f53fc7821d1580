"""What a process does with installed GPU support: uses it, or the bundled ONNX Runtime and says why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from native_runtime import gpu_runtime
from native_runtime.gpu_runtime import VARIABLE, forget_attempts
from native_runtime.gpu_support.apart import Trial, try_out
from native_runtime.gpu_support.install import install
from tests.support.toy_wheels import ENDS_THE_PROCESS, LACKS_A_LIBRARY, WORKS, toy_set, wheel_of, written

ASK = """
import json, sys
import native_runtime.onnx
from native_runtime.gpu_runtime import loaded
import onnxruntime
found = loaded()
print(json.dumps([found.name, found.fault, onnxruntime.__version__, hasattr(onnxruntime, "InferenceSession")]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "gpu"


def put(folder: Path, code: str) -> None:
    content = wheel_of({"onnxruntime/__init__.py": code})
    chosen = toy_set(onnxruntime_openvino=content)
    paths = written(folder.parent / "files", chosen, content)
    install(folder, "openvino", ("mit", "apache"), paths, wanted=chosen, attempt=lambda folder: Trial())


def start(folder: Path, repository: Path) -> tuple[int, list[Any]]:
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env=os.environ | {VARIABLE: str(folder)},
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else []


def test_it_takes_the_place_of_the_bundled_one(folder: Path, repository: Path) -> None:
    put(folder, WORKS)
    assert start(folder, repository) == (0, ["openvino", "", "1.24.1", False])


@pytest.mark.parametrize(("system", "told"), [("win32", ["nvidia/bin", "onnxruntime/capi"]), ("linux", [])])
def test_windows_is_told_where_libraries_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, told: list[str]
) -> None:
    for name in ("onnxruntime/capi/a.dll", "onnxruntime/capi/b.dll", "nvidia/bin/cudart64_13.dll", "nvidia/LICENSE"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    folders: list[str] = []
    monkeypatch.setattr(os, "add_dll_directory", folders.append, raising=False)
    monkeypatch.setattr(sys, "platform", system)
    gpu_runtime._name_libraries(tmp_path)
    assert sorted(Path(folder).relative_to(tmp_path).as_posix() for folder in folders) == told


def test_nothing_installed_is_no_fault(folder: Path, repository: Path) -> None:
    name, fault, version, real = start(folder, repository)[1]
    assert (name, fault, real) == ("", "", True)
    assert version != "1.24.1"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (LACKS_A_LIBRARY, "libfoo.so.3: cannot open shared object file."),
        ("__version__ = '1.20.0'", "ONNX Runtime 1.20.0 is in its place."),
        ("1/0", "division by zero."),
    ],
)
def test_the_bundled_one_is_used_where_it_cannot_be_loaded(folder: Path, repository: Path, code: str, why: str) -> None:
    put(folder, code)
    for _ in range(3):  # a fault that was told does not count as an end of the process
        name, fault, _, real = start(folder, repository)[1]
        assert (name, fault, real) == ("", f"GPU support (Intel OpenVINO) is not used: {why}", True)


def test_it_is_left_alone_after_it_ended_two_processes(folder: Path, repository: Path) -> None:
    put(folder, ENDS_THE_PROCESS)
    assert start(folder, repository)[0] == 11
    assert start(folder, repository)[0] == 11
    code, (name, fault, _, real) = start(folder, repository)
    assert (code, name, real) == (0, "", True)
    assert "ended the process that used it, more than once" in fault
    forget_attempts(folder)
    assert start(folder, repository)[0] == 11


def test_files_that_are_gone_are_told(folder: Path, repository: Path) -> None:
    put(folder, WORKS)
    (site,) = (path for path in folder.iterdir() if path.name.startswith("openvino-"))
    site.rename(folder.parent / "elsewhere")
    assert start(folder, repository)[1][1].endswith("its files are gone. Install it again.")


def test_a_trial_tells_what_works(folder: Path) -> None:
    trial = try_out(None)
    assert (trial.name, trial.fault, trial.error) == ("", "", "")
    assert trial.faults["cpu"] == ""
    put(folder, ENDS_THE_PROCESS)
    assert try_out(folder).error == "The process that tried it ended unexpectedly (exit code 11)."
