"""Files out of a zip archive that holds a download: into a folder that disappears when the work is done."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from native_runtime.errors import ModelError
from native_runtime.files.disks import free_bytes, nearest_existing
from native_runtime.files.staging import clean_up

_FOLDER = "unpacked"
_MAX_MEMBERS = 10_000
_CHUNK = 1 << 22
_SPARE = 256 << 20
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def members(archive: Path) -> list[str]:
    """The names of the files in a zip archive.

    Raises:
        ModelError: it is damaged, or no zip archive.
    """
    with _damage(archive), zipfile.ZipFile(archive) as file:
        return [info.filename for info in file.infolist() if not info.is_dir()]


@contextmanager
def unpacked(archive: Path, near: Path, wanted: Callable[[str], bool]) -> Iterator[Path]:
    """A folder with the files of an archive whose names (without folders) are ``wanted``, gone afterwards.

    Args:
        near: a folder on the disk that shall take it; it need not exist.

    Raises:
        ModelError: the archive is damaged, holds a file twice, or cannot be unpacked there.
    """
    place = nearest_existing(near)
    try:
        clean_up(place / _FOLDER)
        folder = Path(tempfile.mkdtemp(prefix=f".{_FOLDER}.part-", dir=place))
    except OSError as error:
        raise _no_room(archive, place, error) from error
    try:
        with _damage(archive), zipfile.ZipFile(archive) as file:
            infos = [info for info in file.infolist() if not info.is_dir() and wanted(_bare(info.filename))]
            names = [_bare(info.filename) for info in infos]
            if len(set(names)) != len(names) or len(infos) > _MAX_MEMBERS:
                raise ModelError(f"{archive.name} holds a file twice. Unpack it, and name the right one.")
            needed, free = sum(info.file_size for info in infos), free_bytes(place)
            if free < needed + _SPARE:
                raise ModelError(
                    f"Unpacking {archive.name} takes {needed / 1e9:.1f} GB, but only {free / 1e9:.1f} GB are free at "
                    f"{place}. Make space, or choose another models folder."
                )
            for info, name in zip(infos, names):
                try:
                    with file.open(info) as member, (folder / name).open("wb") as out:
                        shutil.copyfileobj(member, out, _CHUNK)
                except OSError as error:
                    raise _no_room(archive, place, error) from error
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _no_room(archive: Path, place: Path, error: OSError) -> ModelError:
    return ModelError(
        f"{archive.name} cannot be unpacked to {place} ({error.strerror or error}). Unpack it yourself, or choose "
        "another models folder."
    )


def _bare(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name


@contextmanager
def _damage(archive: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise ModelError(f"{archive.name} is damaged ({error}). Download it again.") from error
