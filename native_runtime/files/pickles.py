"""Pickles that hold arrays and plain values, read without running anything that they name.

Some data sets are published as pickles, and a pickle can name any function to be called when it is read. This reader
knows stand-ins for the few names that arrays and plain values need; it calls nothing else, and refuses every other
name. Formats: the documentation of Python's ``pickle`` ("Restricting Globals"), and how NumPy's arrays and dtypes
reduce themselves (``ndarray.__reduce__``, ``dtype.__reduce__``).
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.errors import FileError

from .reasons import reason

#: Kinds of numbers and texts that arrays may hold.
_KINDS = "biufcSU"


class _StandIn:
    """What a name in a pickle becomes. None of them takes a state but those that say so, nor do the classes."""

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("a state where there is none")


class _Dtype(_StandIn):
    """``numpy.dtype(code, align, copy)``, whose byte order follows as its state."""

    def __init__(self, code: Any = "", *_: Any) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: Any) -> None:
        self.order = str(state[1])

    def real(self) -> np.dtype[Any]:
        dtype = np.dtype(str(self.code))
        if dtype.kind not in _KINDS:
            raise pickle.UnpicklingError(f"an array of {str(self.code)!r:.20}, which are no numbers")
        return dtype.newbyteorder("<" if self.order == "<" else ">") if self.order in ("<", ">") else dtype


class _Array(_StandIn):
    """``numpy.ndarray``: its state is a version, the shape, the dtype, whether columns come first, and the bytes."""

    state: tuple[Any, ...] | None = None

    def __setstate__(self, state: Any) -> None:
        self.state = tuple(state)

    def real(self) -> Any:
        if self.state is None:
            raise pickle.UnpicklingError("an array without content")
        shape, dtype, columns_first, data = self.state[-4:]
        if str(dtype.code).startswith("O"):
            return list(data)
        data = data.encode("latin1") if isinstance(data, str) else bytes(data)
        shape = tuple(int(side) for side in shape)
        return np.frombuffer(data, dtype.real()).reshape(shape, order="F" if columns_first else "C")


class _Scalar(_StandIn):
    """``numpy.core.multiarray.scalar(dtype, bytes)``."""

    def __init__(self, dtype: _Dtype, data: Any = b"") -> None:
        self.dtype, self.data = dtype, data

    def real(self) -> Any:
        data = self.data.encode("latin1") if isinstance(self.data, str) else self.data
        return np.frombuffer(data, self.dtype.real()).reshape(())[()]


class _Reconstruct(_StandIn):
    """``numpy.core.multiarray._reconstruct``: an array that gets its state afterwards."""

    def __new__(cls, *_: Any) -> Any:
        return _Array()


class _FromBuffer(_StandIn):
    """``numpy.core.numeric._frombuffer(bytes, dtype, shape, order)``, of pickles of protocol 5."""

    def __new__(cls, data: Any, dtype: Any, shape: Any, order: Any) -> Any:
        array = _Array()
        array.state = (shape, dtype, order == "F", data)
        return array


class _Encode(_StandIn):
    """``_codecs.encode(text, "latin1")``: bytes as Python 3 writes them for Python 2."""

    def __new__(cls, text: Any, encoding: Any = "latin1") -> Any:
        if str(encoding).replace("-", "").lower() not in ("latin1", "iso88591"):
            raise pickle.UnpicklingError(f"a text in {encoding!r:.20}")
        return str(text).encode("latin1")


class _NoBytes(_StandIn):
    """``bytes()``."""

    def __new__(cls) -> Any:
        return b""


class Inert(_StandIn):
    """An object of a class that a caller permits: only its state is kept, nothing of it is run."""

    content: Any = None

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        self.content = state


class _Reconstructor(_StandIn):
    """``copy_reg._reconstructor``, of objects of Python 2 that a caller permits."""

    def __new__(cls, *_: Any) -> Any:
        return Inert()


_NAMES: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _Encode,
    ("collections", "OrderedDict"): OrderedDict,
}
for _module in ("numpy.core.multiarray", "numpy._core.multiarray"):
    _NAMES[_module, "_reconstruct"] = _Reconstruct
    _NAMES[_module, "scalar"] = _Scalar
for _module in ("numpy.core.numeric", "numpy._core.numeric"):
    _NAMES[_module, "_frombuffer"] = _FromBuffer
for _module in ("builtins", "__builtin__"):
    _NAMES.update({(_module, "set"): set, (_module, "frozenset"): frozenset, (_module, "bytes"): _NoBytes})


def read_pickle(path: Path, inert: frozenset[tuple[str, str]] = frozenset()) -> Any:
    """What a pickle holds, of arrays, numbers, texts, lists, tuples, sets and dictionaries. Texts and arrays of
    Python 2 are read as well; arrays of objects become lists.

    Args:
        inert: classes, by module and name, whose objects are read as the plain value of their state.

    Raises:
        FileError: it cannot be read, is cut off, or names anything else than arrays and plain values.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileError(f"{path.name} cannot be read ({error.strerror or 'the system refuses it'}).") from error
    return read_pickled(data, path.name, inert)


