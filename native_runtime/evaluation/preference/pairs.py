"""Which people are shown in pairs: each estimated by two engines, left and right by lot."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.errors import FileError, Sam3dbError, UsageError
from native_runtime.evaluation.found import FoundPerson, read_found
from native_runtime.evaluation.partners import partners, seen_box
from native_runtime.files.formats import Format
from native_runtime.files.names import as_text
from native_runtime.files.reasons import reason

FORMAT = Format("sam3db-pairs")
#: Boxes of two engines' estimates of one person overlap so much.
_SAME_PERSON = 0.5
_DIGITS = 12


@dataclass(frozen=True)
class Seen:
    """A person whom several engines estimated.

    Attributes:
        photo: path below the folders of estimates, with "/".
        estimates: by engine, the ``.npz`` file.
    """

    photo: str
    estimates: Mapping[str, Path]


@dataclass(frozen=True)
class Pair:
    """Two estimates of one person, as they are shown.

    Attributes:
        name: of the pair, which says nothing of what is in it.
        photo: as of ``Seen``.
        left, right: engines.
    """

    name: str
    photo: str
    left: str
    right: str


@dataclass(frozen=True)
class Pairs:
    """What is voted on: the key to a page, which voters do not see."""

    engines: tuple[str, ...]
    pairs: tuple[Pair, ...]
    seed: int

    @property
    def set(self) -> str:
        """Which pairs these are: votes name it."""
        text = json.dumps([self.engines, self.seed, [vars(pair) for pair in self.pairs]])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]

    def to_json(self) -> dict[str, Any]:
        """As in ``pairs.json``."""
        pairs = [{**vars(pair), "photo": as_text(pair.photo)} for pair in self.pairs]
        return {
            "format": str(FORMAT),
            "set": self.set,
            "seed": self.seed,
            "engines": list(self.engines),
            "pairs": pairs,
        }


@dataclass(frozen=True)
class Key:
    """What counting needs of a page's pairs: by the name of each, the engines left and right."""

    set: str
    engines: tuple[str, ...]
    sides: Mapping[str, tuple[str, str]]


def read_key(path: Path) -> Key:
    """The key of a ``pairs.json``.

    Raises:
        FileError: it cannot be read, or does not hold together.
        NewerFormatError: a newer version of the program wrote it.
    """
    try:
        content = FORMAT.parsed(path.read_bytes(), path.name)
        engines = tuple(str(engine) for engine in content["engines"])
        sides = {str(pair["name"]): (str(pair["left"]), str(pair["right"])) for pair in content["pairs"]}
        if any(left == right or not {left, right} <= set(engines) for left, right in sides.values()):
            raise ValueError("a pair in it names an engine that is not in its list")
        return Key(str(content["set"]), engines, sides)
    except OSError as error:
        raise FileError(f"{path.name} cannot be read ({error.strerror or 'the system refuses it'}).") from error
    except (ValueError, KeyError, TypeError) as error:
        raise FileError(
            f"{path.name} cannot be read as the key to a page of pairs ({reason(error)}). Give the pairs.json that was "
            "written with the page."
        ) from error


def people_seen(folders: Mapping[str, Path], damaged: Callable[[Path, Sam3dbError], None]) -> list[Seen]:
    """The people of whom all or some of the engines have estimates, two at least.

    Args:
        folders: of estimates, by engine; people are found by the photo's path below each.
        damaged: called for each estimate that cannot be read.

    Raises:
        FileError: a folder holds no estimates.
    """
    found = {}
    for engine, folder in folders.items():
        root = "/".join(folder.resolve().parts[1:]) + "/"
        found[engine] = {photo.removeprefix(root): those for photo, those in read_found(folder, damaged).items()}
    people = []
    for photo in sorted(set().union(*found.values())):
        groups: list[dict[str, FoundPerson]] = []
        for engine, photos in found.items():
            those = photos.get(photo, [])
            boxes = [seen_box(next(iter(group.values()))) for group in groups]
            same = partners(boxes, [seen_box(one) for one in those], _SAME_PERSON)
            for place, number in same.items():
                groups[place][engine] = those[number]
            groups += [{engine: one} for number, one in enumerate(those) if number not in same.values()]
        for group in groups:
            paths = {engine: one.path for engine, one in group.items() if one.path is not None}
            if len(paths) > 1:
                people.append(Seen(photo, paths))
    return people


def choose(people: Sequence[Seen], engines: Sequence[str], count: int, seed: int) -> list[tuple[Pair, Seen]]:
    """Draw pairs by lot: as many of each two engines as there are, from as many photos as there are.

    Raises:
        UsageError: no two engines have an estimate of the same person.
    """
    random = np.random.default_rng(seed)
    heaps = []
    for two in combinations(engines, 2):
        those = [one for one in people if one.estimates.keys() >= set(two)]
        heaps.append((two, [those[number] for number in random.permutation(len(those))]))
    drawn: list[tuple[tuple[str, str], Seen]] = []
    photos: set[str] = set()
    while len(drawn) < count and any(heap for _, heap in heaps):
        for two, heap in heaps:
            if heap and len(drawn) < count:
                one = heap.pop(next((k for k, one in enumerate(heap) if one.photo not in photos), 0))
                photos.add(one.photo)
                drawn.append((two, one))
    if not drawn:
        raise UsageError("No two of the folders have an estimate of the same person of the same photo.")
    order, swapped = random.permutation(len(drawn)).tolist(), _half(len(drawn), random)
    pairs = []
    for number, place in enumerate(order):
        (left, right), one = drawn[place]
        if swapped[number]:
            left, right = right, left
        pairs.append((Pair(f"{number + 1:04d}", one.photo, left, right), one))
    return pairs


def _half(count: int, random: np.random.Generator) -> list[bool]:
    """Which half, by lot."""
    chosen: list[bool] = random.permutation(np.arange(count) % 2 == 0).tolist()
    return chosen
