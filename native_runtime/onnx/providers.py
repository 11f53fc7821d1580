"""Which execution providers of ONNX Runtime to try, best first, and with which options.

A provider that is compiled in may still not work on this machine (a missing driver or CUDA library); only a session
that has computed something proves it. `sessions` does that; this module only says what is worth trying.
``docs/providers.md`` describes which package brings which provider.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import onnxruntime

from native_runtime.errors import UsageError
from native_runtime.files.folders import user_cache

# Windows packages that go by Windows' own tracing do not look at the variable that `native_runtime` sets.
onnxruntime.disable_telemetry_events()

CPU = "CPUExecutionProvider"


@dataclass(frozen=True, eq=False)
class Provider:
    """A way to compute that ONNX Runtime may offer.

    Attributes:
        short: what users write, e.g. "cuda".
        name: what ONNX Runtime calls it.
        title: what users read.
        package: the package that brings it.
        options: options of ONNX Runtime.
        cache_options: options (name -> further folder name) whose value is a folder for compiled networks.
        device_option: the option that chooses among several devices.
        memory: ONNX Runtime's name of the memory in which results may stay; "cpu" where they always come back.
        rest: short name of what computes the operators that it does not know; "" for the CPU.
        automatic: whether it is tried without being asked for.
        plugin: whether it comes as a library of its own (`gpu_runtime`), whose devices are named to a session.
    """

    short: str
    name: str
    title: str
    package: str
    options: dict[str, str] = field(default_factory=dict)
    cache_options: dict[str, str] = field(default_factory=dict)
    device_option: str = "device_id"
    memory: str = "cpu"
    rest: str = ""
    automatic: bool = True
    plugin: bool = False


_CUDA_OPTIONS = {
    # The exhaustive search (the default) measures every algorithm for each new shape, to no gain for a transformer.
    "cudnn_conv_algo_search": "HEURISTIC",
    # Doubling the arena at each step would claim gigabytes that Blender's renderer could use.
    "arena_extend_strategy": "kSameAsRequested",
    # float32 shall mean float32: TensorFloat-32 rounds to 10 bits. Who wants speed takes the float16 set.
    "use_tf32": "0",
}

PROVIDERS: tuple[Provider, ...] = (
    Provider(
        "tensorrt",
        "TensorrtExecutionProvider",
        "NVIDIA TensorRT",
        "onnxruntime-gpu",
        {"trt_engine_cache_enable": "1", "trt_timing_cache_enable": "1"},
        {"trt_engine_cache_path": "tensorrt", "trt_timing_cache_path": "tensorrt"},
        memory="cuda",
        rest="cuda",
        # Its first start compiles for many minutes, and every new number of people or prompts may compile again.
        automatic=False,
    ),
    Provider("cuda", "CUDAExecutionProvider", "NVIDIA CUDA", "onnxruntime-gpu", _CUDA_OPTIONS, memory="cuda"),
    # On ROCm; the older ROCMExecutionProvider went with ONNX Runtime 1.23, the oldest that is supported.
    Provider("migraphx", "MIGraphXExecutionProvider", "AMD MIGraphX", "onnxruntime-migraphx"),
    Provider("directml", "DmlExecutionProvider", "DirectML", "onnxruntime-directml"),
    # Not tried on a card yet, so whoever wants it names it.
    Provider("webgpu", "WebGpuExecutionProvider", "WebGPU", "onnxruntime-ep-webgpu", automatic=False, plugin=True),
    Provider(
        "openvino",
        "OpenVINOExecutionProvider",
        "Intel OpenVINO",
        "onnxruntime-openvino",
        cache_options={"cache_dir": "openvino"},
        device_option="device_type",
        # On processors no faster than ONNX Runtime itself (docs/providers.md), with three times the memory; and it ends
        # the process when it compiles an int8 encoder. Who has a device of Intel's names it.
        automatic=False,
    ),
    Provider(
        "coreml",
        "CoreMLExecutionProvider",
        "Apple CoreML",
        "onnxruntime",
        {"ModelFormat": "MLProgram"},
        {"ModelCacheDirectory": "coreml"},
        device_option="MLComputeUnits",
    ),
    Provider("cpu", CPU, "the CPU", "onnxruntime"),
)
"""Best first. The CPU comes last and is always there."""

_BY_NAME = {key: provider for provider in PROVIDERS for key in (provider.short, provider.name)}


@dataclass(frozen=True)
class Candidate:
    """A provider worth trying, and which of its devices ("": the usual one)."""

    provider: Provider
    device: str = ""

    @property
    def device_number(self) -> int:
        """The device's number, where devices have one."""
        return int(self.device) if self.device.isdecimal() else 0

    def options(self) -> dict[str, str]:
        """The options for ONNX Runtime. Folders for compiled networks are made in the user's cache."""
        options = dict(self.provider.options)
        for option, name in self.provider.cache_options.items():
            folder = user_cache() / name
            folder.mkdir(parents=True, exist_ok=True)
            options[option] = str(folder)
        if self.device:
            options[self.provider.device_option] = self.device
        return options

    def stack(self) -> list[tuple[str, dict[str, str]]]:
        """Name and options for ONNX Runtime, of this provider and of what it leaves its rest to."""
        own = [(self.provider.name, self.options())]
        return own + Candidate(_BY_NAME[self.provider.rest], self.device).stack() if self.provider.rest else own


def short_name(name: str) -> str:
    """What users call the provider that ONNX Runtime calls `name`."""
    return _BY_NAME[name].short


def available() -> list[Provider]:
    """The providers that the installed ONNX Runtime was built with, best first."""
    built_in = onnxruntime.get_available_providers()
    return [provider for provider in PROVIDERS if provider.name in built_in]


def candidates(requested: Sequence[str] | None = None) -> list[Candidate]:
    """The providers to try, in order: all that are built in and start quickly, or just the `requested` ones.

    Args:
        requested: short or full names; one may be followed by a device: "cuda:1", "openvino:NPU", "coreml:CPUAndGPU".

    Raises:
        UsageError: a requested provider is unknown, or none of them is part of the installed ONNX Runtime. Of several,
            those that are not fail when they are tried, with a note.
    """
    there = available()
    if requested is None:
        return [Candidate(provider) for provider in there if provider.automatic]
    choices = "Available providers: " + ", ".join(provider.short for provider in there) + "."
    if not requested:
        raise UsageError(f"No compute provider was named. {choices}")
    wanted = []
    for text in requested:
        name, _, device = text.partition(":")
        provider = _BY_NAME.get(name) or _BY_NAME.get(name.lower())
        if provider is None:
            raise UsageError(f"Unknown compute provider {text!r}. {choices}")
        if device and provider.name == CPU:
            raise UsageError(f"The CPU has no device {device!r}; write just cpu.")
        wanted.append(Candidate(provider, device))
    if not any(candidate.provider in there for candidate in wanted):
        raise UsageError(not_built_in(wanted[0].provider))
    return wanted


def not_built_in(provider: Provider) -> str:
    """That ONNX Runtime here has no such provider, in whole sentences."""
    return (
        f"The installed ONNX Runtime has no {provider.short} support. Available providers: "
        f"{', '.join(one.short for one in available())}. {provider.title} comes with the package {provider.package}."
    )
