"""The release's files, wherever they are: in a folder, or in a zip archive that is never unpacked to disk.

The members are found by the release's own names, in whatever folder of the archive they stand. Names that would lead
out of a folder are refused, although nothing is ever written by a member's name.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO

from native_runtime.errors import ModelError

MODEL = "compact_v6_1.model"
ACTIVATION = "corrective_activation.npz"
LEVELS = tuple(range(7))

_FBX = re.compile(r"lod([0-6])\.fbx")
_WANTED = re.compile(r"lod[0-6]\.fbx|compact_v6_1\.model|corrective_(activation|blendshapes_lod[0-6])\.npz")
_SIZE_LIMITS = {".fbx": 256 << 20, ".model": 4 << 20, ".npz": 4 << 30}
"""Bytes; several times what the release's largest files have."""
_MAX_MEMBERS = 10_000
_CHUNK = 1 << 20


def fbx_name(level: int) -> str:
    return f"lod{level}.fbx"


def blendshapes_name(level: int) -> str:
    return f"corrective_blendshapes_lod{level}.npz"


class Source:
    """The files of a release. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        """Open a folder or a zip archive.

        Raises:
            ModelError: there is nothing there, or no release in it.
        """
        self.path = path
        self._archive: zipfile.ZipFile | None = None
        if path.is_dir():
            self._files = _files_in(path)
        elif path.is_file():
            with _damage(path.name):
                self._archive = zipfile.ZipFile(path)
            try:
                self._members = _members_of(self._archive, path.name)
            except BaseException:
                self._archive.close()
                raise
        else:
            raise ModelError(f"There is no file or folder {path}.")

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._archive is not None:
            self._archive.close()

    @property
    def names(self) -> frozenset[str]:
        """The files that are there, without folders."""
        return frozenset(self._files if self._archive is None else self._members)

    @property
    def levels(self) -> tuple[int, ...]:
        """The levels of detail whose meshes are there."""
        return tuple(sorted(int(match[1]) for match in map(_FBX.fullmatch, self.names) if match))

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a file for reading and seeking; its size has been checked.

        Raises:
            ModelError: it is missing, far too large, or cannot be unpacked (also while it is being read).
        """
        if name not in self.names:
            raise ModelError(f"{self.path} lacks the file {name}. It is part of the MHR release's assets.zip.")
        limit = _SIZE_LIMITS.get(Path(name).suffix, 0)
        size = self._files[name].stat().st_size if self._archive is None else self._members[name].file_size
        if size > limit:
            raise ModelError(f"{name} in {self.path.name} claims {size >> 20} MB, far more than the released file has.")
        with _damage(f"{name} in {self.path.name}"):
            if self._archive is None:
                with self._files[name].open("rb") as file:
                    yield file
            else:
                with self._archive.open(self._members[name]) as member:
                    yield member

    def read(self, name: str) -> bytes:
        """The content of a file."""
        with self.open(name) as file:
            return file.read()

    def sha256(self, name: str) -> str:
        """The SHA-256 of a file's content, in hexadecimal."""
        digest = hashlib.sha256()
        with self.open(name) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()


def _files_in(folder: Path) -> dict[str, Path]:
    """The files of the folder, or of the folder ``assets`` in it, as the archive unpacks to."""
    inner = folder / "assets"
    if inner.is_dir() and not (folder / MODEL).is_file():
        folder = inner
    return {path.name: path for path in sorted(folder.iterdir()) if path.is_file() and _WANTED.fullmatch(path.name)}


def _members_of(archive: zipfile.ZipFile, source: str) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    infos = archive.infolist()
    if len(infos) > _MAX_MEMBERS:
        raise ModelError(f"{source} holds {len(infos)} files; it is not the MHR release's assets.zip.")
    for info in infos:
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or any(":" in part for part in path.parts):
            raise ModelError(f"{source} holds a file that would lie outside it ({info.filename!r}); it is refused.")
        if info.is_dir() or not _WANTED.fullmatch(path.name):
            continue
        if path.name in members:
            raise ModelError(f"{source} holds {path.name} twice; it is not the MHR release's assets.zip.")
        members[path.name] = info
    return members


@contextmanager
def _damage(what: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise ModelError(f"{what} is damaged ({error}). Take an undamaged copy of it.") from error
