"""What release notes say of zips: sizes, checksums, what takes the room, and the oldest system that will do.

``python -m sam3db_blender.packaging.report ZIP...`` prints it as Markdown: first what an artist needs to choose one,
then what others want to know. Sizes and needs are read from the zips.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .binaries import Needs, version_text
from .checks import VISUAL_CPP, platform_of, wheel_needs
from .content import OWN_WHEEL, Content, read
from .targets import PLATFORMS

#: Kinds of files in a zip, as people call them, by the beginnings of their paths; the first that fits.
PARTS = (
    ("networks", "models/landmarks/"),
    ("default bodies", "models/bodies/"),
    ("OpenCV", "wheels/opencv"),
    ("ONNX Runtime", "wheels/onnxruntime"),
    ("Pillow", "wheels/pillow"),
    ("pi-heif", "wheels/pi_heif"),
    ("our own wheel", f"wheels/{OWN_WHEEL}-"),
    ("user guide", "guide/"),
    ("add-on", ""),
)


@dataclass(frozen=True)
class Report:
    """What is to be said of one zip."""

    name: str
    platform: str
    size: int
    sha256: str
    #: Bytes in the zip of each of `PARTS`.
    parts: dict[str, int]
    #: One sentence each.
    needs: tuple[str, ...]


def describe(archive: Path) -> Report:
    """Read a zip and say what is to be said of it."""
    parts = dict.fromkeys((name for name, _ in PARTS), 0)
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            part = next(name for name, start in PARTS if info.filename.startswith(start))
            parts[part] += info.compress_size
    content = read(archive)
    data = archive.read_bytes()
    needs, digest = tuple(needs_of_zip(content)), hashlib.sha256(data).hexdigest()
    return Report(archive.name, platform_of(content), len(data), digest, parts, needs)


def needs_of_zip(content: Content) -> list[str]:
    """The oldest system on which the bundled libraries load, and what else it has to have; a sentence each."""
    by_wheel = {wheel.name: needs for wheel in content.wheels if (needs := wheel_needs(wheel)) is not None}
    newest: dict[str, tuple[tuple[int, ...], str]] = {}
    for name, needs in by_wheel.items():
        for what, version in needs.at_least.items():
            newest[what] = max(newest.get(what, ((), "")), (version, name.partition("-")[0]))
    platform = platform_of(content)
    if platform.startswith("linux"):
        return [
            f"glibc {_of(newest['GLIBC'])}.",
            f"libstdc++ with GLIBCXX_{_of(newest['GLIBCXX'])} and CXXABI_{_of(newest['CXXABI'])}.",
        ]
    if platform.startswith("macos"):
        return [f"macOS {_of(newest['macOS'])}."]
    return [f"Windows {_of(newest['Windows'])}, as its libraries say.", *_windows_libraries(by_wheel)]


def _of(found: tuple[tuple[int, ...], str]) -> str:
    version, wheel = found
    return f"{version_text(version)} or newer ({wheel})"


def _windows_libraries(by_wheel: dict[str, Needs]) -> Iterable[str]:
    runtime: dict[str, set[str]] = {}
    for name, needs in by_wheel.items():
        if found := {library.lower() for library in needs.libraries if VISUAL_CPP.fullmatch(library)}:
            runtime.setdefault(name.partition("-")[0], set()).update(found)
    for wheel, libraries in sorted(runtime.items()):
        if libraries == {"vcruntime140.dll"}:
            yield f"{wheel}: vcruntime140.dll, which Blender's Python brings."
        else:
            yield f"{wheel}: Microsoft Visual C++ 2015-2022 Redistributable (x64): {', '.join(sorted(libraries))}."
    media = {name.partition("-")[0] for name, needs in by_wheel.items() if any(_is_media(x) for x in needs.libraries)}
    for wheel in sorted(media):
        yield f"{wheel}: Media Foundation, which editions N of Windows have with Microsoft's Media Feature Pack."


def _is_media(library: str) -> bool:
    return library.lower() in ("mf.dll", "mfplat.dll", "mfreadwrite.dll")


_INSTALLING = """\
Do not unpack it. Drag it into Blender's window and confirm, or choose it with *Edit > Preferences > Get Extensions*,
the arrow at the top right, *Install from Disk*. It needs no account and no network.

Then press N over the 3D viewport, open the tab *Photo*, choose a photo, and press *Make Character*. The question mark
at the top of the panel opens the guide.
"""


def downloads(reports: Sequence[Report]) -> str:
    """The section of release notes by which an artist chooses a zip and installs it. 1 MB is a million bytes."""
    lines = ["## Which file?", "", "| your computer | file | MB | Blender | it needs |"]
    lines += ["| --- | --- | ---: | --- | --- |"]
    order = list(PLATFORMS)
    for report in sorted(reports, key=lambda report: order.index(report.platform)):
        target = PLATFORMS[report.platform]
        size, needs = f"{report.size / 1e6:.0f}", _in_short(report)
        lines.append(f"| {target.title} | `{report.name}` | {size} | {target.blenders} | {needs} |")
    return "\n".join(lines) + f"\n\n{_INSTALLING}"


def _in_short(report: Report) -> str:
    """What a system must have, for people who know it by its name alone."""
    if report.platform.startswith("windows"):
        runtime = "Microsoft Visual C++ 2015-2022 Redistributable (x64)"
        return f"{runtime}, which most computers have" if any(runtime in text for text in report.needs) else ""
    return report.needs[0].partition(" (")[0].rstrip(".")


def details(reports: Sequence[Report]) -> str:
    """The section of release notes with what else is to be said of the zips. 1 MB is a million bytes."""
    lines = ["## The files in detail", "", "| file | bytes | SHA-256 |", "| --- | ---: | --- |"]
    lines += [f"| `{report.name}` | {report.size:,} | `{report.sha256}` |" for report in reports]
    lines += ["", "The oldest systems on which the bundled libraries load, as the libraries themselves say:", ""]
    lines += [f"- `{report.name}`: {' '.join(report.needs)}" for report in reports]
    titles = [report.platform for report in reports]
    lines += ["", "What takes the room (MB in the zip):", "", f"| | {' | '.join(titles)} |"]
    lines += ["| --- |" + " ---: |" * len(reports)]
    for part in sorted(reports[0].parts, key=lambda name: -reports[0].parts[name]):
        lines.append(f"| {part} | {' | '.join(f'{report.parts[part] / 1e6:.1f}' for report in reports)} |")
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Print what is to be said of the zips that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m sam3db_blender.packaging.report", description="What release notes say of zips, as Markdown."
    )
    parser.add_argument("archives", nargs="+", type=Path, metavar="ZIP")
    archives: list[Path] = parser.parse_args(argv).archives
    if unreadable := [str(path) for path in archives if not zipfile.is_zipfile(path)]:
        parser.error(f"not a zip: {', '.join(unreadable)}")
    reports = [describe(path) for path in archives]
    sys.stdout.write(f"{downloads(reports)}\n{details(reports)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
