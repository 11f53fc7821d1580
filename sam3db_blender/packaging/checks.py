"""What can be wrong with a zip, found without running it, and so for every system on any of them.

Blender's own tool checks the manifest (`archive.validate`). This looks at what stands behind it: that the wheels fit
the system and its Pythons, that all imports are there, what the native libraries need, and the licences.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

from .binaries import Needs, file_name, is_native, needs_of
from .content import Content, Wheel
from .imports import missing_imports

#: Microsoft's runtime for C++, which Windows itself does not have: "Visual C++ Redistributable".
VISUAL_CPP = re.compile(r"(vcruntime|msvcp|concrt|vccorlib)\d+(_\w+)?\.dll", re.IGNORECASE)

#: What Windows has, of what the bundled libraries ask for. MF.dll and its like are Media Foundation.
_WINDOWS = frozenset(
    (
        *("advapi32.dll", "bcrypt.dll", "dbghelp.dll", "dxgi.dll", "gdi32.dll", "kernel32.dll", "mf.dll"),
        *("mfplat.dll", "mfreadwrite.dll", "msvcrt.dll", "ole32.dll", "oleaut32.dll", "psapi.dll", "secur32.dll"),
        *("setupapi.dll", "shell32.dll", "shlwapi.dll", "user32.dll", "ws2_32.dll", "wsock32.dll"),
    )
)
#: What every Linux has on which Blender runs.
_LINUX = frozenset(
    (
        *("ld-linux-x86-64.so.2", "libc.so.6", "libdl.so.2", "libgcc_s.so.1", "libm.so.6", "libpthread.so.0"),
        *("librt.so.1", "libstdc++.so.6", "libz.so.1"),
    )
)
_MACOS = ("/usr/lib/", "/System/Library/")
#: Names of an installed library for one Python, which Blender brings.
_PYTHON = re.compile(r"python3\d*\.dll", re.IGNORECASE)

_LICENCE = re.compile(r"(^|/)(licen[cs]e|copying|notice)[^/]*$", re.IGNORECASE)
#: Parts of paths that only a working copy has.
_LITTER = re.compile(
    r"(^|/)(__pycache__|\.git[^/]*|\.venv|\.DS_Store|Thumbs\.db|\.mypy_cache|\.ruff_cache)(/|$)|\.py[co]$"
)


def faults(content: Content, pythons: Iterable[str]) -> list[str]:
    """What is wrong with a zip for these Pythons; a line each."""
    pythons = tuple(pythons)
    checks: tuple[Callable[[], Iterable[str]], ...] = (
        lambda: wheel_faults(content, pythons),
        lambda: library_faults(content),
        lambda: file_faults(content),
        lambda: missing_imports(content, pythons),
    )
    return [fault for check in checks for fault in check()]


def platform_of(content: Content) -> str:
    """The one platform that a zip is for."""
    (name,) = content.manifest["platforms"]
    return str(name)


def wheel_faults(content: Content, pythons: Iterable[str]) -> Iterator[str]:
    """Wheels that are not listed, do not fit, or are missing for a Python."""
    listed = {PurePosixPath(path).name for path in content.manifest["wheels"]}
    there = {wheel.name for wheel in content.wheels}
    yield from (f"{name} is in the manifest or in the zip only" for name in sorted(listed ^ there))
    platform = platform_of(content)
    for wheel in content.wheels:
        for tag in wheel.tags[2]:
            if not fits(tag, platform):
                yield f"{wheel.name} is for {tag}, not for {platform}"
        if not any(_LICENCE.search(name) for name in wheel.files):
            yield f"{wheel.name} comes without its licence"
        if not _says_its_tags(wheel):
            yield f"{wheel.name} has other tags in its WHEEL file"
    distributions = {wheel.distribution for wheel in content.wheels}
    for python in pythons:
        for distribution in sorted(distributions):
            count = sum(wheel.distribution == distribution for wheel in content.wheels_for(python))
            if count != 1:
                yield f"{count} wheels of {distribution} for Python {python} on {platform}"


def fits(tag: str, platform: str) -> bool:
    """Whether a wheel's platform tag is one of Blender's platforms."""
    if tag == "any":
        return True
    system, machine = platform.split("-")
    starts = {"linux": "manylinux", "windows": "win_", "macos": "macosx_"}[system]
    ends = {"x64": ("x86_64", "amd64", "universal2"), "arm64": ("arm64", "aarch64", "universal2")}[machine]
    return tag.startswith(starts) and tag.endswith(ends)


def wheel_needs(wheel: Wheel) -> Needs | None:
    """What the native libraries of a wheel ask of a system, beyond what the wheel brings; None where it has none."""
    own = {file_name(name).lower() for name in wheel.files}
    needs: Needs | None = None
    for name, data in wheel.files.items():
        one = needs_of(data) if is_native(name) else None
        if one is not None:
            needs = one if needs is None else needs | one
    if needs is None:
        return None
    outside = {name for name in needs.libraries if file_name(name).lower() not in own}
    return Needs(needs.platforms, needs.at_least, frozenset(outside))


def library_faults(content: Content) -> Iterator[str]:
    """Native libraries of another system, or in need of what nobody brings."""
    platform = platform_of(content)
    for wheel in content.wheels:
        try:
            needs = wheel_needs(wheel)
        except ValueError as error:
            yield f"{wheel.name}: {error}"
            continue
        if needs is None:
            if "any" not in wheel.tags[2]:
                yield f"{wheel.name} holds no native library"
            continue
        if platform not in needs.platforms:
            yield f"{wheel.name} holds libraries that do not run on {platform}"
        for library in sorted(needs.libraries):
            if not is_outside(library, platform):
                yield f"{wheel.name} needs {library}, which nothing brings"


def is_outside(library: str, platform: str) -> bool:
    """Whether the system, Blender, or (for Microsoft's runtime) the user has a library."""
    if platform.startswith("macos"):
        return library.startswith(_MACOS)
    if platform.startswith("linux"):
        return library in _LINUX
    name = library.lower()
    known = name in _WINDOWS or name.startswith(("api-ms-win-", "ext-ms-win-"))
    return known or bool(VISUAL_CPP.fullmatch(name) or _PYTHON.fullmatch(name))


def file_faults(content: Content) -> Iterator[str]:
    """Files of the zip that should not be there, or are not."""
    for name, data in content.files.items():
        if _LITTER.search(name):
            yield f"{name} does not belong in a zip"
        elif is_native(name) or data[:4] in (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe") or data[:2] == b"MZ":
            yield f"{name} is compiled, and not in a wheel"
    for name in ("__init__.py", "LICENSE", "THIRD_PARTY.md"):
        if name not in content.files:
            yield f"{name} is missing"


def _says_its_tags(wheel: Wheel) -> bool:
    """Whether the WHEEL file has the tags of the wheel's name."""
    (text,) = (data.decode() for name, data in wheel.files.items() if name.endswith(".dist-info/WHEEL"))
    named = {
        f"{python}-{abi}-{platform}" for python in wheel.tags[0] for abi in wheel.tags[1] for platform in wheel.tags[2]
    }
    return named <= set(re.findall(r"^Tag: (\S+)", text, re.MULTILINE))
