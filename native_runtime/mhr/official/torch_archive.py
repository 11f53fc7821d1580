"""Tensors out of a TorchScript archive (``torch.jit.save``) without PyTorch and without running anything in it.

Such an archive is a zip file: ``NAME/data.pkl`` describes the module's attributes as a pickle, ``NAME/data/N`` hold
the raw numbers. Unpickling would call whatever the file names, and ``torch.jit.load`` would run its code. Here the
pickle's instructions are only read (``pickletools``), and the few that describe data are followed: modules become
dictionaries, tensors become ``Tensor`` records, everything else that the file wants called is refused.
"""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_STORAGES = {
    "DoubleStorage": np.float64,
    "FloatStorage": np.float32,
    "HalfStorage": np.float16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}
_MAX_DESCRIPTION = 64 << 20
_MAX_TENSOR = 4 << 30


class ArchiveError(ValueError):
    """The archive is damaged, or holds something other than modules and tensors."""


@dataclass(frozen=True)
class Tensor:
    """A tensor that has not been read yet."""

    dtype: np.dtype[Any]
    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True)
class _Global:
    """A function or class that the file names; never looked up."""

    module: str
    name: str


class _Mark:
    pass


class TorchArchive:
    """An open archive. Use as a context manager.

    Raises:
        ArchiveError, zipfile.BadZipFile, ...: the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        found = [name for name in self._zip.namelist() if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(found) != 1:
            self._zip.close()
            raise ArchiveError("it is not a TorchScript archive")
        self._prefix = found[0][: -len("data.pkl")]
        self.module = self._describe(found[0])

    def __enter__(self) -> TorchArchive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def _describe(self, name: str) -> Mapping[str, Any]:
        info = self._zip.getinfo(name)
        if info.file_size > _MAX_DESCRIPTION:
            raise ArchiveError(f"its description claims {info.file_size >> 20} MB")
        found = _read_pickle(self._zip.read(info))
        if not isinstance(found, dict):
            raise ArchiveError("it does not describe a module")
        return found

    def tensor(self, *path: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
        """The tensor at an attribute path, e.g. ``("mesh", "faces")``.

        Args:
            shape: what it must be; None where any length will do.
        """
        node: Any = self.module
        for key in path:
            node = node.get(key) if isinstance(node, dict) else None
        name = ".".join(path)
        if not isinstance(node, Tensor):
            raise ArchiveError(f"there is no tensor {name}")
        if len(node.shape) != len(shape) or any(w is not None and w != f for w, f in zip(shape, node.shape)):
            raise ArchiveError(f"{name} has the shape {node.shape}, expected {shape}")
        return self._numbers(node, name)

    def _numbers(self, tensor: Tensor, name: str) -> NDArray[Any]:
        record = self._prefix + "data/" + tensor.storage
        if record not in self._zip.NameToInfo:
            raise ArchiveError(f"the numbers of {name} are missing")
        info = self._zip.getinfo(record)
        if info.file_size > _MAX_TENSOR:
            raise ArchiveError(f"{name} claims {info.file_size >> 20} MB")
        # How far the last element lies from the first decides whether the tensor fits what is stored.
        reach = sum((n - 1) * s for n, s in zip(tensor.shape, tensor.strides)) if 0 not in tensor.shape else -1
        if (tensor.offset + reach + 1) * tensor.dtype.itemsize > info.file_size:
            raise ArchiveError(f"{name} is larger than the numbers stored for it")
        stored = np.frombuffer(self._zip.read(info), tensor.dtype, offset=tensor.offset * tensor.dtype.itemsize)
        step = [s * tensor.dtype.itemsize for s in tensor.strides]
        array = np.lib.stride_tricks.as_strided(stored, tensor.shape, step, writeable=False)
        if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
            raise ArchiveError(f"{name} holds values that are not finite")
        return array


def _read_pickle(data: bytes) -> Any:
    """What a TorchScript pickle describes."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    argument: Any
    for opcode, argument, _ in pickletools.genops(data):
        name = opcode.name
        if name in ("PROTO", "FRAME"):
            continue
        if name == "STOP":
            if len(stack) != 1:
                raise ArchiveError("its description is incomplete")
            return stack[0]
        if name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name in _VALUES:
            stack.append(argument)
        elif name in _ACTIONS:
            _ACTIONS[name](stack, argument)
        else:
            raise ArchiveError(f"its description uses {name}, which TorchScript does not")
    raise ArchiveError("its description is incomplete")


