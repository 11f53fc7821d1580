"""The wheels that each kind of GPU support consists of, by platform and Python: exact files, sizes and SHA-256.

``wheels.json`` beside this file comes from the package index by ``requirements/gpu_support.py``. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from native_runtime.errors import UsageError
from native_runtime.gpu_runtime import platform_key, python_version

_FILE = Path(__file__).with_name("wheels.json")


@dataclass(frozen=True)
class Terms:
    """A licence.

    Attributes:
        key: what commands call it.
        title, url: its name, and where its text is published; each wheel holds the text as well.
        proprietary: whether it is no licence of free software.
    """

    key: str
    title: str
    url: str
    proprietary: bool = False


@dataclass(frozen=True)
class Wheel:
    """A file of the package index.

    Attributes:
        package, version: what it is.
        file: its name.
        path: where it lies on the index's host of files.
        size: bytes.
        sha256: in hexadecimal.
        python: the one that it is for; None: any.
    """

    package: str
    version: str
    file: str
    path: str
    size: int
    sha256: str
    python: str | None


@dataclass(frozen=True)
class Plugin:
    """A library that adds a provider to the bundled ONNX Runtime.

    Attributes:
        provider: what ONNX Runtime calls the provider.
        module: the wheel's folder that holds the library.
        libraries: its names, of which one is there.
    """

    provider: str
    module: str
    libraries: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """A kind of GPU support.

    Attributes:
        name: what commands call it.
        title: what users read.
        cards: which cards it serves.
        provider: short name of the provider that it brings.
        runtime: the package that brings ONNX Runtime itself; of a plugin, the plugin's.
        terms: under which it may be used.
        unpacked: how many times as large as its wheels its files are.
        plugin: set where it does not take the place of the bundled ONNX Runtime.
        tried: what this project has tried.
    """

    name: str
    title: str
    cards: str
    provider: str
    runtime: str
    terms: tuple[Terms, ...]
    unpacked: float
    tried: str
    plugin: Plugin | None = None


@dataclass(frozen=True)
class WheelSet:
    """GPU support of a kind for a platform and a Python.

    Attributes:
        kind: what it is.
        platform: as the extension's packages name it.
        python: the version of Python that it is for; None: any.
        wheels: its files.
    """

    kind: Kind
    platform: str
    python: str | None
    wheels: tuple[Wheel, ...]

    @property
    def size(self) -> int:
        """Bytes of its wheels."""
        return sum(wheel.size for wheel in self.wheels)

    @property
    def disk_bytes(self) -> int:
        """Bytes of its unpacked files, about."""
        return round(self.size * self.kind.unpacked)

    @property
    def version(self) -> str:
        """Of `Kind.runtime`."""
        return next(wheel.version for wheel in self.wheels if wheel.package == self.kind.runtime)

    @property
    def definition(self) -> str:
        """Changes with any of its files."""
        return hashlib.sha256(" ".join(sorted(wheel.sha256 for wheel in self.wheels)).encode()).hexdigest()


MIT = Terms("mit", "MIT License (ONNX Runtime)", "https://github.com/microsoft/onnxruntime/blob/main/LICENSE")
NVIDIA_CUDA = Terms(
    "nvidia_cuda", "NVIDIA CUDA Toolkit End User License Agreement", "https://docs.nvidia.com/cuda/eula/", True
)
NVIDIA_CUDNN = Terms(
    "nvidia_cudnn",
    "NVIDIA cuDNN Software License Agreement",
    "https://docs.nvidia.com/deeplearning/cudnn/backend/latest/reference/eula.html",
    True,
)
DIRECTML = Terms(
    "directml",
    "Microsoft Software License Terms (DirectML)",
    "https://www.nuget.org/packages/Microsoft.AI.DirectML/1.15.4/License",
    True,
)
APACHE = Terms("apache", "Apache License 2.0 (OpenVINO)", "https://www.apache.org/licenses/LICENSE-2.0")

KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "cuda",
            "NVIDIA CUDA",
            "NVIDIA cards, with a driver that supports CUDA 13",
            "cuda",
            "onnxruntime-gpu",
            (MIT, NVIDIA_CUDA, NVIDIA_CUDNN),
            1.6,
            "installing and falling back without a driver on Linux; not tried on a card",
        ),
        Kind(
            "directml",
            "DirectML",
            "every DirectX 12 card on Windows",
            "directml",
            "onnxruntime-directml",
            (MIT, DIRECTML),
            2.8,
            "not tried",
        ),
        Kind(
            "webgpu",
            "WebGPU",
            "AMD, Intel and NVIDIA cards by Vulkan or Direct3D 12, Apple's by Metal",
            "webgpu",
            "onnxruntime-ep-webgpu",
            (MIT,),
            2.5,
            "on Linux with a card made of software; not tried on a card",
            Plugin(
                "WebGpuExecutionProvider",
                "onnxruntime_ep_webgpu",
                (
                    "libonnxruntime_providers_webgpu.so",
                    "onnxruntime_providers_webgpu.dll",
                    "libonnxruntime_providers_webgpu.dylib",
                ),
            ),
        ),
        Kind(
            "openvino",
            "Intel OpenVINO",
            "Intel's graphics, NPUs and processors",
            "openvino",
            "onnxruntime-openvino",
            (MIT, APACHE),
            3.2,
            "on a processor on Linux; not tried on graphics and NPUs",
        ),
    )
}


def kind_of(name: str) -> Kind:
    """The kind of that name.

    Raises:
        UsageError: there is none.
    """
    try:
        return KINDS[name]
    except KeyError:
        raise UsageError(f"There is no GPU support {name!r}; there is: {', '.join(KINDS)}.") from None


def wheel_set(name: str, platform: str | None = None, python: str | None = None) -> WheelSet:
    """The wheels of a kind for a platform and a Python; by default those of this process.

    Raises:
        UsageError: there is no such kind, or the index has none of these wheels for them.
    """
    kind, platform, python = kind_of(name), platform or platform_key(), python or python_version()
    by_platform = _wheels()[name]
    if platform not in by_platform:
        raise UsageError(f"{kind.title} is for {', '.join(by_platform)}, and this is {platform}.")
    wheels = tuple(wheel for wheel in by_platform[platform] if wheel.python in (None, python))
    packages = {wheel.package for wheel in by_platform[platform]}
    if {wheel.package for wheel in wheels} != packages:
        pythons = sorted({wheel.python or "" for wheel in by_platform[platform] if wheel.package == kind.runtime})
        raise UsageError(
            f"{kind.title} is for Python {', '.join(pythons)}, and this is Python {python}. Use a release of "
            "Blender with one of these."
        )
    return WheelSet(kind, platform, python if any(wheel.python for wheel in wheels) else None, wheels)


def offered(platform: str | None = None, python: str | None = None) -> list[WheelSet]:
    """All that there is for a platform and a Python, best first."""
    found = []
    for name in KINDS:
        try:
            found.append(wheel_set(name, platform, python))
        except UsageError:
            continue
    return found


def recommended(vendors: Collection[str], sets: Sequence[WheelSet]) -> WheelSet | None:
    """What fits cards of these vendors best; the first where nothing is known of them, None where there is nothing."""
    names = {one.kind.name: one for one in sets}
    if "NVIDIA" in vendors and "cuda" in names:
        return names["cuda"]
    intel_alone = bool(vendors) and set(vendors) == {"Intel"}
    order = ("directml", "openvino", "webgpu") if intel_alone else ("directml", "webgpu", "openvino")
    return next((names[name] for name in order if vendors and name in names), next(iter(sets), None))


def host() -> str:
    """Where the package index keeps its files."""
    return str(_content()["host"])


@cache
def _wheels() -> dict[str, dict[str, tuple[Wheel, ...]]]:
    return {
        name: {platform: tuple(Wheel(**wheel) for wheel in wheels) for platform, wheels in by_platform.items()}
        for name, by_platform in _content()["sets"].items()
    }


@cache
def _content() -> dict[str, Any]:
    return dict(json.loads(_FILE.read_text(encoding="utf-8")))
