"""The model files: each one's state and hash, and what was begun and not finished."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from native_runtime.build.catalogue import ModelStatus, can_build, list_models, remedy
from native_runtime.errors import ModelError, NewerFormatError, Remedy
from native_runtime.files.hashes import sha256_of
from native_runtime.models import manifest
from native_runtime.models.shelf import shelf, state_of
from native_runtime.models.store import BODIES_FOLDER, ENVIRONMENT_VARIABLE, NETWORKS_FOLDER, models_dir

from .report import Fault, Section

SHORT = 12
"""Digits of a hash that are shown."""


def check_models(models: str | os.PathLike[str] | None, whole: bool = True) -> Section:
    """Look at every file of a models folder, and hash it.

    Args:
        whole: whether it must have what everybody has: networks and a body.
    """
    folder = models_dir(models)
    if folder.is_file():
        return _refused(folder, "is a file", f"The models folder {folder} is a file; name a folder.")
    try:
        if folder.exists():
            os.listdir(folder)
        found = [status for status in list_models(folder) if whole or _is_listed(status)]
        notes = _unfinished(folder)
    except OSError as error:
        return _unreadable(folder, error)
    lines = ["| file | state | size, MB | SHA-256 |", "| --- | --- | ---: | --- |"]
    facts = []
    for status in found:
        name, expected = f"{status.path.parent.name}/{status.path.name}", _stated_hash(status)
        there = expected if status.state == "ok" else _hash_of(status.path)
        lines.append(f"| {name} | {status.state} | {status.size / 1e6:.1f} | {there[:SHORT] or '-'} |")
        facts.append({"name": name, "state": status.state, "size": status.size, "sha256": there, "expected": expected})
    return Section(
        "models",
        f"Models in {folder}",
        tuple(lines if found else ["- none"]),
        {"folder": str(folder), "files": facts},
        tuple(_faults(found) if not whole or _has_models(folder) else [_without_models(folder, named=not models)]),
        tuple(notes),
    )


def _has_models(folder: Path) -> bool:
    """Whether there is anything of what everybody has."""
    return any((folder / name / manifest.NAME).is_file() for name in (NETWORKS_FOLDER, BODIES_FOLDER))


def _without_models(folder: Path, named: bool) -> Fault:
    """What is wrong with a folder that has no models.

    Args:
        named: whether the environment may have named it; in Blender the extension itself does.
    """
    exists = folder.exists()
    if named and os.environ.get(ENVIRONMENT_VARIABLE) and can_build():
        what = "a folder without models" if exists else "a folder that does not exist"
        text = f"{ENVIRONMENT_VARIABLE} names {what}: {folder}. Unset it, or put models there."
    else:
        text = f"There are no models in {folder}." if exists else f"The models folder {folder} does not exist."
    return Fault(text, Remedy.BUILD_MODELS)


def _faults(found: Sequence[ModelStatus]) -> list[Fault]:
    """One for each file that is wrong; one for a whole folder that was never made."""
    faults = []
    for status in (status for status in found if status.state != "ok"):
        if status.state == "newer":
            text = status.detail
        elif status.size == 0 and not _is_listed(status):
            text = f"There are no model files in {status.path.parent}."
        elif status.size == 0 and status.state in ("damaged", manifest.UNREADABLE):
            text = status.detail
        else:
            text = _sentence(status)
        fault = Fault(text, remedy([status]))
        if fault not in faults:
            faults.append(fault)
    return faults


def _unfinished(folder: Path) -> list[Fault]:
    """Models that one can have and whose installation was begun."""
    notes = []
    for item in shelf().values():
        state = state_of(item, folder)
        if state.state == "partly":
            text = f"The download of {item.title} is not finished ({state.downloaded / 1e6:.0f} MB are here)."
            notes.append(Fault(text, Remedy.GET_MODEL))
        elif state.state == "downloaded":
            notes.append(Fault(f"{item.title} is downloaded, but not installed.", Remedy.GET_MODEL))
        elif state.state == "broken" and "check failed" in state.detail:
            notes.append(Fault(f"{item.title} failed its last check.", Remedy.GET_MODEL))
    return notes


def _is_listed(status: ModelStatus) -> bool:
    """Whether there is a list of the files in its folder."""
    return (status.path.parent / manifest.NAME).is_file()


def _sentence(status: ModelStatus) -> str:
    """What is wrong with a file that its list knows."""
    if status.state == "missing":
        return f"The model file {status.path} is missing."
    if status.state == manifest.UNREADABLE:
        return f"The model file {status.path} {status.detail}"
    there, stated = _hash_of(status.path), _stated_hash(status)
    if there == stated:  # somebody mended it meanwhile, or it is of another size than its list says
        return f"The model file {status.path} is not as its list of files says."
    return (
        f"The model file {status.path} is damaged: its SHA-256 is {there[:SHORT] or 'not readable'} and should be "
        f"{stated[:SHORT]}."
    )


def _hash_of(path: Path) -> str:
    """The SHA-256 that a file has; empty where it is missing or cannot be read."""
    try:
        return sha256_of(path)
    except OSError:
        return ""


def _stated_hash(status: ModelStatus) -> str:
    """The SHA-256 that a file should have; empty where no list says one."""
    try:
        entry: dict[str, Any] = manifest.read(status.path.parent)["files"].get(status.path.name, {})
    except (ModelError, NewerFormatError):
        return ""
    return str(entry.get("sha256", ""))


def _unreadable(folder: Path, error: OSError) -> Section:
    inside = isinstance(error.filename, str) and error.filename != str(folder)
    what = f"{error.filename} in the models folder" if inside else f"The models folder {folder}"
    text = f"{what} cannot be read ({error.strerror or error}). Change its permissions, or use another models folder."
    return _refused(folder, "cannot be read", text)


def _refused(folder: Path, line: str, text: str) -> Section:
    """Of a folder that cannot be looked into."""
    facts: dict[str, Any] = {"folder": str(folder), "files": []}
    return Section("models", f"Models in {folder}", (f"- {line}",), facts, (Fault(text),))
