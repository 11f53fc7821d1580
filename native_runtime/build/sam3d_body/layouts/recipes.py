"""How an official tensor is made of those that a file stores under other names; nothing is read before it is asked for.

Every recipe names its parts, so that what is missing can be said in the words of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from native_runtime.build.sam3d_body.tensors import StoredTensors


class Recipe(Protocol):
    """One official tensor."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The stored tensors that it needs."""

    @property
    def guessed(self) -> bool:
        """Whether some of its numbers are in no file, and may differ from the release's in what does not matter."""

    def shape(self, source: StoredTensors) -> tuple[int, ...]: ...

    def kind(self, source: StoredTensors) -> str: ...

    def read(self, source: StoredTensors) -> NDArray[Any]: ...


@dataclass(frozen=True)
class Kept:
    """A tensor that only has another name."""

    name: str

    @property
    def parts(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def guessed(self) -> bool:
        return False

    def shape(self, source: StoredTensors) -> tuple[int, ...]:
        return source.shape(self.name)

    def kind(self, source: StoredTensors) -> str:
        return source.kind(self.name)

    def read(self, source: StoredTensors) -> NDArray[Any]:
        return source.read(self.name)


@dataclass(frozen=True)
class Stacked:
    """Tensors one below the other; None stands for zeros, as many as the first has."""

    names: tuple[str | None, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name is not None)

    @property
    def guessed(self) -> bool:
        return None in self.names

    def shape(self, source: StoredTensors) -> tuple[int, ...]:
        shapes = [source.shape(name) for name in self.parts]
        first = shapes[0]
        if not first or any(shape[1:] != first[1:] for shape in shapes):
            return ()  # no official shape: whoever compares says so
        missing = len(self.names) - len(shapes)
        return sum(shape[0] for shape in shapes) + missing * first[0], *first[1:]

    def kind(self, source: StoredTensors) -> str:
        kinds = [source.kind(name) for name in self.parts]
        return next((kind for kind in kinds if "float" not in kind), kinds[0])

    def read(self, source: StoredTensors) -> NDArray[Any]:
        first = source.read(self.parts[0])
        zeros = np.zeros_like(first)
        rest = [zeros if name is None else first if name == self.parts[0] else source.read(name) for name in self.names]
        return np.concatenate(rest)


@dataclass(frozen=True)
class Rebuilt:
    """A tensor that follows from public facts and, perhaps, from others of the file.

    Attributes:
        size: its only length.
        make: its numbers, float32.
        parts: what ``make`` reads.
        guessed: see ``Recipe``.
    """

    size: int
    make: Callable[[StoredTensors], NDArray[np.float32]]
    parts: tuple[str, ...] = ()
    guessed: bool = True

    def shape(self, source: StoredTensors) -> tuple[int, ...]:
        return (self.size,)

    def kind(self, source: StoredTensors) -> str:
        return "float32"

    def read(self, source: StoredTensors) -> NDArray[Any]:
        return self.make(source)


class Derived:
    """A file's tensors under official names: those with a recipe, and all others as they are."""

    def __init__(self, source: StoredTensors, recipes: Mapping[str, Recipe], others: Mapping[str, str]) -> None:
        """`others`: official name -> stored name of what only lost a prefix, or nothing at all."""
        self._source = source
        self._recipes: dict[str, Recipe] = {name: Kept(stored) for name, stored in others.items()} | dict(recipes)

    def names(self) -> tuple[str, ...]:
        return tuple(self._recipes)

    def shape(self, name: str) -> tuple[int, ...]:
        return self._recipes[name].shape(self._source)

    def kind(self, name: str) -> str:
        return self._recipes[name].kind(self._source)

    def read(self, name: str) -> NDArray[Any]:
        return self._recipes[name].read(self._source)
