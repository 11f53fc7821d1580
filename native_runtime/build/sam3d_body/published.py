"""What is published of files and numbers: a file of exactly a published size must be that file.

A damaged or altered file mostly keeps its size. Files that are in nobody's list are held to ``content`` and ``facts``,
and to what the converted model says of pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from native_runtime.errors import ModelError
from native_runtime.files.hashes import sha256_of
from native_runtime.models.shelf import shelf

from .content import PUBLISHED, Contents


@dataclass(frozen=True)
class Published:
    """What is known.

    Attributes:
        files: size in bytes -> the SHA-256 of published files of this size.
        contents: what is known of the numbers, whatever file they lie in.
    """

    files: Mapping[int, frozenset[str]] = field(default_factory=dict)
    contents: Contents = field(default_factory=dict)


def published() -> Published:
    """The files of the shelf, and the numbers of the release."""
    known: dict[int, set[str]] = {}
    for item in shelf().values():
        for file in (file for source in item.sources for file in source.files):
            if file.size is not None and file.sha256 is not None:
                known.setdefault(file.size, set()).add(file.sha256)
    return Published({size: frozenset(hashes) for size, hashes in known.items()}, PUBLISHED)


def check_published(files: Iterable[Path], known: Published) -> bool:
    """Whether all files are published ones.

    Raises:
        ModelError: one has the size of a published file, but other content.
    """
    found = []
    for file in files:
        hashes = known.files.get(file.stat().st_size)
        digest = sha256_of(file)
        if hashes is not None and digest not in hashes:
            raise ModelError(
                f"{file.name} has the size of a published file to the byte, but other content (SHA-256 "
                f"{digest[:12]}..., not {min(hashes)[:12]}...): it is damaged or was altered. Download it again."
            )
        found.append(hashes is not None)
    return all(found)
