"""What is asked: an engine with its fit, as an artist has it, or a network in training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from native_runtime.dataset import shards
from native_runtime.dataset.pictures import PictureFolder, photo_of
from native_runtime.dataset.rows import Row
from native_runtime.engines import open_engine
from native_runtime.prompts.prompt import Prompt

Array = NDArray[Any]

MODES = ("exact", "whole-body", "may-be-off")
"""Prompts are met, by their limbs alone or after the whole body has moved as its fit was unsure; or they are
observations beside the networks'."""

_SAME = 0.25
"""Of the box's longer side: somebody whose visible keypoints lie farther from the true ones on average is another."""
_FEWEST = 4


@dataclass(frozen=True)
class Answer:
    """What a model says of a person.

    Attributes:
        keypoints_2d: (70, 2) px.
        keypoints_3d: (70, 3) m, camera axes.
        flagged: keypoints whose prompts it warns of.
    """

    keypoints_2d: Array
    keypoints_3d: Array
    flagged: frozenset[int] = frozenset()


class Promptable(Protocol):
    """One person before a model."""

    def answer(self, prompts: Sequence[Prompt]) -> Answer: ...


@dataclass(frozen=True)
class Case:
    """A person of whom everything is known.

    Attributes:
        name: of the picture.
        row: the truth.
        seen: (70,) bool, keypoints that are in the picture and that nothing hides.
        model: the person as the model sees them.
        first: its answer without prompts.
    """

    name: str
    row: Row
    seen: Array
    model: Promptable
    first: Answer


class EnginePerson:
    """One person of a photo before an engine.

    Args:
        reading: the engine's, of the photo.
        said: what it is told with every prompt (``prompt_error``, ``snap``).
    """

    def __init__(self, reading: Any, person: int, said: Mapping[str, Any]) -> None:
        self._reading, self._person, self._said = reading, person, said

    def answer(self, prompts: Sequence[Prompt]) -> Answer:
        """The engine's answer."""
        said = self._reading.estimate(self._person, list(prompts), **self._said)
        warnings = said.details.get("prompt_warnings", ())
        return Answer(said.keypoints_2d, said.keypoints_3d, frozenset(int(warning["keypoint"]) for warning in warnings))

    def told(self, mode: str, error: float) -> EnginePerson:
        """The same person, with prompts put to the engine as ``mode`` says (``MODES``).

        Args:
            error: how far off prompts may be, as part of the person's height; no matter for exact ones.
        """
        how = {"exact": {}, "whole-body": {"prompt_error": error, "snap": True}, "may-be-off": {"prompt_error": error}}
        return EnginePerson(self._reading, self._person, how[mode])


def in_modes(case: Case, modes: Sequence[str], error: float) -> dict[str, Case]:
    """A case of an engine with its prompts put in several ways. Without prompts the answer is the same in all."""
    if not isinstance(case.model, EnginePerson):
        raise TypeError("Only engines take prompts in several ways.")
    return {mode: replace(case, model=case.model.told(mode, error)) for mode in modes}


def engine_cases(data: Path, engine: str, body: str, people: int, lens: str) -> Iterator[Case]:
    """The held-out people of a data set whom an engine finds.

    Args:
        body: the engine's, a name or a file.
        lens: ``true``, or ``default`` for what the engine takes where a photo says nothing.
    """
    opened, pictures, left = open_engine(engine, body=body), PictureFolder(data), people
    for row in (row for path in shards.files_of(data) for row in shards.read(path)):
        if left == 0:
            return
        if not row.held_out or row.subject:
            continue
        seen = seen_of(row)
        if seen.sum() < _FEWEST:
            continue
        photo = photo_of(pictures, row.image)
        reading = opened.read(photo, intrinsics=row.intrinsics) if lens == "true" else opened.read(photo)
        found = [EnginePerson(reading, number, {}) for number in range(len(reading.people))]
        answers = [person.answer(()) for person in found]
        side = float((row.box[2:] - row.box[:2]).max())
        off = [np.linalg.norm(a.keypoints_2d[seen] - row.keypoints_2d[seen, :2], axis=1).mean() for a in answers]
        if off and min(off) < _SAME * side:
            best = int(np.argmin(off))
            left -= 1
            yield Case(row.image, row, seen, found[best], answers[best])


def seen_of(row: Row) -> Array:
    """(70,) keypoints that are in sight."""
    inside = row.keypoints_2d[:, 2] > 0
    return inside if row.visible is None else inside & (row.visible > 0)
