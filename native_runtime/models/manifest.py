"""A manifest says for each file of a folder what it must be and where it came from.

`manifest.json` beside the files:

    {"format": "sam3db-manifest/1",
     "files": {"NAME": {"sha256": "...", "size": 123, "licence": "...",
                        "source": {"package": ..., "version": ..., "file": ..., "sha256": ...}, ...}},
     ...}

Whatever else a builder wants to record (versions of its tools, notes) stands beside `files` or inside an entry;
nothing here depends on it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from native_runtime.errors import ModelError, Remedy
from native_runtime.files.atomic import write_atomically
from native_runtime.files.formats import Format
from native_runtime.files.hashes import recall, remember, sha256_of

FORMAT = Format("sam3db-manifest")
NAME = "manifest.json"

IMPORT_COMMAND = "sam3db models import"
CONVERT_COMMAND = "sam3db convert-checkpoint"
GET_COMMAND = "sam3db models get"
"""What an entry names as its ``command``; without one, a file is built."""
_REMEDIES = {
    IMPORT_COMMAND: Remedy.IMPORT_OFFICIAL,
    CONVERT_COMMAND: Remedy.CONVERT_CHECKPOINT,
    GET_COMMAND: Remedy.GET_MODEL,
}

UNREADABLE = "unreadable"
"""What `fault` says of a file that the system refuses to read."""

PROOF = "proof"
"""Fact: by engine, the last proof of the files (``native_runtime.proof.record``)."""


def describe(path: Path, **facts: Any) -> dict[str, Any]:
    """The entry for the file `path`: its hash and size, and what the builder knows of it (`source`, `licence`, ...)."""
    digest = sha256_of(path)
    remember(path, digest)
    return {"sha256": digest, "size": path.stat().st_size, **facts}


def write(folder: Path, files: Mapping[str, Mapping[str, Any]], **facts: Any) -> Path:
    """Write `folder/manifest.json` (temporary name, then rename) and return its path."""
    content = {"format": str(FORMAT), **facts, "files": {name: dict(files[name]) for name in sorted(files)}}
    return write_atomically(folder / NAME, (json.dumps(content, indent=1) + "\n").encode())


def update(folder: Path, files: Mapping[str, Mapping[str, Any]], **facts: Any) -> Path:
    """Add or replace entries and facts of `folder`'s manifest; what others put there stays. Returns its path."""
    try:
        known = read(folder)
    except ModelError:  # none yet, or a damaged one, which this replaces
        known = {"files": {}}
    kept = {key: value for key, value in known.items() if key not in ("format", "files")}
    return write(folder, {**known["files"], **files}, **{**kept, **facts})


def read(folder: Path) -> dict[str, Any]:
    """The manifest of `folder`.

    Raises:
        ModelError: there is none, or it cannot be read; from an `OSError` where the system refuses it.
        NewerFormatError: a newer version of the program wrote it.
    """
    path = folder / NAME
    try:
        content = FORMAT.parsed(path.read_text(encoding="utf-8"), path)
        if not isinstance(content["files"], dict):
            raise ValueError("'files' is not an object")
        for name, entry in content["files"].items():
            if not isinstance(entry["sha256"], str) or not isinstance(entry["size"], int):
                raise ValueError(f"the entry of {name} is not one")
    except FileNotFoundError:
        raise ModelError(f"There are no model files in {folder}.", Remedy.BUILD_MODELS) from None
    except OSError as error:
        stray = next((place for place in folder.parents if place.is_file()), None)
        if stray is not None:
            raise ModelError(f"The models folder {stray} is a file; name a folder.") from error
        raise ModelError(f"The list of model files {path} {refusal(error)}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"The list of model files {path} is damaged ({error}).", Remedy.BUILD_MODELS) from error
    return dict(content)


def digest(content: Mapping[str, Any]) -> str:
    """A SHA-256 of what a manifest says its files are."""
    files = sorted((name, entry["sha256"]) for name, entry in content["files"].items())
    return hashlib.sha256(json.dumps(files).encode()).hexdigest()


def failed_its_proof(content: Mapping[str, Any], engine: str) -> bool:
    """Whether the last proof of these very files is kept in their manifest, and they failed it."""
    try:
        known = content[PROOF][engine]
        return known["passed"] is False and bool(known["files"] == digest(content))
    except (LookupError, TypeError):
        return False


def fault(folder: Path, name: str, entry: Mapping[str, Any], from_memory: bool = False) -> str | None:
    """What is wrong with the file `folder/name` by its entry: "missing", "damaged", "unreadable" or None.

    With `from_memory`, a large file that was hashed in an earlier run and not touched since is not hashed again.
    """
    path = folder / name
    try:
        if path.stat().st_size != entry["size"]:
            return "damaged"
        if not os.access(path, os.R_OK):
            return UNREADABLE
        if from_memory and recall(path) == entry["sha256"]:
            return None
        if sha256_of(path) != entry["sha256"]:
            return "damaged"
        remember(path, entry["sha256"])
    except FileNotFoundError:
        return "missing"
    except OSError:
        return UNREADABLE
    return None


def refusal(error: OSError | None) -> str:
    """Words that follow the name of a file that the system refuses to read, and what to do.

    Args:
        error: None: it was not opened, since this user may not.
    """
    why = "Permission denied" if error is None else error.strerror or str(error)
    if error is None or isinstance(error, PermissionError):
        return f"cannot be read ({why}): change its permissions."
    return f"cannot be read ({why}): see whether its drive works."


def why_unreadable(path: Path) -> str:
    """`refusal` of a file that is "unreadable"."""
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        return refusal(error)
    return refusal(None)


def verified_path(folder: Path, name: str) -> Path:
    """The path of the file `name` in `folder`, after a check of its size and hash (a large file's may be remembered).

    Raises:
        ModelError: it is not in the manifest, missing or damaged; the message names the command that builds it.
    """
    return _verified(folder, name, read(folder)["files"])


def verify(folder: Path) -> dict[str, Any]:
    """The manifest of `folder`, after a check of the size and hash of every file in it (as `verified_path` does).

    Raises:
        ModelError: a file is missing or damaged.
    """
    content = read(folder)
    for name in content["files"]:
        _verified(folder, name, content["files"])
    return content


def _verified(folder: Path, name: str, files: Mapping[str, Mapping[str, Any]]) -> Path:
    if name not in files:
        known = ", ".join(sorted(files)) or "nothing"
        raise ModelError(f"{name} is not among the models in {folder} (there: {known}).", Remedy.LIST_MODELS)
    problem = fault(folder, name, files[name], from_memory=True)
    if problem == UNREADABLE:
        raise ModelError(f"The model file {folder / name} {why_unreadable(folder / name)}")
    if problem is not None:
        remedy = _REMEDIES.get(files[name].get("command", ""), Remedy.BUILD_MODELS)
        raise ModelError(f"The model file {folder / name} is {problem}.", remedy)
    return folder / name
