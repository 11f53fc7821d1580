"""Writes native_runtime/gpu_support/wheels.json: which wheels GPU support consists of, by platform and Python.

Versions, files, sizes and SHA-256 come from the package index, through uv, which must be on the path:
``python requirements/gpu_support.py``. Needs Python 3.11 or later, and nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parents[1] / "native_runtime" / "gpu_support" / "wheels.json"
HOST = "https://files.pythonhosted.org/packages"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = {
    "linux-x64": ("manylinux", "x86_64"),
    "windows-x64": ("win_amd64", "win_amd64"),
    "macos-arm64": ("macosx", ("arm64", "universal2")),
}
# The CUDA packages are those of requirements/gpu.txt that ONNX Runtime loads for its networks: cuFFT, and nvJitLink,
# which only that needs, serve transforms that no network here has.
SETS: dict[str, dict[str, dict[str, str]]] = {
    "cuda": {
        "linux-x64 windows-x64": {
            "onnxruntime-gpu": "1.31.1",
            "nvidia-cublas": "13.10.0.20",
            "nvidia-cuda-nvrtc": "13.5.37",
            "nvidia-cuda-runtime": "13.5.37",
            "nvidia-cudnn-cu13": "9.28.0.42",
            "nvidia-curand": "10.4.5.25",
        },
    },
    "directml": {"windows-x64": {"onnxruntime-directml": "1.24.4"}},
    "webgpu": {"linux-x64 windows-x64 macos-arm64": {"onnxruntime-ep-webgpu": "0.4.0"}},
    "openvino": {
        "linux-x64": {"onnxruntime-openvino": "1.24.1"},
        "windows-x64": {"onnxruntime-openvino": "1.24.1", "openvino": "2025.4.1"},
    },
}


def main() -> None:
    """Write the file."""
    locked = _locked(
        sorted(
            {
                f"{name}=={version}"
                for named in SETS.values()
                for packages in named.values()
                for name, version in packages.items()
            }
        )
    )
    sets: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name, by_platforms in SETS.items():
        for platforms, packages in by_platforms.items():
            for platform in platforms.split():
                wheels = [wheel for package in packages for wheel in _wheels(locked[package], platform)]
                sets.setdefault(name, {})[platform] = wheels
    content = {"host": HOST, "sets": sets}
    TARGET.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _locked(requirements: list[str]) -> dict[str, dict[str, Any]]:
    """What the index has of some packages, by their names."""
    project = (
        '[project]\nname = "wheels"\nversion = "0"\nrequires-python = ">=3.11"\n'
        f"dependencies = {json.dumps(requirements)}\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "pyproject.toml").write_text(project, encoding="utf-8")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
        subprocess.run(
            ["uv", "lock", "--quiet", "--default-index", "https://pypi.org/simple"],
            cwd=folder,
            check=True,
            env=environment,
        )
        packages = tomllib.loads(Path(folder, "uv.lock").read_text(encoding="utf-8"))["package"]
    return {package["name"]: package for package in packages}


def _wheels(package: dict[str, Any], platform: str) -> list[dict[str, Any]]:
    system, machines = PLATFORMS[platform]
    found = []
    for wheel in package["wheels"]:
        name = wheel["url"].rpartition("/")[2]
        python, abi, tag = name.removesuffix(".whl").split("-")[-3:]
        if system not in tag or not tag.endswith(machines) or abi.endswith("t"):
            continue
        version = f"3.{python.removeprefix('cp3')}" if python.startswith("cp3") else None
        if version is not None and version not in PYTHONS:
            continue
        if not wheel["url"].startswith(HOST):
            sys.exit(f"{wheel['url']} lies elsewhere than the others")
        found.append(
            {
                "package": package["name"],
                "version": package["version"],
                "file": name,
                "python": version,
                "path": wheel["url"].removeprefix(f"{HOST}/"),
                "size": wheel["size"],
                "sha256": wheel["hash"].removeprefix("sha256:"),
            }
        )
    return found


if __name__ == "__main__":
    main()
