"""Wheels without what nothing loads: said in their names, listed truly, and as published in all else."""

from __future__ import annotations

import base64
import csv
import fnmatch
import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from native_runtime.errors import Sam3dbError
from sam3db_blender.packaging.targets import PLATFORMS
from sam3db_blender.packaging.trimming import BUILD, trimmed

FILES = {
    "fast/__init__.py": b"from .core import value\n",
    "fast/core.py": b"value = 3\n",
    "fast/libfast.so.1.2": bytes(100_000),
    "fast-1.2.dist-info/METADATA": b"Metadata-Version: 2.1\nName: fast\nVersion: 1.2\n",
    "fast-1.2.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-any\n",
}


def digest(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "fast-1.2-py3-none-any.whl"
    record = "".join(f"{name},{digest(content)},{len(content)}\n" for name, content in FILES.items())
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
        archive.writestr("fast-1.2.dist-info/RECORD", record + "fast-1.2.dist-info/RECORD,,\n")
    return path


def test_the_rest_of_a_wheel_stays_and_its_list_is_true(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    smaller = trimmed(wheel, tmp_path / "out", ["fast/libfast.so.*"])
    assert smaller.name == f"fast-1.2-{BUILD}-py3-none-any.whl"
    with zipfile.ZipFile(smaller) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    rows = list(csv.reader(io.StringIO(kept.pop("fast-1.2.dist-info/RECORD").decode())))
    assert set(kept) == set(FILES) - {"fast/libfast.so.1.2"}
    assert {row[0]: (row[1], row[2]) for row in rows if row[1]} == {
        name: (digest(content), str(len(content))) for name, content in kept.items()
    }
    assert f"Build: {BUILD}" in kept.pop("fast-1.2.dist-info/WHEEL").decode().splitlines()
    assert all(content == FILES[name] for name, content in kept.items())


def test_a_trimmed_wheel_installs_and_imports(wheel: Path, tmp_path: Path) -> None:
    smaller = trimmed(wheel, tmp_path, ["*/libfast.so.*"])
    with zipfile.ZipFile(smaller) as archive:
        archive.extractall(tmp_path / "site")
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import fast; print(fast.value)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "3\n"


def test_trimming_twice_gives_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    one, other = (trimmed(wheel, tmp_path / name, ["fast/lib*"]) for name in "ab")
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("pattern", ["fast/libslow.so.*", "fast/*", "fast-1.2.dist-info/METADATA"])
def test_a_pattern_for_another_wheel_is_refused(wheel: Path, tmp_path: Path, pattern: str) -> None:
    with pytest.raises(Sam3dbError, match="nothing that may be left out"):
        trimmed(wheel, tmp_path, [pattern])


def test_only_the_library_for_programs_in_c_is_left_out() -> None:
    """Python's module of ONNX Runtime, which must stay, is beside it in each wheel."""
    library = {"linux": "libonnxruntime.so.1.2.3", "windows": "onnxruntime.dll", "macos": "libonnxruntime.1.2.3.dylib"}
    others = [
        "onnxruntime_pybind11_state.so", "onnxruntime_pybind11_state.pyd", "onnxruntime_providers_shared.dll",
        "libonnxruntime_providers_shared.so", "libonnxruntime_providers_shared.dylib", "_pybind_state.py",
    ]  # fmt: skip
    for name, platform in PLATFORMS.items():
        ((distribution, pattern),) = platform.unused
        assert distribution == "onnxruntime"
        wheel = [f"onnxruntime/capi/{file}" for file in (library[name.partition("-")[0]], *others)]
        assert fnmatch.filter(wheel, pattern) == wheel[:1]
