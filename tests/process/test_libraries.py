"""What is said of missing libraries of the system, and where the C++ runtime is taken from on Windows."""

from __future__ import annotations

from pathlib import Path

import pytest

from native_runtime.process import libraries
from native_runtime.process.libraries import CPP_RUNTIME, CPP_RUNTIME_FROM, add_blenders_runtime, explained
from native_runtime.process.payload import ErrorPayload

LIBRARIES = ("msvcp140.dll", "msvcp140_1.dll", "vcruntime140.dll", "vcruntime140_1.dll")
NO_RUNTIME = ImportError(
    "DLL load failed while importing onnxruntime_pybind11_state: The specified module could not be found.",
    name="onnxruntime_pybind11_state",
)
OLD_RUNTIME = ImportError(
    "DLL load failed while importing onnxruntime_pybind11_state: A dynamic link library (DLL) initialization routine "
    "failed."
)


def _blender(tmp_path: Path, *names: str) -> Path:
    """Blender's Python in a folder as on Windows, with so many libraries in blender.crt."""
    python = tmp_path / "Blender 5.2" / "5.2" / "python" / "bin" / "python.exe"
    crt = tmp_path / "Blender 5.2" / "blender.crt"
    for folder in (python.parent, crt, tmp_path / "System32"):
        folder.mkdir(parents=True)
    for name in names:
        (crt / name).touch()
    return python


def test_blenders_runtime_is_used_where_windows_has_none(tmp_path: Path) -> None:
    python, added = _blender(tmp_path, *LIBRARIES), []
    folder = add_blenders_runtime(python, tmp_path / "System32", added.append)
    assert folder == tmp_path / "Blender 5.2" / "blender.crt"
    assert added == [str(folder)]


def test_the_runtime_of_windows_comes_first(tmp_path: Path) -> None:
    """It is the newer one, as a rule, and ONNX Runtime crashes with one that is older than itself."""
    python, added = _blender(tmp_path, *LIBRARIES), []
    for name in LIBRARIES:
        (tmp_path / "System32" / name).touch()
    assert add_blenders_runtime(python, tmp_path / "System32", added.append) is None
    assert added == []


def test_half_a_runtime_is_none(tmp_path: Path) -> None:
    python, added = _blender(tmp_path, *LIBRARIES[:2]), []
    assert add_blenders_runtime(python, tmp_path / "System32", added.append) is None
    assert added == []


@pytest.mark.parametrize("error", [NO_RUNTIME, OLD_RUNTIME])
def test_a_missing_runtime_is_called_by_its_name(error: ImportError) -> None:
    said = explained(error, "win32")
    assert said is not None
    assert CPP_RUNTIME in str(said)
    assert CPP_RUNTIME_FROM in str(said)


def test_the_worker_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries.sys, "platform", "win32")
    monkeypatch.setattr(libraries.explained, "__defaults__", ("win32", "", "AMD64"))
    payload = ErrorPayload.from_exception(NO_RUNTIME)
    assert payload.kind == "WorkerError"
    assert CPP_RUNTIME in payload.text
    assert "onnxruntime_pybind11_state" in payload.traceback


def test_windows_without_media_is_named_for_opencv() -> None:
    said = explained(
        ImportError("DLL load failed while importing cv2: The specified module could not be found."), "win32"
    )
    assert "Media Feature Pack" in str(said)


def test_an_old_mac_is_told_so() -> None:
    error = ImportError("dlopen(.../onnxruntime_pybind11_state.so, 0x0002): Symbol not found")
    assert "macOS 14.0 or newer, and this Mac runs 13.6.1" in str(explained(error, "darwin", "13.6.1", "arm64"))
    assert explained(error, "darwin", "14.4", "arm64") is None
    assert explained(error, "darwin", "13.6.1", "x86_64") is None


def test_an_old_linux_is_told_so() -> None:
    error = ImportError(
        "/lib64/libc.so.6: version `GLIBC_2.27' not found (required by .../onnxruntime_pybind11_state.so)"
    )
    assert "GLIBC_2.27" in str(explained(error, "linux", ""))


@pytest.mark.parametrize(
    "error",
    [ModuleNotFoundError("No module named 'onnxruntime'", name="onnxruntime"), ImportError("cannot import name 'x'")],
)
def test_other_failures_stay_what_they_are(error: ImportError) -> None:
    assert explained(error, "win32") is None
    assert ErrorPayload.from_exception(error).kind == "Internal"
