"""Zips are checked without being run: wheels, imports, and what native libraries of each system need."""

from __future__ import annotations

import importlib.util
import struct
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from sam3db_blender.packaging import checks, report
from sam3db_blender.packaging.binaries import Needs, needs_of
from sam3db_blender.packaging.content import Content, Wheel, modules_of
from sam3db_blender.packaging.imports import imports_of, missing_imports, standard_library
from tests.support.zips import content_of_sources, wheel_of

_ARM64, _X64 = 0x0100000C, 0x01000007


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Content:
    return content_of_sources(tmp_path_factory.mktemp("zip") / "stage")


@pytest.fixture(scope="module")
def windows_library() -> bytes:
    """A real file of Windows, which setuptools brings everywhere."""
    spec = importlib.util.find_spec("setuptools")
    assert spec is not None
    assert spec.origin is not None
    return (Path(spec.origin).parent / "cli-64.exe").read_bytes()


def small(*wheels: Wheel, platform: str = "windows-x64") -> Content:
    """A zip of an add-on of one file, and wheels."""
    listed = ", ".join(f'"./wheels/{wheel.name}"' for wheel in wheels)
    manifest = f'platforms = ["{platform}"]\nwheels = [{listed}]\n'.encode()
    files = {"blender_manifest.toml": manifest, "__init__.py": b"", "LICENSE": b"", "THIRD_PARTY.md": b""}
    own = wheel_of("sam3db-1-py3-none-any.whl", {"native_runtime/__init__.py": b""})
    files["blender_manifest.toml"] = manifest.replace(b"wheels = [", f'wheels = ["./wheels/{own.name}", '.encode())
    return Content(files, (own, *wheels))


def mach_o(cpu: int, commands: bytes, count: int) -> bytes:
    return struct.pack("<8I", 0xFEEDFACF, cpu, 0, 6, count, len(commands), 0, 0) + commands


def loads(library: str) -> bytes:
    """A load command of Mach-O: this library is needed."""
    name = library.encode() + b"\0" * (8 - len(library) % 8)
    return struct.pack("<6I", 0xC, 24 + len(name), 24, 0, 0, 0) + name


def test_what_a_library_of_windows_needs(windows_library: bytes) -> None:
    needs = needs_of(windows_library)
    assert needs is not None
    assert needs.platforms == {"windows-x64"}
    assert needs.at_least == {"Windows": (6, 0)}
    assert {"KERNEL32.dll", "VCRUNTIME140.dll"} <= needs.libraries


def test_what_a_library_of_linux_needs() -> None:
    if sys.platform != "linux":
        pytest.skip("the installed ONNX Runtime is not one for Linux")
    spec = importlib.util.find_spec("onnxruntime")
    assert spec is not None
    assert spec.origin is not None
    (module,) = (Path(spec.origin).parent / "capi").glob("onnxruntime_pybind11_state*.so")
    needs = needs_of(module.read_bytes())
    assert needs is not None
    assert len(needs.platforms) == 1
    assert (2, 17) <= needs.at_least["GLIBC"] <= (2, 28)  # its wheel is a manylinux_2_28
    assert {"libc.so.6", "libstdc++.so.6"} <= needs.libraries


def test_what_a_library_of_macos_needs() -> None:
    build = struct.pack("<6I", 0x32, 24, 1, 13 << 16 | 4 << 8, 14 << 16, 0)
    content = mach_o(_X64, build + loads("/usr/lib/libc++.1.dylib") + loads("@rpath/libown.dylib"), 3)
    assert needs_of(content) == Needs(
        frozenset({"macos-x64"}), {"macOS": (13, 4)}, frozenset({"/usr/lib/libc++.1.dylib", "@rpath/libown.dylib"})
    )
    older = mach_o(_ARM64, struct.pack("<4I", 0x24, 16, 11 << 16, 0), 1)
    assert needs_of(older) == Needs(frozenset({"macos-arm64"}), {"macOS": (11, 0)})


@pytest.mark.parametrize("content", [b"", b"import os\n", b"\x89PNG"])
def test_other_files_need_nothing(content: bytes) -> None:
    assert needs_of(content) is None


