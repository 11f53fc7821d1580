"""Averaged weights: they are steadier than the last ones, and are what is kept in the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class AveragedWeights:
    """The exponential moving average of a module's trained weights: ``a <- k a + (1 - k) w`` after each step.

    In the first steps k is smaller, ``(1 + n) / (10 + n)`` after n of them, so that the average does not keep to the
    weights that the training began with (as ``tf.train.ExponentialMovingAverage`` does with ``num_updates``).
    """

    def __init__(self, module: nn.Module, keep: float) -> None:
        self.keep = keep
        self.weights = {name: weight.detach().clone() for name, weight in trained(module).items()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Take in the weights after ``step`` steps, counted from 1."""
        keep = min(self.keep, (1 + step) / (10 + step))
        for name, weight in trained(module).items():
            self.weights[name].lerp_(weight.detach(), 1 - keep)

    @contextmanager
    def worn_by(self, module: nn.Module) -> Iterator[None]:
        """The module with the averaged weights, until the end of the block."""
        own = trained(module)
        kept = {name: weight.detach().clone() for name, weight in own.items()}
        self._copy(self.weights, own)
        try:
            yield
        finally:
            self._copy(kept, own)

    @torch.no_grad()
    def _copy(self, source: dict[str, Tensor], target: dict[str, nn.Parameter]) -> None:
        for name, weight in target.items():
            weight.copy_(source[name])


def trained(module: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of a module that learn, by name."""
    return {name: weight for name, weight in module.named_parameters() if weight.requires_grad}


def first_not_finite(weights: Mapping[str, Tensor]) -> str | None:
    """The name of the first of these weights that holds a value that is not finite; None where all are."""
    return next((name for name, weight in weights.items() if not bool(torch.isfinite(weight).all())), None)
