"""The libraries that the program needs: whether they can be imported, and in which versions.

``python -m native_runtime.doctor.libraries`` imports them one after the other and says how that went; the check runs it
in a process of its own, since a library of the wrong build may crash.
"""

from __future__ import annotations

import json
import platform
import re
import sys
from dataclasses import dataclass
from importlib import import_module, metadata

from native_runtime import __version__
from native_runtime.errors import Remedy
from native_runtime.process.libraries import explained, find_cpp_runtime

from .child import ChildError, messages_of
from .report import Fault, Section

_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Library:
    """A library.

    Attributes:
        module: its name in Python.
        title: for people.
        least: the oldest version that is supported.
        below: the first version that is not.
        needed_for: what cannot be done without it; empty: nothing can.
    """

    module: str
    title: str
    least: tuple[int, ...]
    below: tuple[int, ...]
    needed_for: str = ""


LIBRARIES = (
    Library("numpy", "NumPy", (1, 26, 4), (3,)),
    Library("cv2", "OpenCV", (4, 11), (5,)),
    Library("onnxruntime", "ONNX Runtime", (1, 23), (2,)),
    Library("PIL", "Pillow", (12,), (14,), "GIF, and rare TIFF pictures"),
    Library("pi_heif", "pi-heif", (1, 4), (2,), "HEIC and AVIF pictures"),
)


def check_libraries(blender: str | None = None) -> Section:
    """Import all of them, and tell the versions of everything.

    Args:
        blender: the version of the Blender that asks; None: that of the Python module bpy, where there is one.
    """
    found: dict[str, dict[str, str]] = {}
    crash, begun = "", ""
    try:
        for message in messages_of(__name__, [], _PATIENCE_S):
            if "begun" in message:
                begun = message["begun"]
            else:
                found[str(message["module"])] = message
    except ChildError as error:
        crash = str(error)
    faults: list[Fault] = []
    notes: list[Fault] = []
    lines: list[str] = []
    facts: dict[str, str | None] = {}
    if crash and not begun:
        faults.append(Fault(f"The process that imports the libraries {crash}.", Remedy.INSTALL_LIBRARIES))
    for library in LIBRARIES:
        if library.module not in found and library.module != begun:  # the process had ended before
            facts[library.module] = None
            lines.append(f"- {library.title}: not looked at")
            continue
        answer = found.get(library.module, {"error": crash})
        version = str(answer.get("version", ""))
        facts[library.module] = version or None
        lines.append(f"- {library.title} {version or 'cannot be used'}")
        said = str(answer.get("error", ""))
        fault = _fault(library, version, said)
        if fault is not None and not (faults and LIBRARIES[0].module in said):  # without NumPy none of them works
            (notes if library.needed_for else faults).append(fault)
    facts["blender"] = blender or _of_package("bpy") or None
    own = [
        f"- sam3db {__version__}",
        f"- Python {platform.python_version()}",
        *([f"- Blender {facts['blender']}{'' if blender else ' (the Python module bpy)'}"] if facts["blender"] else []),
    ]
    facts |= {"program": __version__, "python": platform.python_version()}
    return Section("versions", "Versions", (*own, *lines), facts, tuple(faults), tuple(notes))


def _fault(library: Library, version: str, error: str) -> Fault | None:
    without = f" Without it these cannot be read: {library.needed_for}." if library.needed_for else ""
    if not version:
        missing = error == f"No module named {library.module!r}"
        why = None if missing else explained(ImportError(f"{library.module}: {error}"), sys.platform)
        if why is not None:
            return Fault.of(why)
        said = "is not installed" if missing else f"cannot be used ({error})"
        return Fault(f"{library.title} {said}.{without}", Remedy.INSTALL_LIBRARIES)
    known = numbers(version)
    if known < library.least or known >= library.below:
        bounds = f"{_written(library.least)} or newer, below {_written(library.below)}"
        text = f"{library.title} {version} is installed, but this program needs {bounds}."
        return Fault(text, Remedy.INSTALL_LIBRARIES)
    return None


def numbers(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with: (1, 26, 4) of "1.26.4rc1"."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(number) for number in found[0].split(".")) if found else ()


def _written(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _of_package(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def main() -> None:
    """Import them and say how that went: JSON lines on standard output."""
    from native_runtime.files.streams import take_stdout

    find_cpp_runtime()
    answer = take_stdout(sys.stderr)
    for library in LIBRARIES:
        answer.write(json.dumps({"begun": library.module}) + "\n")
        answer.flush()
        said = {"module": library.module}
        try:
            said["version"] = str(import_module(library.module).__version__)
        except Exception as error:  # a library may raise anything
            said["error"] = (str(error).strip() or type(error).__name__).partition("\n")[0]
        answer.write(json.dumps(said) + "\n")
        answer.flush()


if __name__ == "__main__":
    main()
