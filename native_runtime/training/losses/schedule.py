"""How the weight of a term changes while a network is trained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Weight:
    """A term's weight: 0 before it sets in, then growing evenly to its full value.

    Attributes:
        value: in the end.
        start: the step at which it sets in.
        warm_up: steps from there to the full value; 0 for at once.
    """

    value: float
    start: int = 0
    warm_up: int = 0

    def __post_init__(self) -> None:
        if self.value < 0 or self.start < 0 or self.warm_up < 0:
            raise ValueError(f"a weight, its start and its warm-up are never negative: {self}")

    def at(self, step: int) -> float:
        """The weight at a step, counted from 0."""
        if step < self.start:
            return 0.0
        if step >= self.start + self.warm_up:
            return self.value
        return self.value * (step - self.start + 1) / (self.warm_up + 1)
