"""Opening a checkpoint in any of the containers in which SAM 3D Body is distributed, without PyTorch.

* ``model.ckpt`` and other files of ``torch.save``: tensors by name, or dictionaries of them one in another
* ``.safetensors``: one file, or several, with their index or without

Names are those of the file; ``layouts`` brings back the official ones. ``finding`` looks for the files.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from numpy.typing import NDArray

from native_runtime.errors import ModelError
from native_runtime.mhr.official.torch_archive import (
    DAMAGE,
    ArchiveError,
    ForbiddenCallError,
    Tensor,
    TorchArchive,
    TorchSave,
)

from .safetensors import INDEX_SUFFIX, Entry, FormatError, SafetensorsFile, looks_like_safetensors, read_index
from .tensors import as_runtime
from .usable import USABLE, UnusableError

_ZIP = b"PK\x03\x04"
_OLD_TORCH = (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19", b"\x80\x02}", b"\x80\x02c")
"""What files of torch.save before PyTorch 1.6 begin with (its magic number), and bare pickles."""
_MAX_ENTRIES = 1_000_000
_MAX_DEPTH = 8


class Checkpoint(ABC):
    """An open checkpoint: a ``TensorSource``. Use as a context manager.

    Attributes:
        path: what was opened.
        files: all files that it is made of.
    """

    path: Path
    files: tuple[Path, ...]
    _tensors: Mapping[str, Tensor | Entry]

    def names(self) -> tuple[str, ...]:
        return tuple(self._tensors)

    def shape(self, name: str) -> tuple[int, ...]:
        return self._tensors[name].shape

    def kind(self, name: str) -> str:
        """How the numbers are stored: a numpy type's name, or ``bfloat16``."""
        return self._tensors[name].kind

    def read(self, name: str) -> NDArray[Any]:
        """The tensor as float32 (or int64), exactly the stored values; float64 is rounded.

        Raises:
            ModelError: it is damaged, or not finite.
        """
        return as_runtime(self.stored(name), name)

    def stored(self, name: str) -> NDArray[Any]:
        """The tensor's numbers in the type in which they are stored, bfloat16 as float32.

        Raises:
            ModelError: it is damaged.
        """
        with _guard(self.path):
            return self._numbers(name)

    @abstractmethod
    def _numbers(self, name: str) -> NDArray[Any]:
        """The tensor as it is stored, bfloat16 as float32."""

    @abstractmethod
    def close(self) -> None:
        """Close the files."""

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class _TorchCheckpoint(Checkpoint):
    def __init__(self, path: Path) -> None:
        self.path, self.files = path, (path,)
        self._archive = TorchArchive(path, TorchSave)
        try:
            self._tensors = _gather(self._archive.content)
        except BaseException:
            self.close()
            raise

    def _numbers(self, name: str) -> NDArray[Any]:
        tensor = self._tensors[name]
        assert isinstance(tensor, Tensor)
        return self._archive.numbers(tensor, name)

    def close(self) -> None:
        self._archive.close()


class _SafetensorsCheckpoint(Checkpoint):
    def __init__(self, path: Path, files: tuple[Path, ...], homes: Mapping[str, str] | None) -> None:
        self.path, self.files = path, files if homes is None else (path, *files)
        self._homes: dict[str, SafetensorsFile] = {}
        self._open: list[SafetensorsFile] = []
        try:
            absent = [file.name for file in files if not file.is_file()]
            if absent:
                raise FormatError(f"the file {absent[0]} is missing beside it")
            for file in files:
                self._add(file, homes)
            missing = [] if homes is None else sorted(set(homes) - set(self._homes))
            if missing:
                raise FormatError(f"the tensor {missing[0][:80]} is not in {homes[missing[0]] if homes else ''}")
        except BaseException:
            self.close()
            raise
        self._tensors = {name: file.entries[name] for name, file in self._homes.items()}

    def _add(self, path: Path, homes: Mapping[str, str] | None) -> None:
        file = SafetensorsFile(path)
        self._open.append(file)
        for name in file.entries:
            if homes is not None and homes.get(name) != path.name:
                raise FormatError(f"its index does not expect the tensor {name[:80]} in {path.name}")
            if name in self._homes and not self._homes[name].same(name, file):
                raise FormatError(f"{self._homes[name].path.name} and {path.name} disagree about {name[:80]}")
            self._homes.setdefault(name, file)

    def _numbers(self, name: str) -> NDArray[Any]:
        return self._homes[name].numbers(name)

    def close(self) -> None:
        for file in self._open:
            file.close()


