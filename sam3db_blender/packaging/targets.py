"""What a zip is built for: Blender's platforms, the wheel tags that fit them, and the Pythons of Blender there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from native_runtime.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
_LOCKS = ROOT / "requirements"


@dataclass(frozen=True)
class Platform:
    """One of Blender's platforms."""

    #: What people call a computer that has it.
    title: str
    #: The Blenders that the zip is for.
    blenders: str
    #: Wheel tags that fit it, as pip wants them.
    tags: tuple[str, ...]
    #: Pythons of the Blenders that exist for it.
    pythons: tuple[str, ...]
    #: The locked wheels of other makers.
    lock: Path
    #: Files of other makers' wheels that nothing loads, and that are left out: distribution, pattern of paths. ONNX
    #: Runtime's are its library for programs in C; Python's module holds all of ONNX Runtime itself. See `trimming`.
    unused: tuple[tuple[str, str], ...] = ()


# Blender 4.2 to 5.0 run Python 3.11, 5.1 and 5.2 run 3.13, and distributions build theirs with newer ones.
PYTHONS = ("3.11", "3.13", "3.14")

PLATFORMS: dict[str, Platform] = {
    "linux-x64": Platform(
        "Linux (x86-64)",
        "4.2.13 or later",
        ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
        PYTHONS,
        _LOCKS / "extension.txt",
        unused=(("onnxruntime", "onnxruntime/capi/libonnxruntime.so.*"),),
    ),
    "windows-x64": Platform(
        "Windows (64-bit)",
        "4.2.13 or later",
        ("win_amd64",),
        PYTHONS,
        _LOCKS / "extension.txt",
        unused=(("onnxruntime", "onnxruntime/capi/onnxruntime.dll"),),
    ),
    "macos-arm64": Platform(
        "Mac with Apple's processor (M1 and later)",
        "4.2.13 or later",
        ("macosx_14_0_arm64", "macosx_13_0_arm64", "macosx_11_0_arm64"),
        PYTHONS,
        _LOCKS / "extension.txt",
        unused=(("onnxruntime", "onnxruntime/capi/libonnxruntime.*.dylib"),),
    ),
    # Blender 4.5 is the last for Macs with Intel's processors, and ONNX Runtime 1.23 the last that has wheels for them.
    "macos-x64": Platform(
        "Mac with Intel's processor",
        "4.2.13 to 4.5",
        ("macosx_13_0_x86_64", "macosx_11_0_x86_64", "macosx_10_15_x86_64", "macosx_10_10_x86_64"),
        ("3.11",),
        _LOCKS / "extension-macos-x64.txt",
        unused=(("onnxruntime", "onnxruntime/capi/libonnxruntime.*.dylib"),),
    ),
}


@dataclass(frozen=True)
class Target:
    """What a zip is built for."""

    platform: str
    pythons: tuple[str, ...]
    #: Other makers' wheels exactly as they were published, whatever room that takes.
    untouched: bool = False


def target_of(platform_name: str, pythons: tuple[str, ...] = (), untouched: bool = False) -> Target:
    """The target for one of Blender's platforms: all Pythons of it, or those that are named.

    Raises:
        UsageError: Blender has no such platform, or there are no wheels for it.
    """
    if platform_name not in PLATFORMS:
        raise UsageError(f"There are no wheels for {platform_name}; there are for: {', '.join(PLATFORMS)}.")
    return Target(platform_name, pythons or PLATFORMS[platform_name].pythons, untouched)
