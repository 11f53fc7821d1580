"""Which photos a folder holds, in an order that is the same everywhere."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from native_runtime.batch.manifest import is_output_folder
from native_runtime.errors import UsageError

ENDINGS = ("jpg", "jpeg", "png", "webp", "tif", "tiff", "bmp", "heic", "heif")
"""Of the files that are taken where no pattern is given."""


@dataclass(frozen=True)
class PhotoFile:
    """A photo of the folder.

    Attributes:
        relative: its path from the folder, with "/" on every system.
        path: where it lies.
    """

    relative: str
    path: Path


@dataclass(frozen=True)
class Shard:
    """One of `count` parts of a folder; `number` counts from 1.

    A photo's part follows from its relative path alone, so that machines agree without speaking to each other, and
    a photo that is added later moves no other one. The parts are of about the same size, not of exactly the same.
    """

    number: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise UsageError(f"A part of a folder is written K/N with K from 1 to N, not {self}.")

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def has(self, relative: str) -> bool:
        """Whether the photo belongs to this part."""
        digest = hashlib.sha256(same_text(relative).encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number - 1

    @staticmethod
    def parse(text: str) -> Shard:
        """The part that is written ``K/N``.

        Raises:
            UsageError: it is none.
        """
        found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip(), re.ASCII)
        if found is None:
            raise UsageError(f"A part of a folder is written K/N, for instance 2/8, not {text!r}.")
        return Shard(int(found[1]), int(found[2]))


def find_photos(
    folder: Path, patterns: Sequence[str] = (), recursive: bool = True, leave_out: Path | None = None
) -> list[PhotoFile]:
    """The photos of a folder, in the order in which a person would list them ("2.jpg" before "10.jpg").

    Hidden files and folders are passed over, and so are folders that hold the results of a batch: the pictures in
    there are no photos. Links to folders are not followed.

    Args:
        patterns: of file names (``IMG_*``), or of relative paths where they hold a "/" (``day 1/*.jpg``); upper and
            lower case are one. None: every picture by its ending.
        recursive: whether to look into sub-folders.
        leave_out: a folder that is not looked into.

    Raises:
        UsageError: there is no such folder.
    """
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder}.")
    wanted = [pattern.casefold() for pattern in (patterns or [f"*.{ending}" for ending in ENDINGS])]
    found = []

    def refuse(error: OSError) -> None:
        raise UsageError(f"The folder {error.filename} cannot be read ({error.strerror}).") from error

    for place, folders, files in os.walk(folder, onerror=refuse):
        here = Path(place)
        folders[:] = [name for name in folders if recursive and _is_for_photos(here / name, leave_out)]
        for name in files:
            relative = (here / name).relative_to(folder).as_posix()
            if not name.startswith(".") and any(_matches(relative, pattern) for pattern in wanted):
                found.append(PhotoFile(relative, here / name))
    return sorted(found, key=lambda photo: folder_order(photo.relative))


def folder_order(relative: str) -> tuple[object, ...]:
    """The key that sorts relative paths: folder by folder, numbers by their value, and never two alike."""
    return tuple(_natural(part) for part in same_text(relative).split("/")), relative


def same_text(path: str) -> str:
    """Equal for paths that some file system takes for one: upper and lower case, composed and decomposed accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _natural(part: str) -> tuple[tuple[int, int, str], ...]:
    pieces = re.findall(r"[0-9]+|[^0-9]+", part)
    return tuple((0, int(piece), piece) if piece.isdigit() else (1, 0, piece) for piece in pieces)


def _matches(relative: str, pattern: str) -> bool:
    text = relative.casefold()
    return fnmatch.fnmatchcase(text if "/" in pattern else text.rpartition("/")[2], pattern)


def _is_for_photos(folder: Path, leave_out: Path | None) -> bool:
    if folder.name.startswith(".") or is_output_folder(folder):
        return False
    return leave_out is None or not (leave_out.is_dir() and os.path.samefile(folder, leave_out))
