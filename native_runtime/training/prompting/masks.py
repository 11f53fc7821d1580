"""Masks as a network in training gets them: the person's, carelessly drawn ones, another person's, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class MaskSettings:
    """How often which mask is given; the probabilities of the four kinds but none sum to at most 1.

    Attributes:
        true, eroded, grown, other: the person's mask, the same smaller or larger, another person's.
        most: by how many crop sides a mask is made smaller or larger at most.
    """

    true: float = 0.25
    eroded: float = 0.1
    grown: float = 0.1
    other: float = 0.03
    most: float = 0.03

    def __post_init__(self) -> None:
        rates = (self.true, self.eroded, self.grown, self.other)
        if not (min(rates) >= 0 and sum(rates) <= 1):
            raise ValueError(
                "masks cannot be given like this: 'true', 'eroded', 'grown' and 'other' have to be 0 or more, "
                f"and at most 1 together, not {', '.join(map(str, rates))}"
            )
        if not 0 <= self.most < 0.5:
            raise ValueError(
                f"masks cannot be given like this: 'most' has to be from 0 to less than 0.5, not {self.most}"
            )


def draw_masks(
    masks: Tensor, others: Tensor, settings: MaskSettings, generators: Sequence[torch.Generator]
) -> tuple[Tensor, Tensor]:
    """Masks for B people, and how far to trust them.

    Args:
        masks: (B, 1, H, W) 0 or 1, each person's own in their crop; all 0 where nobody knows it.
        others: (B, 1, H, W) as ``masks``, of another person in the same crop; all 0 where there is none.
        generators: B, on the CPU.

    Returns:
        (B, 1, H, W), and (B,) 1 where there is a mask, otherwise 0.
    """
    given, score = torch.zeros_like(masks), masks.new_zeros(len(masks))
    draws = [torch.rand(2, generator=generator).tolist() for generator in generators]
    edges = torch.tensor([settings.true, settings.eroded, settings.grown, settings.other]).cumsum(0).tolist()
    for row, (draw, size) in enumerate(draws):
        kind = next((number for number, edge in enumerate(edges) if draw < edge), None)
        mask = (others if kind == 3 else masks)[row]
        if kind is None or not mask.any():
            continue
        by = max(1, round(size * settings.most * masks.shape[-1]))
        given[row] = -_grown(-mask, by) if kind == 1 else _grown(mask, by) if kind == 2 else mask
        score[row] = 1
    return given, score


def _grown(mask: Tensor, by: int) -> Tensor:
    """A mask (1, H, W) grown by so many pixels in every direction."""
    return functional.max_pool2d(mask[None], 2 * by + 1, stride=1, padding=by)[0]
