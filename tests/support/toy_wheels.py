"""Wheels of GPU support that are a few kilobytes: an ONNX Runtime of pure Python, and what goes wrong with it."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from native_runtime.gpu_runtime import platform_key, python_version
from native_runtime.gpu_support.sets import KINDS, Wheel, WheelSet

WORKS = """
__version__ = "1.24.1"
def get_available_providers(): return ["OpenVINOExecutionProvider", "CPUExecutionProvider"]
"""
LACKS_A_LIBRARY = 'raise ImportError("libfoo.so.3: cannot open shared object file")'
ENDS_THE_PROCESS = "import os; os._exit(11)"


def wheel_of(files: Mapping[str, str], package: str = "onnxruntime-openvino", padding: int = 0) -> bytes:
    """A wheel's bytes; the same for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in {
            **files,
            f"{package}.dist-info/LICENSE": "Do as you like.",
            "padding": "x" * padding,
        }.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return buffer.getvalue()


def toy_set(**contents: bytes) -> WheelSet:
    """A set whose wheels are these, the first of them ONNX Runtime; keywords are packages, with ``_`` for ``-``."""
    wheels = []
    for package, content in contents.items():
        name = package.replace("_", "-")
        file = f"{package}-1.24.1-py3-none-any.whl"
        sha256 = hashlib.sha256(content).hexdigest()
        wheels.append(Wheel(name, "1.24.1", file, f"ab/cd/{file}", len(content), sha256, python_version()))
    return WheelSet(KINDS["openvino"], platform_key(), python_version(), tuple(wheels))


def written(folder: Path, chosen: WheelSet, *contents: bytes) -> list[Path]:
    """The wheels as files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / wheel.file for wheel in chosen.wheels]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths
