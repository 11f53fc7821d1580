"""Tensors from PyTorch's archives (``torch.jit.save``, ``torch.save``) without PyTorch, executing nothing in them.

Such an archive is a zip file: ``NAME/data.pkl`` describes its content as a pickle (see ``torch_pickle``),
``NAME/data/N`` hold the raw numbers, not compressed.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .torch_pickle import ArchiveError, ForbiddenCallError, PickleReader, Tensor, TorchSave, TorchScript

__all__ = [
    "DAMAGE",
    "ArchiveError",
    "ForbiddenCallError",
    "Tensor",
    "TorchArchive",
    "TorchSave",
    "TorchScript",
    "widen_bfloat16",
]

DAMAGE = (
    ArchiveError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, IndexError, TypeError,
    AttributeError, NotImplementedError, RuntimeError, OSError, MemoryError,
)  # fmt: skip
"""What a damaged archive makes zipfile, pickletools and numpy raise."""

_MAX_DESCRIPTION = 16 << 20
_MAX_TENSOR = 4 << 30
_CHUNK = 1 << 20
_LOCAL_HEADER = 30


class TorchArchive:
    """An open archive. Use as a context manager.

    Args:
        dialect: what the archive may describe.

    Attributes:
        content: what it describes: nested dictionaries with ``Tensor`` records, numbers, texts and lists.

    Raises:
        ArchiveError, zipfile.BadZipFile, ...: the file is damaged (``DAMAGE``).
    """

    def __init__(self, path: Path, dialect: type[PickleReader] = TorchScript) -> None:
        self._file = path.open("rb")
        try:
            self._zip = zipfile.ZipFile(self._file)
            self._checked: set[str] = set()
            names = self._zip.namelist()
            found = [name for name in names if name.endswith("/data.pkl") and name.count("/") == 1]
            if len(found) != 1:
                raise ArchiveError(f"it is not a {dialect.language} archive")
            if len(set(names)) != len(names):
                raise ArchiveError("it holds a record twice")
            if sum(info.compress_size for info in self._zip.infolist()) > path.stat().st_size:
                raise ArchiveError("its records overlap")
            self._prefix = found[0][: -len("data.pkl")]
            # TorchScript's archives are little-endian and do not say so; torch.save's say what they are.
            if self._prefix + "byteorder" in names and self._text("byteorder") != b"little":
                raise ArchiveError("it was saved on a big-endian machine")
            self.content = self._describe(dialect)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> TorchArchive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._zip.close()
        self._file.close()

    def _text(self, name: str) -> bytes:
        info = self._zip.getinfo(self._prefix + name)
        if info.file_size > _MAX_DESCRIPTION:
            raise ArchiveError(f"its description claims {info.file_size >> 20} MB")
        return self._zip.read(info)

    def _describe(self, dialect: type[PickleReader]) -> Mapping[str, Any]:
        found = dialect().read(self._text("data.pkl"))
        if not isinstance(found, dict):
            raise ArchiveError("it does not describe modules or named tensors")
        return found

    def holds(self, *path: str) -> bool:
        """Whether it describes something at an attribute path."""
        node: Any = self.content
        for key in path:
            node = node.get(key) if isinstance(node, dict) else None
        return node is not None

    def tensor(self, *path: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
        """The tensor at an attribute path, e.g. ``("mesh", "faces")``.

        Args:
            shape: what it must be; None where any length will do.
        """
        node: Any = self.content
        for key in path:
            node = node.get(key) if isinstance(node, dict) else None
        name = ".".join(path)
        if not isinstance(node, Tensor):
            raise ArchiveError(f"there is no tensor {name}")
        if len(node.shape) != len(shape) or any(w is not None and w != f for w, f in zip(shape, node.shape)):
            raise ArchiveError(f"{name} has the shape {node.shape}, expected {shape}")
        array = self.numbers(node, name)
        if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
            raise ArchiveError(f"{name} holds values that are not finite")
        return array

    def numbers(self, tensor: Tensor, name: str) -> NDArray[Any]:
        """A tensor's numbers, bfloat16 as float32. Only the part of its record that it covers is read."""
        size = tensor.dtype.itemsize
        # How far the last element lies from the first decides whether the tensor fits what is stored.
        reach = sum((n - 1) * s for n, s in zip(tensor.shape, tensor.strides)) if 0 not in tensor.shape else -1
        length = (reach + 1) * size
        # Strides of 0 repeat numbers, so a tensor may be larger than what is stored for it.
        if max(length, math.prod(tensor.shape) * size) > _MAX_TENSOR:
            raise ArchiveError(f"{name} claims {max(length, math.prod(tensor.shape) * size) >> 20} MB")
        stored = np.frombuffer(self._bytes(tensor.storage, tensor.offset * size, length, name), tensor.dtype)
        step = [s * size for s in tensor.strides]
        array = np.lib.stride_tricks.as_strided(stored, tensor.shape, step, writeable=False)
        return widen_bfloat16(array) if tensor.kind == "bfloat16" else array

    def _bytes(self, storage: str, start: int, length: int, name: str) -> bytes:
        """A part of a record, whose checksum is verified when it is first needed."""
        record = f"{self._prefix}data/{storage}"
        if record not in self._zip.NameToInfo:
            raise ArchiveError(f"the numbers of {name} are missing")
        info = self._zip.getinfo(record)
        if start + length > info.file_size:
            raise ArchiveError(f"{name} is larger than the numbers stored for it")
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise ArchiveError(f"the numbers of {name} are compressed, which PyTorch does not do")
        if record not in self._checked:
            with self._zip.open(info) as stream:
                while stream.read(_CHUNK):
                    pass
            self._checked.add(record)
        self._file.seek(info.header_offset)
        header = self._file.read(_LOCAL_HEADER)
        skip = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        self._file.seek(skip + start, 1)
        data = self._file.read(length)
        if len(data) != length:
            raise EOFError("it is truncated")
        return data


def widen_bfloat16(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The float32 numbers whose upper halves these are: exactly the stored values."""
    wide = bits.astype(np.uint32)
    wide <<= 16
    return wide.view(np.float32)
