"""Writing a zip so that the same content gives the same bytes, and letting Blender's own tool check it."""

from __future__ import annotations

import logging
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

from native_runtime.errors import Sam3dbError

log = logging.getLogger("sam3db.packaging")

#: Every entry gets this date.
DATE = (2020, 1, 1, 0, 0, 0)


def add(archive: zipfile.ZipFile, name: str, content: bytes, mode: int = 0o644, stored: bool = False) -> None:
    """Add a file that carries neither the time nor the system at which it was packed."""
    entry = zipfile.ZipInfo(name, DATE)
    entry.create_system = 3  # of two systems' zips, both say Unix
    entry.external_attr = mode << 16
    archive.writestr(entry, content, zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED, 9)


def write_zip(stage: Path, path: Path) -> None:
    """Pack a folder. Wheels are compressed already, and are stored as they are."""
    files = {file.relative_to(stage).as_posix(): file for file in stage.rglob("*") if file.is_file()}
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(files):
            add(archive, name, files[name].read_bytes(), stored=name.endswith(".whl"))


def differences(one: Path, other: Path) -> list[str]:
    """What differs between two zips that should be equal, a line each; empty where they are equal byte for byte."""
    if one.read_bytes() == other.read_bytes():
        return []
    with zipfile.ZipFile(one) as first, zipfile.ZipFile(other) as second:
        names = sorted({*first.namelist(), *second.namelist()})
        found = []
        for name in names:
            contents = [archive.read(name) if name in archive.namelist() else None for archive in (first, second)]
            if None in contents:
                found.append(f"{name} is in one of them only")
            elif contents[0] != contents[1]:
                found.append(f"{name} differs")
    return found or ["The files are equal; their order, dates or compression are not."]


def validate(archive: Path) -> None:
    """Let Blender's own extension tool, which the bpy package carries and which runs without Blender, check the zip.

    Raises:
        Sam3dbError: it refuses the zip; the message says why.
    """
    tool = _extension_tool()
    if tool is None:
        log.warning("bpy is not installed: the zip is not validated (blender --command extension validate does it too)")
        return
    done = subprocess.run(
        [sys.executable, str(tool), "validate", str(archive)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Sam3dbError(f"Blender refuses the zip: {(done.stdout + done.stderr).strip()}")
    log.info("Blender's validation found nothing wrong")


def _extension_tool() -> Path | None:
    spec = find_spec("bpy")
    if spec is None or spec.origin is None:
        return None
    found = sorted(Path(spec.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
    return found[-1] if found else None