@pytest.mark.parametrize("start", [b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe"])
def test_a_broken_library_is_told(start: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        needs_of(start + bytes(20))
    wheel = wheel_of("fast-1-cp311-cp311-win_amd64.whl", {"fast/_fast.pyd": start + bytes(20)})
    assert any("cannot be read" in fault for fault in checks.faults(small(wheel), ["3.11"]))


def test_needs_of_several_libraries_are_the_newest_of_each() -> None:
    one = Needs(frozenset({"linux-x64"}), {"GLIBC": (2, 9)}, frozenset({"a"}))
    other = Needs(frozenset({"linux-x64"}), {"GLIBC": (2, 28), "GCC": (3, 0)}, frozenset({"b"}))
    assert one | other == Needs(frozenset({"linux-x64"}), {"GCC": (3, 0), "GLIBC": (2, 28)}, frozenset({"a", "b"}))


def test_a_good_zip_has_no_faults(windows_library: bytes) -> None:
    wheel = wheel_of("fast-1-cp311-abi3-win_amd64.whl", {"fast/__init__.py": b"", "fast/_fast.pyd": windows_library})
    assert checks.faults(small(wheel), ["3.11", "3.13", "3.14"]) == []


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("fast-1-cp311-cp311-win_amd64.whl", "0 wheels of fast for Python 3.13 on windows-x64"),
        ("fast-1-cp311-abi3-macosx_14_0_arm64.whl", "fast-1-cp311-abi3-macosx_14_0_arm64.whl is for macosx_14_0_arm64"),
        ("fast-1-cp314-abi3-win_amd64.whl", "0 wheels of fast for Python 3.11 on windows-x64"),
        ("fast-1-cp311-abi3-win_arm64.whl", "fast-1-cp311-abi3-win_arm64.whl is for win_arm64, not for windows-x64"),
    ],
)
def test_wheels_that_do_not_fit_are_told(windows_library: bytes, name: str, fault: str) -> None:
    found = checks.faults(small(wheel_of(name, {"fast/_fast.pyd": windows_library})), ["3.11", "3.13"])
    assert any(one.startswith(fault) for one in found), found


def test_libraries_for_another_system_are_told(windows_library: bytes) -> None:
    wheel = wheel_of("fast-1-cp311-cp311-manylinux_2_28_x86_64.whl", {"fast/_fast.so": windows_library})
    found = checks.faults(small(wheel, platform="linux-x64"), ["3.11"])
    assert f"{wheel.name} holds libraries that do not run on linux-x64" in found
    assert f"{wheel.name} needs KERNEL32.dll, which nothing brings" in found


def test_a_library_that_nobody_brings_is_told() -> None:
    library = mach_o(_ARM64, loads("/opt/homebrew/lib/libav.dylib") + loads("@loader_path/libown.dylib"), 2)
    files = {"fast/_fast.so": library, "fast/libown.dylib": mach_o(_ARM64, b"", 0)}
    wheel = wheel_of("fast-1-cp311-abi3-macosx_14_0_arm64.whl", files)
    assert checks.faults(small(wheel, platform="macos-arm64"), ["3.11"]) == [
        f"{wheel.name} needs /opt/homebrew/lib/libav.dylib, which nothing brings"
    ]


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("rig/__pycache__/mesh.cpython-311.pyc", b"", "does not belong in a zip"),
        (".git/HEAD", b"", "does not belong in a zip"),
        ("tool.so", b"", "is compiled, and not in a wheel"),
        ("tool", b"\x7fELF", "is compiled, and not in a wheel"),
    ],
)
def test_files_that_should_not_be_there_are_told(name: str, content: bytes, fault: str) -> None:
    good = small()
    assert checks.faults(replace(good, files=good.files | {name: content}), ["3.11"]) == [f"{name} {fault}"]


def test_missing_licences_and_wheels_that_are_not_listed_are_told() -> None:
    good = small()
    found = checks.faults(Content({k: v for k, v in good.files.items() if k != "LICENSE"}, good.wheels), ["3.11"])
    assert found == ["LICENSE is missing"]
    more = wheel_of("more-1-py3-none-any.whl", {"more.py": b""})
    found = checks.faults(replace(good, wheels=(*good.wheels, more)), ["3.11"])
    assert found == ["more-1-py3-none-any.whl is in the manifest or in the zip only"]


def test_all_that_our_code_imports_is_there(sources: Content) -> None:
    assert missing_imports(sources, ["3.11"]) == []


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("import scipy.spatial", "there is no scipy.spatial for Python 3.13"),
        ("from .nowhere import thing", "there is no nowhere.thing in the zip"),
        ("from . import nothing", "there is no nothing in the zip"),
        ("import imp", "there is no imp for Python 3.13"),
        ("def f():\n    import torch", "there is no torch for Python 3.13"),
        ("try:\n    import torch\nexcept ImportError:\n    torch = None", "there is no torch for Python 3.13"),
    ],
)
def test_an_import_of_what_is_not_there_is_told(code: str, fault: str) -> None:
    good = small()
    found = missing_imports(replace(good, files=good.files | {"tool.py": code.encode()}), ["3.13"])
    assert [one.partition(": ")[2] for one in found] == [fault]


