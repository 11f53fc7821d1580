"""The backbone of small recorded cases: one convolution, so that their files stay small and all else is the same."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn


class Patches(nn.Module):
    """A linear map of each patch of pixels."""

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, stride=patch)

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]]) -> Patches:
        """Make it for the tensors of these `shapes`: tensor name (without prefix) -> shape."""
        width, _, patch, _ = shapes["proj.weight"]
        return cls(width, patch)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the features (N, C, H / patch, W / patch) of normalised RGB images (N, 3, H, W)."""
        features: torch.Tensor = self.proj(image)
        return features