def open_checkpoint(*files: Path) -> Checkpoint:
    """Open a checkpoint; nothing in it is executed.

    Args:
        files: its file, the index of several, or several safetensors files; what is in two of them must be the same.

    Raises:
        ModelError: it is damaged, or of a kind that cannot be read.
    """
    if len(files) > 1:
        with _guard(files[0]):
            return _SafetensorsCheckpoint(files[0], files, None)
    (file,) = files
    with _guard(file):
        if file.name.endswith(INDEX_SUFFIX):
            homes = read_index(file)
            parts = tuple(file.parent / name for name in sorted(set(homes.values())))
            return _SafetensorsCheckpoint(file, parts, homes)
        with file.open("rb") as opened:
            start = opened.read(256)
        if start.startswith(_ZIP):
            return _TorchCheckpoint(file)
        if looks_like_safetensors(start, file.stat().st_size):
            return _SafetensorsCheckpoint(file, (file,), None)
    raise ModelError(f"{file.name} {_what_it_is(start, file.suffix)}")


def _gather(content: Mapping[Any, Any]) -> dict[str, Tensor]:
    """All tensors by their path; what else a checkpoint holds (numbers, texts, lists) is nobody's business."""
    tensors: dict[str, Tensor] = {}
    waiting: list[tuple[str, Mapping[Any, Any]]] = [("", content)]
    seen = 0
    while waiting:
        prefix, entries = waiting.pop()
        # Dictionaries can hold each other many times over, or themselves.
        seen += len(entries)
        if seen > _MAX_ENTRIES:
            raise ArchiveError("it describes far more than a model")
        for key, value in entries.items():
            if not isinstance(key, str):
                continue
            name = f"{prefix}{key}"
            if isinstance(value, Tensor):
                if name in tensors:
                    raise ArchiveError(f"it holds {name[:80]} twice")
                tensors[name] = value
            elif isinstance(value, dict) and value and name.count(".") < _MAX_DEPTH:
                waiting.append((f"{name}.", value))
    return tensors


@contextmanager
def _guard(path: Path) -> Iterator[None]:
    try:
        yield
    except UnusableError as error:
        raise ModelError(f"{path.name} {error}") from error
    except ForbiddenCallError as error:
        raise ModelError(
            f"{path.name} is no checkpoint of this model: {error}. Nothing in it was run. It belongs to another "
            "program, or was made to do harm to whoever opens it: take the released file."
        ) from error
    except DAMAGE as error:
        raise ModelError(
            f"{path.name} is damaged or not a checkpoint ({error}). Download it again and compare its size with the "
            "one that is published."
        ) from error


def _what_it_is(start: bytes, suffix: str) -> str:
    """Why a file that is neither a zip archive nor safetensors cannot be read, and what to do."""
    if not start:
        return "is empty. Download the checkpoint again."
    if start.startswith(_OLD_TORCH):
        return (
            "was saved in PyTorch's old format, which can only be read by executing it. Take the released file, or a "
            ".safetensors file."
        )
    if start.startswith(b"version https://git-lfs"):
        return "is only a pointer to the checkpoint (Git LFS). Download the file itself."
    if start.lstrip()[:1] in (b"<", b"{") or start[:6] == b"Access":
        return "is a web page or a message, not a checkpoint. Open it in a text editor to see what the server said."
    if start.startswith(b"GGUF"):
        return "holds the model in another program's form (GGUF), which cannot be converted. " + USABLE
    if suffix.lower() == ".onnx":
        return (
            "is an ONNX graph. The sets of ONNX files that are in circulation estimate the body only and take no "
            "prompts, so they cannot be used. " + USABLE
        )
    return "is neither a PyTorch checkpoint nor a safetensors file. Download the checkpoint again."
