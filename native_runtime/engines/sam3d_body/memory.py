"""What is kept in memory for the current photos: the encoder's features and the decoders' contexts, up to a limit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Protocol, TypeVar

KEPT_BYTES = 1 << 30
"""About ten people with the released models; each takes 35 MB for the body and 30 MB for each hand."""


class Sized(Protocol):
    """Something that takes memory."""

    @property
    def nbytes(self) -> int:
        """How much."""


Thing = TypeVar("Thing", bound=Sized)


class Kept:
    """Things by (owner, key); the least recently used are let go when together they exceed the bound.

    The one used last always stays, be it ever so large: work on one person can go on.

    Attributes:
        limit: bytes.
        bytes: what is kept now.
        dropped: how many things were let go for want of room.
    """

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self.limit, self.bytes, self.dropped = limit, 0, 0
        self._things: OrderedDict[tuple[Hashable, Hashable], Sized] = OrderedDict()

    def get(self, owner: Hashable, key: Hashable) -> Sized | None:
        """The thing, or None where it is not (or no longer) kept."""
        thing = self._things.get((owner, key))
        if thing is not None:
            self._things.move_to_end((owner, key))
        return thing

    def put(self, owner: Hashable, key: Hashable, thing: Thing) -> Thing:
        """Keep a thing, in place of an older one."""
        self._remove((owner, key))
        self._things[owner, key] = thing
        self.bytes += thing.nbytes
        while self.bytes > self.limit and len(self._things) > 1:
            self._remove(next(iter(self._things)))
            self.dropped += 1
        return thing

    def release(self, owner: Hashable) -> None:
        """Let go of all that an owner has."""
        for place in [place for place in self._things if place[0] == owner]:
            self._remove(place)

    def _remove(self, place: tuple[Hashable, Hashable]) -> None:
        thing = self._things.pop(place, None)
        self.bytes -= thing.nbytes if thing is not None else 0
