"""Arrays from ``.npz`` files in pieces, with their shapes known before a byte of them is read.

``numpy.load`` unpacks an array as a whole; MHR's corrective shapes are 664 MB at LOD 1 and 2.7 GB at LOD 0.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from native_runtime.errors import ModelError

_MAX_BYTES = 4 << 30
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, NotImplementedError, RuntimeError, OSError)
"""What zipfile and numpy raise for damaged files: RuntimeError where one is encrypted, NotImplementedError where it is
packed in a way that this Python does not know."""


@dataclass(frozen=True)
class Header:
    """What an array is before it is read."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool

    @property
    def size(self) -> int:
        """Bytes; Python's integers, so that no product of hostile lengths overflows."""
        size = self.dtype.itemsize
        for length in self.shape:
            size *= length
        return size


class NpzStream:
    """An open ``.npz`` file. ModelError names the file wherever something is wrong with it."""

    def __init__(self, file: IO[bytes], source: str) -> None:
        self._source = source
        with self._guard():
            self._archive = zipfile.ZipFile(file)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(name[:-4] for name in self._archive.namelist() if name.endswith(".npy"))

    def array(self, key: str, shape: tuple[int | None, ...], kinds: str = "f") -> NDArray[Any]:
        """A whole array.

        Args:
            shape: what it must be; None where any length will do.
            kinds: allowed numpy kinds: "f" floats, "i" integers, "b" booleans.
        """
        with self._guard(), self._archive.open(f"{key}.npy") as stream:
            header = self._header(stream, key, shape, kinds)
            flat = self._finite(np.frombuffer(_read(stream, header.size), header.dtype), key)
            return flat.reshape(header.shape[::-1]).T if header.fortran else flat.reshape(header.shape)

    def parts(self, key: str, shape: tuple[int | None, ...], step: int) -> Iterator[NDArray[Any]]:
        """A float array in pieces of ``step`` along its first axis."""
        with self._guard(), self._archive.open(f"{key}.npy") as stream:
            header = self._header(stream, key, shape, "f")
            if header.fortran:  # a piece of rows lies scattered over the whole array
                whole = np.frombuffer(_read(stream, header.size), header.dtype).reshape(header.shape[::-1]).T
                for start in range(0, header.shape[0], step):
                    yield self._finite(whole[start : start + step], key)
                return
            row = header.size // max(header.shape[0], 1)
            for start in range(0, header.shape[0], step):
                count = min(step, header.shape[0] - start)
                flat = np.frombuffer(_read(stream, count * row), header.dtype)
                yield self._finite(flat.reshape(count, *header.shape[1:]), key)
            if stream.read(1):
                raise ValueError(f"{key} is longer than it says")

    def _header(self, stream: IO[bytes], key: str, shape: tuple[int | None, ...], kinds: str) -> Header:
        version = npy.read_magic(stream)
        if version == (1, 0):
            found = Header(*_reordered(npy.read_array_header_1_0(stream)))
        elif version == (2, 0):
            found = Header(*_reordered(npy.read_array_header_2_0(stream)))
        else:
            raise ValueError(f"{key} is in the unknown format {version}")
        if found.dtype.kind not in kinds:
            raise ValueError(f"{key} holds {found.dtype} instead of numbers of the right kind")
        wanted = tuple(length if length is None else int(length) for length in shape)
        if len(found.shape) != len(wanted) or any(w is not None and w != f for w, f in zip(wanted, found.shape)):
            asked = ", ".join("any" if w is None else str(w) for w in wanted)
            raise ValueError(f"{key} has the shape {found.shape}, expected ({asked})")
        if found.size > _MAX_BYTES:
            raise ValueError(f"{key} claims {found.size >> 20} MB")
        return found

    @staticmethod
    def _finite(array: NDArray[Any], key: str) -> NDArray[Any]:
        if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
            raise ValueError(f"{key} holds values that are not finite")
        return array

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except _DAMAGE as error:
            raise ModelError(
                f"{self._source} is damaged or not what it should be ({error}). Take an undamaged copy of it."
            ) from error


def _reordered(header: tuple[tuple[int, ...], bool, np.dtype[Any]]) -> tuple[tuple[int, ...], np.dtype[Any], bool]:
    shape, fortran, dtype = header
    return shape, dtype, fortran


def _read(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError("it is truncated")
    return data
