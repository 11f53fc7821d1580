"""What is added to the image features before a decoder sees them: the mask prompt and the camera's rays."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import NORM_EPSILON, PositionEncoding

_MASK_CHANNELS = (1, 4, 16, 64, 256)
_BANDS = 16
_MAX_FREQUENCY = 32.0
RAY_CHANNELS = 3 + 2 * 3 * _BANDS
"""Direction (x, y, 1), then sine and cosine of each coordinate at each frequency."""

LABEL_NONE, LABEL_INCORRECT = -2, -1


class ChannelNorm(nn.Module):
    """A layer norm's weights; here it is always applied with the channels last."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (..., channels)."""
        return functional.layer_norm(x, self.weight.shape, self.weight, self.bias, NORM_EPSILON)


class PromptEncoder(nn.Module):
    """Keypoint prompts as tokens and a mask as a change of the image features; shared by both decoders."""

    def __init__(self, channels: int, keypoints: int) -> None:
        super().__init__()
        self.pe_layer = PositionEncoding(channels)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, channels) for _ in range(keypoints))
        self.not_a_point_embed = nn.Embedding(1, channels)
        self.invalid_point_embed = nn.Embedding(1, channels)
        steps: list[nn.Module] = []
        for inputs, outputs in pairwise(_MASK_CHANNELS):
            steps += [nn.Conv2d(inputs, outputs, 2, stride=2), ChannelNorm(outputs), nn.GELU()]
        self.mask_downscaling = nn.Sequential(*steps, nn.Conv2d(_MASK_CHANNELS[-1], channels, 1))
        self.no_mask_embed = nn.Embedding(1, channels)

    def forward(self, keypoints: Tensor) -> Tensor:
        """Embed prompts (B, P, 3), x and y in 0..1 of the crop and a label, as (B, P, C).

        A keypoint's label, 0..69: where it is and which it is. ``LABEL_INCORRECT`` and ``LABEL_NONE``: only that.
        """
        place, label = keypoints[..., :2], keypoints[..., 2].long()
        meanings = [self.invalid_point_embed, self.not_a_point_embed, *self.point_embeddings]
        meaning = torch.cat([embedding.weight for embedding in meanings])[label - LABEL_NONE]
        return torch.where((label > LABEL_INCORRECT)[..., None], self.pe_layer(place), 0.0) + meaning

    def mask(self, mask: Tensor) -> Tensor:
        """Embed masks (B, 1, H, W), values as they are, as (B, H / 16 * W / 16, C).

        The convolutions never overlap, so every patch of 16 x 16 pixels is reduced on its own. With the patch's
        quarters, their quarters and so on as the innermost axes, each convolution is a matrix product over the last
        axis and nothing is moved in between.
        """
        levels = len(_MASK_CHANNELS) - 1
        rows, columns = (side // 2**levels for side in mask.shape[2:])
        x = mask.reshape(-1, rows, *[2] * levels, columns, *[2] * levels)
        y_axes, x_axes = range(2, 2 + levels), range(3 + levels, 3 + 2 * levels)
        nested = [axis for pair in zip(y_axes, x_axes) for axis in pair]
        x = x.permute(0, 1, 2 + levels, *nested).flatten(1, 2)
        for index in range(levels):
            convolution, normalise, activate = self.mask_downscaling[3 * index : 3 * index + 3]
            weight = convolution.weight.permute(0, 2, 3, 1).flatten(1)
            x = x.reshape(-1, rows * columns, 4 ** (levels - 1 - index), weight.shape[1])
            x = activate(normalise(functional.linear(x, weight, convolution.bias)))
        last = self.mask_downscaling[-1]
        return functional.linear(x.squeeze(2), last.weight.flatten(1), last.bias)

    def masked(self, features: Tensor, mask: Tensor, score: Tensor) -> Tensor:
        """Features (B, M, C) with the masks (B, 1, H, W) added, weighted by score (B,); a score of 0 means no mask."""
        score = score[:, None, None]
        return features + torch.where(score > 0, score * self.mask(mask), self.no_mask_embed.weight)


class RayConditioning(nn.Module):
    """Mixes the direction in which each feature is seen into the image features."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels + RAY_CHANNELS, channels, 1, bias=False)
        self.norm = ChannelNorm(channels)

    def forward(self, features: Tensor, rays: Tensor) -> Tensor:
        """Return (B, M, C) of features (B, M, C) and rays (B, M, 2): x and y of the direction at depth 1."""
        direction = functional.pad(rays, (0, 1), value=1.0)
        frequencies = torch.linspace(1.0, _MAX_FREQUENCY, _BANDS, device=rays.device)
        angles = math.pi * (direction[..., None] * frequencies).flatten(2)
        mixed = torch.cat([features, direction, angles.sin(), angles.cos()], dim=-1)
        out: Tensor = self.norm(functional.linear(mixed, self.conv.weight.flatten(1)))
        return out
