"""One sample in several rounds, as a person would work: an answer, then a prompt where it is wrong, and another answer.

Source: arXiv 2602.15989, section 4.4, and the public sampler that ``prompting.keypoints`` follows.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .losses.total import Loss, TrainingLoss
from .models import Crops, PromptableModel
from .people import People
from .prompting.keypoints import Prompts, PromptSampler, PromptSettings
from .prompting.masks import MaskSettings, draw_masks
from .randomness import generator


class Batch(NamedTuple):
    """B people to learn from.

    Attributes:
        numbers: their places in the data, which name what is drawn for them.
        crops: what the network sees.
        people: the truth.
    """

    numbers: list[int]
    crops: Crops
    people: People

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        return Batch(
            self.numbers, self.crops.each(lambda array: array.to(device)), self.people.each(lambda a: a.to(device))
        )


class Rounds(nn.Module):
    """A model, its objective, and the prompts in between: one call is one step's loss.

    It is a module, so that whatever distributes a training over processes sees all that is learnt.
    """

    def __init__(
        self, model: nn.Module, loss: TrainingLoss, prompts: PromptSettings, masks: MaskSettings, seed: int
    ) -> None:
        """``model``: a module that is a ``PromptableModel`` as well."""
        super().__init__()
        self.model = model
        self.loss = loss
        self.sampler = PromptSampler(prompts)
        self.masks = masks
        self.seed = seed

    def forward(self, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of all rounds, averaged, and the terms of the first answer, which nobody helped."""
        model: PromptableModel = self.model  # type: ignore[assignment]
        names = [(self.seed, step, number) for number in batch.numbers]
        masks = draw_masks(
            batch.crops.masks, batch.crops.other_masks, self.masks, [generator(*name, "mask") for name in names]
        )
        read = model.read(batch.crops, *masks)
        prompts, previous = Prompts.none(len(names), batch.people.keypoints_2d), None
        losses: list[Loss] = []
        for number in range(self.sampler.settings.rounds):
            answers = model.answer(read, batch.crops, prompts.points, previous)
            losses.append(self.loss(answers.layers, answers.hands, batch.people, prompts.truthful, step))
            previous = answers.estimate.detach()
            drawn = self.sampler.draw(
                batch.people.keypoints_2d,
                batch.people.known_2d,
                answers.layers[-1].keypoints_2d.detach(),
                [generator(*name, number) for name in names],
                self.sampler.count(generator(self.seed, step, "prompts", number)),
            )
            prompts = prompts.and_then(drawn)
        return torch.stack([loss.total for loss in losses]).mean(), losses[0].terms
