"""Where tensors come from while a model is converted: one by one, so that memory stays small."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError


class TensorSource(Protocol):
    """Tensors by name. ``read`` gives float32 for floating point numbers and int64 for all others."""

    def names(self) -> tuple[str, ...]: ...

    def shape(self, name: str) -> tuple[int, ...]: ...

    def read(self, name: str) -> NDArray[Any]: ...


class StoredTensors(TensorSource, Protocol):
    """A source that also knows how its numbers are stored."""

    def kind(self, name: str) -> str: ...


class WithoutPrefix:
    """The tensors of a source whose names begin with a prefix, without it."""

    def __init__(self, source: StoredTensors, prefix: str) -> None:
        self._source, self._prefix = source, prefix
        self._names = tuple(name[len(prefix) :] for name in source.names() if name.startswith(prefix))

    def names(self) -> tuple[str, ...]:
        return self._names

    def shape(self, name: str) -> tuple[int, ...]:
        return self._source.shape(self._prefix + name)

    def kind(self, name: str) -> str:
        return self._source.kind(self._prefix + name)

    def read(self, name: str) -> NDArray[Any]:
        return self._source.read(self._prefix + name)


class MappingSource:
    """Arrays that are in memory already."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._arrays = arrays

    def names(self) -> tuple[str, ...]:
        return tuple(self._arrays)

    def shape(self, name: str) -> tuple[int, ...]:
        return self._arrays[name].shape

    def read(self, name: str) -> NDArray[Any]:
        return as_runtime(self._arrays[name], name)


class Joined:
    """Several sources as one.

    Raises:
        ModelError: a name is in two of them.
    """

    def __init__(self, *sources: TensorSource) -> None:
        self._home: dict[str, TensorSource] = {}
        for source in sources:
            for name in source.names():
                if self._home.setdefault(name, source) is not source:
                    raise ModelError(f"The tensor {name} comes from two sources.")

    def names(self) -> tuple[str, ...]:
        return tuple(self._home)

    def shape(self, name: str) -> tuple[int, ...]:
        return self._home[name].shape(name)

    def read(self, name: str) -> NDArray[Any]:
        return self._home[name].read(name)


def as_runtime(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Floats as float32, all other numbers as int64.

    Raises:
        ModelError: a value is not finite, or too large.
    """
    if array.dtype.kind != "f":
        return array.astype(np.int64, copy=False)
    with np.errstate(over="ignore"):
        single = array.astype(np.float32, copy=False)
    if not np.isfinite(single).all():
        raise ModelError(f"The tensor {name} holds values that are not finite. Download the checkpoint again.")
    return single
