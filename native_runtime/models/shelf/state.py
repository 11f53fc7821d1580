"""How things stand with an item: cheap, by manifests and sizes; nothing is hashed, nothing is opened."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from native_runtime.errors import NewerFormatError, Sam3dbError
from native_runtime.models import manifest
from native_runtime.models.download.part import arrived_bytes
from native_runtime.models.store import BODIES_FOLDER, INSTANTHMR_FOLDER, SAM3D_BODY_FOLDER, models_dir

from .items import ItemState, Needs, RemoteFile, ShelfItem, Source

SOURCES_FOLDER = "sources"
PROVENANCE = "source"
"""Fact of a manifest: where its files come from, which terms were accepted, whether the use is commercial."""


def downloads_folder(item: ShelfItem, models: str | os.PathLike[str] | None = None) -> Path:
    """Where an item's downloads lie (it may not exist)."""
    return models_dir(models) / SOURCES_FOLDER / item.folder


def installed_folder(item: ShelfItem, models: str | os.PathLike[str] | None = None) -> Path:
    """Where its finished files lie, among others perhaps (it may not exist)."""
    names = {"sam3d_body": SAM3D_BODY_FOLDER, "instanthmr": INSTANTHMR_FOLDER, None: BODIES_FOLDER}
    return models_dir(models) / names[item.engine]


def installed_name(item: ShelfItem) -> str:
    """What an item of InstantHMR is called in its folder, and a variant of SAM 3D Body in its manifest."""
    return item.folder.rpartition("/")[2]


def state_of(item: ShelfItem, models: str | os.PathLike[str] | None = None) -> ItemState:
    """How things stand with an item."""
    downloads, installed = downloads_folder(item, models), installed_folder(item, models)
    there = _bytes_in(downloads)
    entries, facts, problem, unproved = _installed(item, installed)
    if problem:
        return ItemState("broken", bytes_there=there, detail=problem, downloaded=there)
    if entries:
        size = sum(int(entry["size"]) for entry in entries.values())
        broken = [name for name, entry in entries.items() if not _is_as_long(installed / name, entry["size"])]
        terms, commercial = _provenance(facts)
        if broken:
            missing = tuple(Needs(name, entries[name]["size"]) for name in broken)
            text = f"{', '.join(broken)} is missing or damaged"
            return ItemState("broken", missing, there + size, text, installed, terms, commercial, downloaded=there)
        if unproved:
            text = "its last check failed"
            return ItemState("broken", (), there + size, text, installed, terms, commercial, downloaded=there)
        text = str(facts.get("precision") or "")
        return ItemState("ready", (), there + size, text, installed, terms, commercial, downloaded=there)
    missing = missing_files(item, downloads)
    if not missing:
        return ItemState("downloaded", (), there, downloaded=there)
    return ItemState("partly" if there else "absent", missing, there, downloaded=there)


def missing_files(item: ShelfItem, downloads: Path) -> tuple[Needs, ...]:
    """What is not downloaded yet, of the source of which least is missing; empty: all of one source is there."""
    choices = [_missing_of(source, downloads) for source in item.sources if source.files]
    return min(choices, key=lambda missing: sum(needs.size or 1 for needs in missing), default=())


def is_downloaded(file: RemoteFile, entries: Mapping[str, Mapping[str, Any]], folder: Path) -> bool:
    """Whether a file is there as its manifest entry says, by its size; and as the catalogue says, where that knows."""
    entry = entries.get(file.name)
    if entry is None or (file.sha256 is not None and entry["sha256"] != file.sha256):
        return False
    return _is_as_long(folder / file.name, entry["size"])


def entries_of(folder: Path) -> dict[str, dict[str, Any]]:
    """The files that a folder's manifest lists; none where it has no readable one."""
    try:
        return dict(manifest.read(folder)["files"])
    except Sam3dbError:
        return {}


def _missing_of(source: Source, downloads: Path) -> tuple[Needs, ...]:
    entries = entries_of(downloads)
    return tuple(Needs(file.name, file.size) for file in source.files if not is_downloaded(file, entries, downloads))


class _Installed(NamedTuple):
    """The manifest entries of an item's finished files, the facts beside them, what is wrong with the manifest, and
    whether the networks failed their last proof.
    """

    entries: dict[str, dict[str, Any]]
    facts: dict[str, Any]
    problem: str = ""
    unproved: bool = False


def _installed(item: ShelfItem, folder: Path) -> _Installed:
    nothing = _Installed({}, {})
    if not (folder / manifest.NAME).is_file():
        return nothing
    try:
        content = manifest.read(folder)
    except NewerFormatError as error:
        return _Installed({}, {}, str(error))
    except Sam3dbError as error:
        return _Installed({}, {}, str(error) if item.engine else "")
    files, own = content["files"], installed_name(item)
    unproved = item.engine is not None and manifest.failed_its_proof(content, item.engine)
    if item.engine == "sam3d_body":
        return _Installed(files, content, unproved=unproved) if content.get("variant") == own else nothing
    if item.engine == "instanthmr":
        name, used = f"{own}.onnx", content.get("chosen", own)  # the proof is that of the network that is used
        return _Installed({name: files[name]}, files[name], "", unproved and used == own) if name in files else nothing
    bodies = {name: entry for name, entry in files.items() if entry.get("command") == manifest.IMPORT_COMMAND}
    return _Installed(bodies, next(iter(bodies.values()), {}))


def _provenance(facts: Mapping[str, Any]) -> tuple[tuple[str, ...], bool | None]:
    source = facts.get(PROVENANCE)
    if not isinstance(source, Mapping):
        return (), None
    terms, commercial = source.get("terms"), source.get("used_commercially")
    keys = tuple(str(key) for key in terms) if isinstance(terms, list) else ()
    return keys, commercial if isinstance(commercial, bool) else None


def _is_as_long(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _bytes_in(folder: Path) -> int:
    """Of the files in a folder; of parts, what has arrived, since they may have gaps. Lists and notes do not count."""
    total = 0
    for path in folder.glob("*"):
        with contextlib.suppress(OSError):
            if path.suffix == ".part":
                total += arrived_bytes(path.with_suffix(""))
            elif path.is_file() and path.suffix != ".json":
                total += path.stat().st_size
    return total
