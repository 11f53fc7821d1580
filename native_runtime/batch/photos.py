"""Which photos a folder holds, in an order that is the same everywhere."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from native_runtime.batch.manifest import is_output_folder
from native_runtime.bounds import PICTURE_ENDINGS
from native_runtime.errors import Remedy, UsageError
from native_runtime.image.formats import OtherFile, other_file, readable_kind

# Bytes of a file that identify its kind.
_HEAD = 64
MINING_FILE, MINING_FORMAT = "mining.json", "sam3db-mining"
"""The file of a folder into which mining has put results, and its format, which its beginning names."""


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
class PassedOver:
    """Something that an artist might have meant, and that is not taken.

    Attributes:
        relative: as of `PhotoFile`; of a folder as well.
        reason: "a camera raw file".
    """

    relative: str
    reason: str

    def __str__(self) -> str:
        return f"{self.relative} ({self.reason})"


@dataclass(frozen=True)
class FolderContent:
    """What a folder holds.

    Attributes:
        photos: in the order in which a person would list them.
        passed_over: pictures that cannot be read, folders that may not be, in the same order.
        others: how many files are no pictures.
    """

    photos: tuple[PhotoFile, ...]
    passed_over: tuple[PassedOver, ...] = ()
    others: int = 0


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
    """The photos of a folder. Arguments and errors as `look_through`."""
    return list(look_through(folder, patterns, recursive, leave_out).photos)


def look_through(
    folder: Path, patterns: Sequence[str] = (), recursive: bool = True, leave_out: Path | None = None
) -> FolderContent:
    """The photos of a folder, in the order in which a person would list them ("2.jpg" before "10.jpg"), and what is
    passed over.

    Hidden files and folders are passed over without a word, and so are folders that hold the results of a batch or
    of mining: the pictures in there are no photos. Links to folders are not followed.

    Args:
        patterns: of file names (``IMG_*``), or of relative paths where they hold a "/" (``day 1/*.jpg``); upper and
            lower case are one. What matches is used, the rest is not mentioned. None: every picture, by the ending of
            its name or by its bytes.
        recursive: whether to look into sub-folders.
        leave_out: a folder that is not looked into.

    Raises:
        UsageError: there is no such folder, or it may not be read.
    """
    require_folder(folder)
    wanted = [pattern.casefold() for pattern in patterns]
    photos: list[PhotoFile] = []
    passed_over: list[PassedOver] = []
    others = 0

    def refuse(error: OSError) -> None:
        place = Path(error.filename)
        if place == folder:
            raise UsageError(f"The folder {place} cannot be read ({error.strerror}).") from error
        passed_over.append(PassedOver(place.relative_to(folder).as_posix(), f"cannot be read: {error.strerror}"))

    for place, folders, files in os.walk(folder, onerror=refuse):
        here = Path(place)
        folders[:] = [name for name in folders if recursive and _is_for_photos(here / name, leave_out)]
        for name in files:
            relative = (here / name).relative_to(folder).as_posix()
            if name.startswith(".") or (wanted and not any(_matches(relative, pattern) for pattern in wanted)):
                continue
            other = _no_file(here / name, bool(wanted)) or (None if wanted else _what_else(here / name))
            if other is None:
                photos.append(PhotoFile(relative, here / name))
            elif other.picture:
                passed_over.append(PassedOver(relative, other.name))
            else:
                others += 1
    photos.sort(key=lambda photo: folder_order(photo.relative))
    passed_over.sort(key=lambda passed: folder_order(passed.relative))
    return FolderContent(tuple(photos), tuple(passed_over), others)


def require_folder(folder: Path) -> None:
    """Raises: UsageError: there is no such folder, or it is a file."""
    if folder.is_file():
        raise UsageError(f"{folder} is a file, but a batch needs a folder of photos.", Remedy.SINGLE_PHOTO)
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder}.")


def require_own_folder(folder: Path, out: Path) -> None:
    """Raises: UsageError: results in `out` would lie among the photos of `folder`."""
    if folder.resolve().is_relative_to(out.resolve()):
        raise UsageError(
            f"The results need a folder of their own: {out} holds the photos. A folder inside the photos' "
            "folder works too; it is not searched for photos."
        )


def _no_file(path: Path, wanted: bool) -> OtherFile | None:
    """What a pipe, a socket or a device is: opening one may wait forever. Links count as what they lead to.

    Args:
        wanted: its name was asked for.
    """
    try:
        ordinary = stat.S_ISREG(path.stat().st_mode)
    except OSError:  # reading it will show why
        return None
    return None if ordinary else OtherFile("not an ordinary file", wanted or path.suffix[1:].lower() in PICTURE_ENDINGS)


def _what_else(path: Path) -> OtherFile | None:
    """What a file is instead of a photo; None for photos, and for what has a photo's name: reading it will show."""
    ending = path.suffix[1:].lower()
    if ending in PICTURE_ENDINGS:
        return None
    head = _head(path)
    if readable_kind(head) is not None:
        return other_file(b"", ending)  # many a raw file looks like a TIFF
    return other_file(head, ending) or OtherFile("no picture", picture=False)


def _head(path: Path) -> bytes:
    """The first bytes of a file; none of what may not be read."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


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
    if folder.name.startswith(".") or is_output_folder(folder) or _was_mined_into(folder):
        return False
    return leave_out is None or not (leave_out.is_dir() and os.path.samefile(folder, leave_out))


def _was_mined_into(folder: Path) -> bool:
    return MINING_FORMAT.encode() in _head(folder / MINING_FILE)
