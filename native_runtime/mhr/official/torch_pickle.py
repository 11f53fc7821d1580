"""The contents of PyTorch's pickles, read without unpickling.

Unpickling would call whatever a file names. Here its instructions are only read (``pickletools``), and the few that
describe data are followed: tensors become ``Tensor`` records, modules and dictionaries become dictionaries, and
everything else that the file wants called is refused. There are two dialects, which differ in what they may describe:
``TorchScript`` (``torch.jit.save``) and ``TorchSave`` (``torch.save``).
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}


class ArchiveError(ValueError):
    """The archive is damaged, or holds something other than modules and tensors."""


class ForbiddenCallError(ArchiveError):
    """Its description wants something called that is no part of PyTorch. Nothing was called."""


@dataclass(frozen=True)
class Tensor:
    """A tensor that has not been read yet.

    Attributes:
        kind: the type of its numbers: a numpy name, or ``bfloat16``, which numpy does not know.
        storage: which of the archive's records holds them.
        offset, shape, strides: in elements.
    """

    kind: str
    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        """How the numbers are stored; bfloat16 as its bits."""
        return np.dtype("<u2" if self.kind == "bfloat16" else self.kind).newbyteorder("<")


@dataclass(frozen=True)
class Global:
    """A function or class that the file names; never looked up."""

    module: str
    name: str


class _Mark:
    pass


class PickleReader:
    """Follows the instructions of one pickle; the dialects say what may be called and built."""

    language = "PyTorch"

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    # --- what the dialects decide ---

    def called(self, function: Global, arguments: Sequence[Any]) -> Any:
        """What a call describes.

        Raises:
            ArchiveError: it describes no data.
        """
        name = (function.module, function.name)
        if name == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor(arguments)
        if name == ("collections", "OrderedDict") and not arguments:
            return {}
        raise _refused(function)

    def new_object(self, kind: Global, arguments: Any) -> Any:
        """What an object of a class of the file's own is."""
        raise _refused(kind)

    def set_state(self, target: Any, state: Any) -> None:
        """What becomes of the state that an object is given."""

    # --- reading ---

    def read(self, data: bytes) -> Any:
        """What the pickle describes.

        Raises:
            ArchiveError: it describes something other than data, or is incomplete.
            ValueError, IndexError, KeyError, TypeError, AttributeError: it makes no sense.
        """
        for opcode, argument, _ in pickletools.genops(data):
            name = opcode.name
            if name in ("PROTO", "FRAME"):
                continue
            if name == "STOP":
                if len(self._stack) != 1:
                    raise ArchiveError("its description is incomplete")
                return self._stack[0]
            if name in _VALUES:
                self._stack.append(argument)
            elif name in _CONSTANTS:
                self._stack.append(_CONSTANTS[name]())
            elif name in _ACTIONS:
                _ACTIONS[name](self, argument)
            else:
                raise ArchiveError(f"its description uses {name}, which {self.language} does not")
        raise ArchiveError("its description is incomplete")

    def _marked(self) -> list[Any]:
        """Take everything above the topmost mark."""
        items: list[Any] = []
        while not isinstance(item := self._stack.pop(), _Mark):
            items.append(item)
        return items[::-1]

    def _take(self, count: int) -> tuple[Any, ...]:
        if len(self._stack) < count:
            raise ArchiveError("its description is incomplete")
        items = tuple(self._stack[-count:])
        del self._stack[-count:]
        return items

    def _put(self, argument: int) -> None:
        self._memo[argument] = self._stack[-1]

    def _global(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise ArchiveError("it calls something without a name")
        self._stack.append(Global(module, name))

    def _set_items(self, items: Sequence[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict):
            raise ArchiveError("it fills something that is not a dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Other keys (nested tuples) could be made to take for ever to compare.
            if not isinstance(key, str | int):
                raise ArchiveError("it names something in an unexpected way")
            if key in target:
                raise ArchiveError(f"it holds {str(key)[:60]!r} twice")
            target[key] = value

    def _extend(self, items: Sequence[Any]) -> None:
        if not isinstance(self._stack[-1], list):
            raise ArchiveError("it fills something that is not a list")
        self._stack[-1].extend(items)

    def _new_object(self) -> None:
        kind, arguments = self._take(2)
        self._stack.append(self.new_object(_named(kind), arguments))

    def _build(self) -> None:
        (state,) = self._take(1)
        self.set_state(self._stack[-1], state)

    def _reduce(self) -> None:
        function, arguments = self._take(2)
        if not isinstance(arguments, tuple):
            raise ArchiveError("it calls something without arguments")
        self._stack.append(self.called(_named(function), arguments))

    def _storage(self) -> None:
        ((kind, storage, key, _, count),) = self._take(1)
        if kind != "storage" or not isinstance(storage, Global):
            raise ArchiveError("it refers to something that is not a tensor")
        if storage.name not in _STORAGES:
            raise ArchiveError(f"it holds numbers of the unsupported kind {storage.name[:60]!r}")
        if not isinstance(key, str) or not key.isascii() or not key.isdigit() or not isinstance(count, int):
            raise ArchiveError("it names its numbers in an unexpected way")
        self._stack.append((_STORAGES[storage.name], key))


class TorchScript(PickleReader):
    """The pickles of ``torch.jit.save``: modules, as dictionaries of their attributes."""

    language = "TorchScript"

    def called(self, function: Global, arguments: Sequence[Any]) -> Any:
        if function.module == "torch.jit._pickle":  # build_intlist(list), restore_type_tag(value, type), ...
            return arguments[0]
        return super().called(function, arguments)

    def new_object(self, kind: Global, arguments: Any) -> Any:
        if not kind.module.startswith("__torch__") or arguments != ():
            raise ArchiveError("it describes an object that is not a module")
        return {}

    def set_state(self, target: Any, state: Any) -> None:
        # A module with a state of its own kind (packed weights, for example) stays empty: MHR has none that matters.
        if isinstance(target, dict) and isinstance(state, dict):
            target.update(state)


class TorchSave(PickleReader):
    """The pickles of ``torch.save``: dictionaries of tensors, parameters, numbers, texts and lists.

    The state of an object (the ``_metadata`` of a state dict) is not its content and is left aside.
    """

    language = "torch.save"

    def called(self, function: Global, arguments: Sequence[Any]) -> Any:
        name = (function.module, function.name)
        if name == ("torch._utils", "_rebuild_parameter"):  # (tensor, requires_grad, hooks)
            return arguments[0]
        if name in (("torch", "Size"), ("torch", "device")):
            return tuple(arguments)
        return super().called(function, arguments)


def _named(function: Any) -> Global:
    if not isinstance(function, Global):
        raise ArchiveError("it calls something without a name")
    return function


def _refused(function: Global) -> ArchiveError:
    name = f"{function.module}.{function.name}"
    kind = (
        ArchiveError
        if function.module.partition(".")[0] in ("torch", "__torch__", "collections")
        else ForbiddenCallError
    )
    return kind(f"its description wants to call {name[:60]!r}, which is refused")


def _tensor(arguments: Sequence[Any]) -> Tensor:
    (kind, key), offset, shape, strides = arguments[:4]
    numbers = (offset, *shape, *strides)
    if len(shape) != len(strides) or not all(type(n) is int and 0 <= n < 1 << 40 for n in numbers):
        raise ArchiveError("it describes a tensor of an impossible shape")
    return Tensor(kind, key, offset, tuple(shape), tuple(strides))


_VALUES = frozenset(
    (
        "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE",
        "SHORT_BINSTRING", "BINSTRING",
    )
)  # fmt: skip
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "MARK": _Mark,
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
}
_ACTIONS: dict[str, Callable[[PickleReader, Any], object]] = {
    "BINPUT": lambda reader, argument: reader._put(argument),
    "LONG_BINPUT": lambda reader, argument: reader._put(argument),
    "MEMOIZE": lambda reader, _: reader._put(len(reader._memo)),
    "BINGET": lambda reader, argument: reader._stack.append(reader._memo[argument]),
    "LONG_BINGET": lambda reader, argument: reader._stack.append(reader._memo[argument]),
    "GLOBAL": lambda reader, argument: reader._global(*argument.split(" ", 1)),
    "STACK_GLOBAL": lambda reader, _: reader._global(*reader._take(2)),
    "TUPLE": lambda reader, _: reader._stack.append(tuple(reader._marked())),
    "TUPLE1": lambda reader, _: reader._stack.append(reader._take(1)),
    "TUPLE2": lambda reader, _: reader._stack.append(reader._take(2)),
    "TUPLE3": lambda reader, _: reader._stack.append(reader._take(3)),
    "APPEND": lambda reader, _: reader._extend(reader._take(1)),
    "APPENDS": lambda reader, _: reader._extend(reader._marked()),
    "SETITEM": lambda reader, _: reader._set_items(reader._take(2)),
    "SETITEMS": lambda reader, _: reader._set_items(reader._marked()),
    "NEWOBJ": lambda reader, _: reader._new_object(),
    "BUILD": lambda reader, _: reader._build(),
    "REDUCE": lambda reader, _: reader._reduce(),
    "BINPERSID": lambda reader, _: reader._storage(),
}
