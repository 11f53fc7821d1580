"""What a native library asks of the system, read from the file itself: ELF on Linux, Mach-O on macOS, PE on Windows.

Nothing is loaded or run, so that one system's zips are checked on another.
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pefile
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from macholib import MachO, mach_o

#: A version as numbers, so that 2.9 is older than 2.28.
Version = tuple[int, ...]

_ELF_MACHINES = {"EM_X86_64": "x64", "EM_AARCH64": "arm64"}
_PE_MACHINES = {0x8664: "x64", 0xAA64: "arm64"}
_MACHO_MACHINES = {0x01000007: "x64", 0x0100000C: "arm64"}
_VERSIONED = re.compile(r"(GLIBC|GLIBCXX|CXXABI|GCC)_(\d+(?:\.\d+)*)")


@dataclass(frozen=True)
class Needs:
    """What one library, or several together, ask of a system."""

    #: Blender's names of platforms that it was made for, such as "linux-x64"; two for a universal library of macOS.
    platforms: frozenset[str]
    #: What must be of a version at least: "GLIBC", "GLIBCXX", "CXXABI", "GCC"; "macOS"; "Windows".
    at_least: dict[str, Version] = field(default_factory=dict)
    #: Libraries that must be there, by their file names.
    libraries: frozenset[str] = frozenset()

    def __or__(self, other: Needs) -> Needs:
        """What both together need; the platforms on which both run."""
        names = self.at_least.keys() | other.at_least.keys()
        newest = {name: max(self.at_least.get(name, ()), other.at_least.get(name, ())) for name in sorted(names)}
        return Needs(self.platforms & other.platforms, newest, self.libraries | other.libraries)


def version_text(version: Version) -> str:
    """A version as people write it."""
    return ".".join(str(number) for number in version)


def is_native(name: str) -> bool:
    """Whether a file's name says that it is a native library."""
    return re.search(r"\.(so(\.[\w.]+)?|dylib|pyd|dll)$", name) is not None


def needs_of(content: bytes) -> Needs | None:
    """What a native library asks of the system; None for anything else.

    Raises:
        ValueError: it begins as a native library and cannot be read as one.
    """
    try:
        if content.startswith(b"\x7fELF"):
            return _elf(content)
        if content.startswith(b"MZ"):
            return _pe(content)
        if content[:4] in (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"):
            return _macho(content)
    except Exception as error:  # each reader has errors of its own, and stumbles over broken files in yet other ways
        raise ValueError(f"The library cannot be read: {error}") from error
    return None


def _elf(content: bytes) -> Needs:
    elf = ELFFile(io.BytesIO(content))
    libraries: set[str] = set()
    newest: dict[str, Version] = {}
    for section in elf.iter_sections():
        if isinstance(section, DynamicSection):
            libraries |= {tag.needed for tag in section.iter_tags("DT_NEEDED")}
        elif isinstance(section, GNUVerNeedSection):
            for _, versions in section.iter_versions():
                for version in versions:
                    if found := _VERSIONED.fullmatch(version.name):
                        number = tuple(int(part) for part in found[2].split("."))
                        newest[found[1]] = max(newest.get(found[1], ()), number)
    machine = _ELF_MACHINES.get(elf["e_machine"], str(elf["e_machine"]))
    return Needs(frozenset({f"linux-{machine}"}), newest, frozenset(libraries))


def _pe(content: bytes) -> Needs:
    library = pefile.PE(data=content, fast_load=True)
    library.parse_data_directories(
        directories=[
            pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_IMPORT"],
            pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT"],
        ]
    )
    # What is loaded only when it is first called need not be there.
    libraries = {entry.dll.decode("ascii") for entry in getattr(library, "DIRECTORY_ENTRY_IMPORT", [])}
    header = library.OPTIONAL_HEADER
    version = (header.MajorSubsystemVersion, header.MinorSubsystemVersion)
    machine = _PE_MACHINES.get(library.FILE_HEADER.Machine, hex(library.FILE_HEADER.Machine))
    return Needs(frozenset({f"windows-{machine}"}), {"Windows": version}, frozenset(libraries))


def _macho(content: bytes) -> Needs:
    needs = [_macho_slice(header) for header in _macho_headers(content)]
    newest = max((one.at_least.get("macOS", ()) for one in needs), default=())
    return Needs(
        frozenset().union(*(one.platforms for one in needs)),
        {"macOS": newest} if newest else {},
        frozenset().union(*(one.libraries for one in needs)),
    )


def _macho_headers(content: bytes) -> Iterator[MachO.MachOHeader]:
    with tempfile.TemporaryDirectory() as folder:  # macholib reads files by their names alone
        path = Path(folder) / "library.dylib"
        path.write_bytes(content)
        yield from MachO.MachO(str(path), allow_unknown_load_commands=True).headers


def _macho_slice(header: MachO.MachOHeader) -> Needs:
    libraries: set[str] = set()
    newest: Version = ()
    for command, detail, rest in header.commands:
        if command.cmd in (mach_o.LC_LOAD_DYLIB, mach_o.LC_REEXPORT_DYLIB):
            libraries.add(rest.rstrip(b"\0").decode("utf-8"))
        elif command.cmd == mach_o.LC_BUILD_VERSION:
            newest = max(newest, _packed(int(detail.minos)))
        elif command.cmd == mach_o.LC_VERSION_MIN_MACOSX:
            newest = max(newest, _packed(int(detail.version)))
    machine = _MACHO_MACHINES.get(int(header.header.cputype) & 0xFFFFFFFF, str(header.header.cputype))
    return Needs(frozenset({f"macos-{machine}"}), {"macOS": newest} if newest else {}, frozenset(libraries))


def _packed(number: int) -> Version:
    """A version of Apple's form: 16 bits for the major number, 8 each for minor and patch."""
    return (number >> 16, number >> 8 & 255)


def file_name(library: str) -> str:
    """A needed library's file name, without the folder that macOS gives."""
    return PurePosixPath(library).name