_VALUES = frozenset(
    ("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING", "BINSTRING")
)


def _marked(stack: list[Any]) -> list[Any]:
    """Take everything above the topmost mark."""
    items: list[Any] = []
    while not isinstance(item := stack.pop(), _Mark):
        items.append(item)
    return items[::-1]


def _global(stack: list[Any], argument: Any) -> None:
    module, _, name = str(argument).rpartition(" ")
    stack.append(_Global(module, name))


def _new_object(stack: list[Any]) -> None:
    arguments, kind = stack.pop(), stack.pop()
    if not isinstance(kind, _Global) or not kind.module.startswith("__torch__") or arguments != ():
        raise ArchiveError("it describes an object that is no module")
    stack.append({})


def _build(stack: list[Any]) -> None:
    state, target = stack.pop(), stack[-1]
    # A module with a state of its own kind (packed weights, for example) stays empty: MHR has none that matters.
    if isinstance(target, dict) and isinstance(state, dict):
        target.update(state)


def _set_items(stack: list[Any]) -> None:
    items = _marked(stack)
    stack[-1].update(zip(items[::2], items[1::2]))


def _set_item(stack: list[Any]) -> None:
    value, key = stack.pop(), stack.pop()
    stack[-1][key] = value


def _tensor_storage(stack: list[Any]) -> None:
    kind, storage, key, _, count = stack.pop()
    if kind != "storage" or not isinstance(storage, _Global) or storage.name not in _STORAGES:
        raise ArchiveError(f"it holds numbers of the unsupported kind {storage!r:.60}")
    if not isinstance(key, str) or not key.isascii() or not key.isdigit() or not isinstance(count, int):
        raise ArchiveError("it names its numbers in an unexpected way")
    stack.append((np.dtype(_STORAGES[storage.name]), key))


def _call(stack: list[Any]) -> None:
    arguments, function = stack.pop(), stack.pop()
    called = (function.module, function.name) if isinstance(function, _Global) else ("", "")
    if called == ("torch._utils", "_rebuild_tensor_v2"):
        (dtype, key), offset, shape, strides = arguments[:4]
        numbers = (offset, *shape, *strides)
        if len(shape) != len(strides) or not all(isinstance(n, int) and 0 <= n < 1 << 40 for n in numbers):
            raise ArchiveError("it describes a tensor of an impossible shape")
        stack.append(Tensor(dtype, key, offset, tuple(shape), tuple(strides)))
    elif called[0] == "torch.jit._pickle":  # build_intlist(list), restore_type_tag(value, type), ...
        stack.append(arguments[0])
    elif called == ("collections", "OrderedDict"):
        stack.append({})
    else:
        raise ArchiveError(f"its description wants to call {'.'.join(called)[:60]!r}, which is refused")


_ACTIONS: dict[str, Callable[[list[Any], Any], object]] = {
    "MARK": lambda stack, _: stack.append(_Mark()),
    "GLOBAL": _global,
    "NONE": lambda stack, _: stack.append(None),
    "NEWTRUE": lambda stack, _: stack.append(True),
    "NEWFALSE": lambda stack, _: stack.append(False),
    "EMPTY_TUPLE": lambda stack, _: stack.append(()),
    "EMPTY_LIST": lambda stack, _: stack.append([]),
    "EMPTY_DICT": lambda stack, _: stack.append({}),
    "TUPLE": lambda stack, _: stack.append(tuple(_marked(stack))),
    "TUPLE1": lambda stack, _: stack.append((stack.pop(),)),
    "TUPLE2": lambda stack, _: stack.append((stack.pop(-2), stack.pop())),
    "TUPLE3": lambda stack, _: stack.append((stack.pop(-3), stack.pop(-2), stack.pop())),
    "APPEND": lambda stack, _: stack[-2].append(stack.pop()),
    "APPENDS": lambda stack, _: (items := _marked(stack), stack[-1].extend(items)),
    "SETITEM": lambda stack, _: _set_item(stack),
    "SETITEMS": lambda stack, _: _set_items(stack),
    "NEWOBJ": lambda stack, _: _new_object(stack),
    "BUILD": lambda stack, _: _build(stack),
    "REDUCE": lambda stack, _: _call(stack),
    "BINPERSID": lambda stack, _: _tensor_storage(stack),
}
