"""The pictures that lie beside a data set's rows."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Protocol

from native_runtime.errors import FileError, PhotoError
from native_runtime.image.reading import Photo, decode_photo

FOLDER = "images"


class Pictures(Protocol):
    """The pictures of a data set, by the names that rows have for them."""

    def read(self, name: str) -> bytes:
        """A picture's file.

        Raises:
            FileError: there is none of this name.
        """


class PictureFolder:
    """Pictures in a folder: ``images`` beside the rows, unless somebody says where they are."""

    def __init__(self, data_set: Path, pictures: Path | None = None) -> None:
        """``pictures``: a folder elsewhere, as people have who downloaded photos and annotations separately."""
        self._folders = [pictures] if pictures is not None else [data_set / FOLDER, data_set]

    def read(self, name: str) -> bytes:
        """See ``Pictures``. A name that leads out of the folder is refused."""
        parts = PurePosixPath(name).parts
        if not parts or PurePosixPath(name).is_absolute() or ".." in parts or "\\" in name or "\0" in name:
            raise FileError(f"{name!r} is no name of a picture of a data set.")
        for folder in self._folders:
            try:
                return folder.joinpath(*parts).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise FileError(f"The picture '{name}' cannot be read ({error.strerror or error}).") from error
        places = " or ".join(f"'{folder}'" for folder in self._folders)
        raise FileError(f"The picture '{name}', which a row of the data set names, is not in {places}.")


def photo_of(pictures: Pictures, name: str) -> Photo:
    """A picture, decoded and upright.

    Raises:
        FileError: it is missing, or cannot be read as a picture.
    """
    try:
        return decode_photo(pictures.read(name), Path(PurePosixPath(name).name))
    except PhotoError as error:
        raise FileError(f"The picture '{name}' of the data set: {error}") from error
