"""Readings: photos that an engine has read; the last few are kept."""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from .boxes import Box, overlap
from .decoding import part_of
from .requests import EngineChoice, FilePath, Lens, LookRequest, Turn

if TYPE_CHECKING:
    from native_runtime.detection.landmarks import PersonLandmarks
    from native_runtime.engines.base import Engine, Reading
    from native_runtime.image.reading import Photo
    from native_runtime.lens.estimate import LensEstimate

SAME_PERSON = 0.7
"""Boxes that overlap (intersection over union) by this much are of one person, whoever found them."""
_SAME_UP = 1e-4
"""Difference below which two unit vectors are the same direction."""
_SAME_LENS = 1e-5
"""Relative difference below which two camera matrices are one that passed through single precision."""


@dataclass
class ReadPhoto:
    """A photo, and what the engine found in it.

    Attributes:
        doubts: what an artist should check about the photo itself, or about the engine's networks.
        notes: which better engines were passed over for the last request, and why.
        lens: the photo's camera, and how sure that is; None where it was not asked for.
        seen: what the bundled networks see of people by their number, where it was asked for; None where nothing.
        empty_boxes: which of several boxes nobody is seen in, for people to read; those are left out.
        kept: what else was made of the photo and may be wanted again, by keys of whoever made it.
    """

    photo: Photo
    reading: Reading
    engine: Engine
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    lens: LensEstimate | None = None
    seen: dict[int, PersonLandmarks | None] = field(default_factory=dict)
    empty_boxes: tuple[str, ...] = ()
    kept: dict[Any, Any] = field(default_factory=dict)

    @property
    def bboxes(self) -> list[list[float]]:
        """[x0, y0, x1, y1] in original pixels of each person, largest first."""
        return [[float(value) for value in person.bbox] for person in self.reading.people]

    @property
    def heads(self) -> list[list[float] | None]:
        """[x, y] in original pixels, the middle of each person's head; None where the engine does not know it yet."""
        heads = (person.head for person in self.reading.people)
        return [None if head is None else [float(value) for value in head] for head in heads]

    def landmarks_of(self, person: int) -> PersonLandmarks | None:
        """What the bundled networks have seen of a person, if they were asked."""
        return self.reading.people[person].landmarks or self.seen.get(person)

    def nearest(self, box: Box) -> tuple[int, float]:
        """The person whose box overlaps one most, and by how much."""
        shares = [overlap(box, bbox) for bbox in self.bboxes]
        person = max(range(len(shares)), key=shares.__getitem__)
        return person, shares[person]


class Look(NamedTuple):
    """How a photo is looked at: what tells readings of one file apart."""

    choice: EngineChoice
    lens: Lens
    boxes: tuple[Box, ...] | None = None
    turn: Turn = 0

    @staticmethod
    def of(request: LookRequest) -> Look:
        """What a request says about it."""
        return Look(part_of(EngineChoice, request), part_of(Lens, request), request.boxes, request.turn)


class Readings:
    """The last few readings, the newest last.

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[Any, Look], ReadPhoto] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def clear(self) -> None:
        self._kept.clear()

    def make_room(self, most: int) -> None:
        """Keep at least so many from now on."""
        self._most = max(self._most, most)

    def get(self, path: FilePath, look: Look) -> ReadPhoto | None:
        """The reading of a file that was looked at in a way, unless the file has changed since."""
        key = _identity(path), look
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def keep(self, path: FilePath, look: Look, found: ReadPhoto) -> None:
        """Remember a reading, and forget the oldest."""
        self._kept[_identity(path), look] = found
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def person_at(self, path: FilePath, choice: EngineChoice, lens: Lens, box: Box) -> tuple[ReadPhoto, int] | None:
        """A reading of an unturned file that knows the person in a box, however it came to, and their number."""
        file = _identity(path)
        for key, known in reversed(self._kept.items()):
            look = key[1]
            if key[0] == file and look.choice == choice and not look.turn and _has_lens(known, look.lens, lens):
                person, shared = known.nearest(box)
                if shared >= SAME_PERSON:
                    self._kept.move_to_end(key)
                    return known, person
        return None


def _has_lens(known: ReadPhoto, made_with: Lens, lens: Lens) -> bool:
    """Whether a reading was made with a lens, or with a rule of the engine's that came to the same matrix."""
    import numpy as np

    if made_with == lens:
        return True
    if (
        lens.up is not None
        and known.lens is not None
        and not np.allclose(known.lens.gravity.up, lens.up, atol=_SAME_UP)
    ):
        return False
    return lens.intrinsics is not None and bool(
        np.allclose(known.reading.intrinsics, lens.intrinsics, rtol=_SAME_LENS, atol=0.0)
    )


def _identity(path: FilePath) -> tuple[Any, ...]:
    """What tells a file apart from what it was before: path, time of change and size (nothing when it is not there)."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return (os.fspath(path),)
    return (os.path.abspath(path), status.st_mtime_ns, status.st_size)
