"""From the compact, continuous numbers that the heads predict to angles and lengths."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate, chain

import torch
from torch import Tensor

from native_runtime.models import sam3d_body_layout as layout

from .rotations import arctangent, euler_ratios, pick


@dataclass(frozen=True)
class Packing:
    """Where which kind of number stands, and where what is made of it belongs.

    Attributes:
        size: how many numbers there are.
        rotations: first of six numbers each: two columns of a rotation.
        pairs: first of two numbers each: sine and cosine.
        plain: numbers that stand for themselves.
        places: in the result, of the rotations' three angles each, then the pairs' angles, then the plain numbers.
    """

    size: int
    rotations: tuple[int, ...]
    pairs: tuple[int, ...]
    plain: tuple[int, ...]
    places: tuple[int, ...]
    order: list[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        position = {place: index for index, place in enumerate(self.places)}
        object.__setattr__(self, "order", [position[place] for place in range(len(self.places))])

    @staticmethod
    def joined(packings: Iterable[Packing]) -> Packing:
        """Several, one after the other."""
        parts = list(packings)
        starts = [0, *accumulate(part.size for part in parts)]
        results = [0, *accumulate(len(part.places) for part in parts)]
        places: tuple[list[int], list[int], list[int]] = ([], [], [])
        for part, result in zip(parts, results):
            turned = 3 * len(part.rotations)
            cuts = (slice(turned), slice(turned, turned + len(part.pairs)), slice(turned + len(part.pairs), None))
            for kind, cut in zip(places, cuts):
                kind.extend(result + place for place in part.places[cut])
        return Packing(
            starts[-1],
            tuple(start + first for part, start in zip(parts, starts) for first in part.rotations),
            tuple(start + first for part, start in zip(parts, starts) for first in part.pairs),
            tuple(start + number for part, start in zip(parts, starts) for number in part.plain),
            (*places[0], *places[1], *places[2]),
        )

    def unpack(self, numbers: Tensor) -> Tensor:
        """Angles (radians) and lengths (B, len(places)) of the numbers (B, size)."""
        columns = pick(numbers, [first + i for first in self.rotations for i in range(6)]).unflatten(-1, (-1, 6))
        sines, cosines = (ratio.flatten(-2) for ratio in euler_ratios(columns))
        sines = torch.cat([sines, pick(numbers, self.pairs)], dim=-1)
        cosines = torch.cat([cosines, pick(numbers, [first + 1 for first in self.pairs])], dim=-1)
        return pick(torch.cat([arctangent(sines, cosines), pick(numbers, self.plain)], dim=-1), self.order)


def _body() -> Packing:
    rotations, angles, lengths = layout.BODY_ROTATIONS, layout.BODY_ANGLES, layout.BODY_LENGTHS
    pairs, plain = 6 * len(rotations), 6 * len(rotations) + 2 * len(angles)
    return Packing(
        plain + len(lengths),
        tuple(range(0, pairs, 6)),
        tuple(range(pairs, plain, 2)),
        tuple(range(plain, plain + len(lengths))),
        (*chain.from_iterable(rotations), *angles, *lengths),
    )


def _hand() -> Packing:
    starts = list(accumulate(layout.HAND_FREEDOMS, initial=0))
    joints = list(zip(layout.HAND_FREEDOMS, starts))
    full = [start for freedoms, start in joints if freedoms == 3]
    single = [start + i for freedoms, start in joints if freedoms < 3 for i in range(freedoms)]
    return Packing(
        2 * starts[-1],
        tuple(2 * start for start in full),
        tuple(2 * start for start in single),
        (),
        (*(start + i for start in full for i in range(3)), *single),
    )


BODY = _body()
"""260 numbers of the body to the body pose's 133."""
HAND = _hand()
"""54 numbers of a hand to its 27 angles, ordered by joint."""
BODY_AND_HANDS = Packing.joined([BODY, HAND, HAND])
"""All of them at once: body, left, right."""
