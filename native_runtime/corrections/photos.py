"""Photos of characters: found again, or taken out of a .blend file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from native_runtime.errors import FileError, PhotoError
from native_runtime.files.hashes import sha256_of
from native_runtime.image.reading import Photo, decode_photo, read_photo


@dataclass(frozen=True)
class PhotoFile:
    """A photo on the disk.

    Attributes:
        turn: degrees clockwise by which it was turned before it was looked at.
    """

    path: Path
    turn: int = 0

    @property
    def content(self) -> str:
        """What tells it from other photos, whatever their names."""
        return f"{sha256_of(self.path)}/{self.turn}"

    def read(self, size: tuple[int, int]) -> Photo:
        """The photo, upright.

        Args:
            size: width and height that it had when the character was made.

        Raises:
            PhotoError: it cannot be read, or is another photo.
        """
        photo = read_photo(self.path).turned_by(self.turn)
        if photo.original_size != size:
            width, height = photo.original_size
            raise PhotoError(
                f"{self.path} has {width} x {height} pixels, but the character was made of a photo with {size[0]} x "
                f"{size[1]}: it was changed, or is another photo of this name."
            )
        return photo


@dataclass(frozen=True)
class CarriedPhoto:
    """The copy of a photo that a .blend file carries: upright, perhaps with fewer pixels."""

    data: bytes

    @property
    def content(self) -> str:
        """See ``PhotoFile``."""
        return hashlib.sha256(self.data).hexdigest()

    def read(self, size: tuple[int, int]) -> Photo:
        """See ``PhotoFile``."""
        photo = decode_photo(self.data)
        width, height = photo.size
        if abs(width * size[1] - height * size[0]) > max(size):
            raise PhotoError(f"The photo that the .blend file carries has {width} x {height} pixels: it was replaced.")
        return replace(photo, original_size=size)


class PhotoFolder:
    """Photos by their names, in a folder and those below it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._by_name: dict[str, list[Path]] = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self._by_name.setdefault(path.name, []).append(path)

    def find(self, relative: str) -> PhotoFile:
        """The photo of a relative path with "/", or, where it is elsewhere, the one of that name.

        Raises:
            FileError: there is none, or there are several that differ.
        """
        there = self._folder.joinpath(*relative.split("/"))
        if ".." not in relative.split("/") and there.is_file():
            return PhotoFile(there)
        name = relative.rpartition("/")[2]
        found = self._by_name.get(name, [])
        if not found:
            raise FileError(f"There is no photo '{name}' in {self._folder}.")
        if len({sha256_of(path) for path in found}) > 1:
            raise FileError(f"There are {len(found)} different photos '{name}' in {self._folder}, {found[0]} first.")
        return PhotoFile(found[0])
