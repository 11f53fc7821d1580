"""Which keypoint a network in training is told next, where it is, and how wrong the person who says so may be.

The plan is that of the reference's public sampler (facebookresearch/sam-3d-body,
``sam_3d_body/models/modules/keypoint_prompt_sampler.py``): mostly the worst keypoint of the last answer, mostly one of
the body, sometimes none; a keypoint that lies outside the crop can only be said to be wrong. Added are several prompts
at once, prompts that are off, that name the other side, and that lie outside the person, since people make such
mistakes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import torch
from torch import Tensor

from native_runtime.models.sam3d_body_layout import KEYPOINTS
from native_runtime.network.conditioning import LABEL_INCORRECT, LABEL_NONE
from native_runtime.prompts.quality.anatomy import mirrors

#: Shoulders, elbows, hips, knees, ankles and wrists: what people correct first.
BODY_KEYPOINTS = (5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 41, 62)


@dataclass(frozen=True)
class PromptSettings:
    """How often which prompt is given; all but the counts and lengths are probabilities.

    Attributes:
        rounds: answers a sample with a prompt more each time; the first one is without.
        none: no prompt in a round.
        worst: the worst keypoint, otherwise any.
        body: one of ``BODY_KEYPOINTS``, otherwise any other.
        several: up to ``most`` of them at once, for all people of a step.
        noisy: off by up to ``noise`` crop sides in x and in y.
        negative: of a keypoint outside the crop, that the answer is wrong.
        wrong_side: the name of the other side's keypoint.
        outside: anywhere in the crop, off the person.
        threshold: a keypoint that is off by less than this (crop sides) is not prompted.
    """

    rounds: int = 3
    none: float = 0.1
    worst: float = 0.8
    body: float = 0.8
    several: float = 0.2
    most: int = 4
    noisy: float = 0.3
    noise: float = 0.1
    negative: float = 0.1
    wrong_side: float = 0.03
    outside: float = 0.02
    threshold: float = 0.01

    def __post_init__(self) -> None:
        for name in (each.name for each in fields(self)):
            low, high, rule = _LIMITS.get(name, _RATE)
            if not low <= getattr(self, name) <= high:
                raise ValueError(
                    f"prompts cannot be given like this: '{name}' has to be {rule}, not {getattr(self, name)}"
                )


_RATE = (0.0, 1.0, "from 0 to 1")
_COUNT, _LENGTH = (1.0, math.inf, "1 or more"), (0.0, math.inf, "0 or more")
_LIMITS = {"rounds": _COUNT, "most": _COUNT, "noise": _LENGTH, "threshold": _LENGTH}


class Prompts(NamedTuple):
    """Prompts of one round for B people.

    Attributes:
        points: (B, P, 3) x, y in 0..1 of the crop, and a label (``network.conditioning.PromptEncoder``).
        truthful: (B, 70) 1 where a prompt names this keypoint and means it, noise or not: the loss asks the answer to
            keep to it. A prompt of the wrong side or outside the person is not among them.
    """

    points: Tensor
    truthful: Tensor

    @staticmethod
    def none(count: int, like: Tensor) -> Prompts:
        """No prompt for any of ``count`` people."""
        return Prompts(_empty(count, 1, like), like.new_zeros(count, KEYPOINTS))

    def and_then(self, later: Prompts) -> Prompts:
        """These and those of a later round."""
        return Prompts(torch.cat([self.points, later.points], dim=1), torch.maximum(self.truthful, later.truthful))


class PromptSampler:
    """Draws prompts, for each person from a generator of their own."""

    def __init__(self, settings: PromptSettings) -> None:
        self.settings = settings
        self.other_side = torch.from_numpy(mirrors())
        self.body = torch.zeros(KEYPOINTS, dtype=torch.bool)
        self.body[list(BODY_KEYPOINTS)] = True

    def count(self, generator: torch.Generator) -> int:
        """How many prompts each person gets in a round. It is the same for all people of a step, since a network also
        attends to the empty prompts that fill up a row: it must not see who else was in the batch.
        """
        several = bool(torch.rand((), generator=generator) < self.settings.several)
        return 1 + int(torch.randint(self.settings.most, (), generator=generator)) if several else 1

    def draw(
        self, truth: Tensor, known: Tensor, answer: Tensor, generators: Sequence[torch.Generator], count: int = 1
    ) -> Prompts:
        """The next prompts for B people.

        Args:
            truth, answer: (B, 70, 2) in the crop, sides at -0.5 and 0.5.
            known: (B, 70) 0 where nobody knows where the keypoint is.
            generators: B, on the CPU.
            count: prompts for each of them; empty ones where fewer keypoints are worth one.
        """
        with torch.no_grad():
            people = zip(truth.cpu(), known.cpu() > 0, answer.cpu(), generators, strict=True)
            rows = [_Person(self, *person).prompts(count) for person in people]
        points = _empty(len(rows), count, truth.cpu())
        for row, (some, _) in enumerate(rows):
            points[row, : len(some)] = some
        truthful = torch.stack([names for _, names in rows])
        return Prompts(points.to(truth), truthful.to(truth))


class _Person:
    """What is said about one person: ``truth``, ``known`` and ``answer`` as for ``PromptSampler.draw``, less B."""

    def __init__(
        self, sampler: PromptSampler, truth: Tensor, known: Tensor, answer: Tensor, generator: torch.Generator
    ) -> None:
        self.sampler, self.settings = sampler, sampler.settings
        self.truth, self.known, self.answer = truth, known, answer
        self.generator = generator
        self.inside = (truth.abs() <= 0.5).all(1)
        self.truthful = torch.zeros(KEYPOINTS)

    def prompts(self, count: int) -> tuple[Tensor, Tensor]:
        """Up to ``count`` prompts (P, 3), and what they truthfully name (70,)."""
        settings = self.settings
        points: list[Tensor] = []
        if not self._happens(settings.none):
            error = torch.linalg.vector_norm(self.answer - self.truth, dim=1)
            called_wrong = (self.answer.abs() <= 0.5).all(1) & self._happens(settings.negative)
            worth = self.known & (self.inside | called_wrong) & (error > settings.threshold)
            while len(points) < count and (index := self._choose(error, worth)) is not None:
                worth[index] = False
                points.append(self._said(index))
        return (torch.stack(points) if points else _empty(1, 1, self.truth)[0]), self.truthful

    def _choose(self, error: Tensor, worth: Tensor) -> int | None:
        """A keypoint that is worth a prompt; of the other kind where there is none of the one that was drawn."""
        body = self.sampler.body
        first = body if self._happens(self.settings.body) else ~body
        worst = self._happens(self.settings.worst)
        for candidates in (worth & first, worth & ~first):
            indices = torch.nonzero(candidates)[:, 0]
            if len(indices):
                return int(indices[error[indices].argmax() if worst else self._below(len(indices))])
        return None

    def _said(self, index: int) -> Tensor:
        """What is said about a keypoint: (3,)."""
        settings = self.settings
        if not self.inside[index]:
            return torch.cat([self.answer[index] + 0.5, self.answer.new_tensor([LABEL_INCORRECT])])
        place, name, other = self.truth[index], index, int(self.sampler.other_side[index])
        if self._happens(settings.wrong_side) and other != index:
            name = other
        elif self._happens(settings.outside):
            place = self._beside()
        else:
            self.truthful[index] = 1
            if self._happens(settings.noisy):
                place = place + settings.noise * (2 * self._uniform() - 1)
        return torch.cat([(place + 0.5).clamp(0.0, 1.0), place.new_tensor([name])])

    def _beside(self) -> Tensor:
        """Somewhere in the crop, but not within the box of the keypoints: (2,)."""
        place = self._uniform() - 0.5
        low, high = self.truth[self.inside].amin(0), self.truth[self.inside].amax(0)
        if bool(((place >= low) & (place <= high)).all()):
            place = torch.where(low + high > 0, low - 0.1, high + 0.1)
        return place

    def _happens(self, rate: float) -> bool:
        return bool(torch.rand((), generator=self.generator) < rate)

    def _below(self, count: int) -> int:
        return int(torch.randint(count, (), generator=self.generator))

    def _uniform(self) -> Tensor:
        return torch.rand(2, generator=self.generator)


def _empty(people: int, count: int, like: Tensor) -> Tensor:
    """(people, count, 3) of prompts that say nothing."""
    points = like.new_zeros(people, count, 3)
    points[..., 2] = LABEL_NONE
    return points