def read_pickled(data: bytes, name: str, inert: frozenset[tuple[str, str]] = frozenset()) -> Any:
    """As ``read_pickle``, of bytes that messages call ``name``."""
    try:
        return _Real().of(_Unpickler(io.BytesIO(data), inert).load())
    except EOFError as error:
        raise FileError(f"{name} is cut off: copy or download it again.") from error
    except _ForbiddenError as error:
        raise FileError(
            f"{name} is refused: it names {error}, and files with annotations hold arrays and plain values only. "
            "It could run a program; get the file again from those who publish it."
        ) from error
    except Exception as error:  # an unpickler raises whatever the bytes lead it to
        raise FileError(f"{name} cannot be read as a pickle of arrays ({reason(error)}).") from error


class _ForbiddenError(pickle.UnpicklingError):
    """Says which name."""


class _Unpickler(pickle._Unpickler):
    # Python's own, not C's, whose memory grows with the numbers that a pickle gives its objects: a few bytes could fill
    # all memory. Arrays are read as a whole, so that it hardly takes longer.

    def __init__(self, file: Any, inert: frozenset[tuple[str, str]]) -> None:
        super().__init__(file, encoding="latin1")
        self._inert = inert

    def find_class(self, module: str, name: str) -> Any:
        known = _NAMES.get((module, name))
        if known is not None:
            return known
        if self._inert:
            if (module, name) in self._inert or (module, name) in (("__builtin__", "object"), ("builtins", "object")):
                return Inert
            if (module, name) in (("copy_reg", "_reconstructor"), ("copyreg", "_reconstructor")):
                return _Reconstructor
        raise _ForbiddenError(f"{module}.{name}"[:100])


class _Real:
    """Puts real values where stand-ins are, each once however often it is referred to."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, Any]] = {}  # with the stand-in, so that its id stays its own

    def of(self, value: Any) -> Any:
        if isinstance(value, str | bytes | bytearray | int | float | complex | None):
            return value
        if id(value) not in self._known:
            self._known[id(value)] = value, None  # of a value within itself
            self._known[id(value)] = value, self._made(value)
        return self._known[id(value)][1]

    def _made(self, value: Any) -> Any:
        if isinstance(value, _Array):
            real = value.real()
            return self.of(real) if isinstance(real, list) else real
        if isinstance(value, _Scalar):
            return value.real()
        if isinstance(value, _Dtype):
            return str(value.code)
        if isinstance(value, Inert):
            return self.of(value.content)
        if isinstance(value, dict):
            return {self.of(key): self.of(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.of(item) for item in value)
        if isinstance(value, set | frozenset):
            return set(map(self.of, value))
        raise pickle.UnpicklingError(f"{type(value).__name__}, which is no plain value")