@pytest.mark.parametrize(
    "code",
    [
        "import os, bpy, numpy.typing\nfrom . import tool",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch",
        "def f():\n    import h5py",
    ],
)
def test_what_is_there_or_optional_is_not_missed(code: str) -> None:
    good = small()
    assert missing_imports(replace(good, files=good.files | {"tool.py": code.encode()}), ["3.13"]) == []


def test_our_wheel_may_not_import_blender() -> None:
    own = wheel_of("sam3db-1-py3-none-any.whl", {"native_runtime/__init__.py": b"import bpy"})
    found = missing_imports(replace(small(), wheels=(own,)), ["3.11"])
    assert found == ["native_runtime/__init__.py:1: there is no bpy for Python 3.11"]


def test_imports_are_read_with_their_places() -> None:
    found = list(imports_of("rig/mesh.py", "from ..scene import units\n\n\ndef f():\n    from .pose import set_pose\n"))
    assert [(one.module, one.name, one.line, one.lazy) for one in found] == [
        (".scene", "units", 1, False),
        (".rig.pose", "set_pose", 5, True),
    ]


def test_modules_are_told_from_other_files() -> None:
    names = [
        "cv2/__init__.py",
        "cv2/cv2.abi3.so",
        "fast.cp311-win_amd64.pyd",
        "a-b/c.py",
        "fast.libs/libc.so.6",
        "x.txt",
    ]
    assert set(modules_of(dict.fromkeys(names, b""))) == {"cv2", "cv2.cv2", "fast"}


def test_newer_pythons_lack_some_modules() -> None:
    assert "telnetlib" in standard_library("3.11")
    assert "telnetlib" not in standard_library("3.13")
    assert "imp" not in standard_library("3.14")
    assert standard_library(f"{sys.version_info.major}.{sys.version_info.minor}") <= sys.stdlib_module_names


def test_the_report_says_what_windows_needs_and_what_takes_the_room(windows_library: bytes, tmp_path: Path) -> None:
    renamed = windows_library.replace(b"VCRUNTIME140.dll", b"MSVCP140_1.dll\0\0")
    wheels = [
        wheel_of("onnxruntime-1-cp311-cp311-win_amd64.whl", {"onnxruntime/_ort.pyd": renamed}),
        wheel_of("pillow-1-cp311-cp311-win_amd64.whl", {"PIL/_image.pyd": windows_library}),
    ]
    content = small(*wheels)
    assert report.needs_of_zip(content) == [
        "Windows 6.0 or newer (pillow), as its libraries say.",
        "onnxruntime: Microsoft Visual C++ 2015-2022 Redistributable (x64): msvcp140_1.dll.",
        "pillow: vcruntime140.dll, which Blender's Python brings.",
    ]
    path = tmp_path / "sam3db_blender-1-windows_x64.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.files.items():
            archive.writestr(name, data)
        for wheel in content.wheels:
            archive.writestr(f"wheels/{wheel.name}", wheel.content)
        archive.writestr("models/bodies/default.npz", bytes(2_000_000))
    told = report.describe(path)
    assert told.size == path.stat().st_size
    assert told.parts["default bodies"] == 2_000_000
    assert sum(told.parts.values()) < told.size
    text = report.details([told])
    assert told.sha256 in text
    assert "| default bodies | 2.0 |" in text


def test_an_artist_is_told_which_zip_to_take() -> None:
    def told(platform: str, *needs: str) -> report.Report:
        name = f"sam3db_blender-1-{platform.replace('-', '_')}.zip"
        return report.Report(name, platform, 190_600_000, "0" * 64, {}, needs)

    windows = "onnxruntime: Microsoft Visual C++ 2015-2022 Redistributable (x64): msvcp140_1.dll."
    text = report.downloads(
        [
            told("windows-x64", "Windows 6.0 or newer (pillow), as its libraries say.", windows),
            told("macos-x64", "macOS 13.4 or newer (onnxruntime)."),
            told("linux-x64", "glibc 2.28 or newer (onnxruntime).", "libstdc++ with GLIBCXX_3.4.22 or newer."),
        ]
    )
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "zip" in line]
    assert [row[0] for row in rows] == ["Linux (x86-64)", "Windows (64-bit)", "Mac with Intel's processor"]
    assert rows[0][1:] == ["`sam3db_blender-1-linux_x64.zip`", "191", "4.2.13 or later", "glibc 2.28 or newer"]
    assert rows[1][4].startswith("Microsoft Visual C++ 2015-2022 Redistributable (x64), which")
    assert rows[2][3:] == ["4.2.13 to 4.5", "macOS 13.4 or newer"]
    assert "Install from Disk" in text
