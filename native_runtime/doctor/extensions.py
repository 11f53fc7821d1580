"""Blender's folders of extensions, and whether ours is in them and complete."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from native_runtime import __version__
from native_runtime.errors import Remedy

from .report import Fault, Section

EXTENSION = "sam3db_blender"
"""Its id."""
_MANIFEST = "blender_manifest.toml"
_NEEDED = ("native_runtime", "onnxruntime", "cv2")
#: Where Blender unpacks the wheels of all extensions of a release.
_WHEELS = (Path(".local/lib"), Path(".local/Lib"))
_RELEASE = re.compile(r"\d+\.\d+")


@dataclass(frozen=True)
class Installed:
    """An extension of ours that Blender has.

    Attributes:
        folder: where it is.
        version: as its manifest says; "?" where that cannot be read.
        missing: modules that it brought, and that Blender has not unpacked.
    """

    folder: str
    version: str
    missing: tuple[str, ...]


def check_extensions(folders: Iterable[Path] | None = None) -> Section:
    """Look for the extension.

    Args:
        folders: Blender's folders of extensions (each holds repositories); None: those of this user's Blenders.
    """
    looked = list(user_folders(os.environ, sys.platform, Path.home()) if folders is None else folders)
    found = [one for folder in looked for one in installed_in(folder)]
    faults, notes = [], []
    for one in found:
        if one.missing:
            text = f"The extension in {one.folder} is not complete: {', '.join(one.missing)} missing."
            faults.append(Fault(f"{text} In Blender, remove it, restart, and install it again."))
        if one.version != __version__:
            text = f"The extension in {one.folder} has version {one.version}; this program has {__version__}."
            notes.append(Fault(text, Remedy.REINSTALL))
    lines = [f"- {one.folder}: version {one.version}" for one in found]
    if not lines:
        lines = [f"- {folder}: ours is not in it" for folder in looked] or ["- this user has no Blender's folder"]
    facts = {"folders": [str(folder) for folder in looked], "installed": [asdict(one) for one in found]}
    return Section("extensions", "Blender's extensions", tuple(lines), facts, tuple(faults), tuple(notes))


def user_folders(environment: Mapping[str, str], platform: str, home: Path) -> list[Path]:
    """The folders of extensions of a user's Blenders that exist, the newest release first."""
    named = environment.get("BLENDER_USER_EXTENSIONS")
    if named:
        return [Path(named)] if Path(named).is_dir() else []
    resources = environment.get("BLENDER_USER_RESOURCES")
    if resources:
        found = [Path(resources) / "extensions"]
    else:
        if platform == "win32":
            root = Path(environment.get("APPDATA") or home / "AppData" / "Roaming") / "Blender Foundation" / "Blender"
        elif platform == "darwin":
            root = home / "Library" / "Application Support" / "Blender"
        else:
            root = Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "blender"
        releases = [folder for folder in _entries(root) if _RELEASE.fullmatch(folder.name)]
        releases.sort(key=lambda folder: tuple(map(int, folder.name.split("."))), reverse=True)
        found = [folder / "extensions" for folder in releases]
    return [folder for folder in found if folder.is_dir()]


def installed_in(extensions: Path) -> Iterator[Installed]:
    """Ours in a folder of extensions: one for each repository that has it."""
    for repository in _entries(extensions):
        folder = repository / EXTENSION
        if (folder / _MANIFEST).is_file():
            yield Installed(str(folder), _version_of(folder / _MANIFEST), _missing_from(extensions))


def _version_of(path: Path) -> str:
    try:
        return str(tomllib.loads(path.read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError):
        return "?"


def _missing_from(extensions: Path) -> tuple[str, ...]:
    """Of the modules that our wheels bring, those that lie in none of the folders for wheels."""
    sites = [
        site
        for wheels in _WHEELS
        for site in (extensions / wheels / "site-packages", *(extensions / wheels).glob("python*/site-packages"))
    ]
    return tuple(name for name in _NEEDED if not any((site / name).is_dir() for site in sites))


def _entries(folder: Path) -> list[Path]:
    """The folders in a folder; none where it cannot be read."""
    try:
        return sorted(entry for entry in folder.iterdir() if entry.is_dir())
    except OSError:
        return []
