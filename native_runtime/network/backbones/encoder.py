"""From a crop's pixels to its features: what the graph ``encoder`` computes."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from .dinov3 import Dinov3, Dinov3Dimensions
from .patches import Patches
from .vit import Vit, VitDimensions

# ImageNet's statistics of RGB in 0..1, which both backbones were trained with.
IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)

CROP = 512
"""Pixels of a crop's side, as the release runs; margins are given for it and shrink with smaller crops."""

# ViT-H sees 512 x 384 pixels of the square crop: this many columns are cut on either side.
VIT_MARGIN = 64

_PREFIX = "backbone."


class Encoder(nn.Module):
    """Normalisation, the cut to the backbone's width, and the backbone (under the release's name ``backbone``)."""

    input_names = ("crops",)
    output_names = ("features",)

    def __init__(self, backbone: nn.Module, margin: int = 0) -> None:
        """`margin` of every ``CROP`` columns of the square crop are cut on either side."""
        super().__init__()
        self.backbone = backbone
        self.margin = margin

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Return the features (N, C, h, w) of RGB crops (N, H, W, 3) uint8."""
        if self.margin:
            margin = crops.shape[2] * self.margin // CROP
            crops = crops.narrow(2, margin, crops.shape[2] - 2 * margin)
        mean = torch.tensor(IMAGE_MEAN, device=crops.device)
        std = torch.tensor(IMAGE_STD, device=crops.device)
        pixels = (crops.float() / 255 - mean) / std
        image = pixels.permute(0, 3, 1, 2).to(next(self.backbone.parameters()).dtype)
        features: torch.Tensor = self.backbone(image)
        return features


def build_backbone(shapes: Mapping[str, tuple[int, ...]], **options: int) -> nn.Module:
    """Return the backbone whose tensors have these `shapes` (official names, ``backbone.`` in front).

    The names identify which of the three it is. `options` go to the dimensions (``heads`` and ``rows`` of a ViT).
    """
    own = {name.removeprefix(_PREFIX): shape for name, shape in shapes.items() if name.startswith(_PREFIX)}
    inner = {name.removeprefix("encoder."): shape for name, shape in own.items() if name.startswith("encoder.")}
    if "rope_embed.periods" in inner:
        return Dinov3(Dinov3Dimensions.of(inner))
    if "pos_embed" in own:
        return Vit(VitDimensions.of(own, **options))
    if "proj.weight" in own:
        return Patches.of(own)
    raise ValueError("no backbone of SAM 3D Body has these tensors: " + ", ".join(sorted(own)[:5]))


def build_encoder(shapes: Mapping[str, tuple[int, ...]], margin: int | None = None) -> Encoder:
    """Return the encoder whose backbone's tensors have these `shapes`.

    `margin`: columns of every ``CROP`` cut on either side; if not given, what the release does: 64 for the ViT, none
    otherwise.
    """
    backbone = build_backbone(shapes)
    if margin is None:
        margin = VIT_MARGIN if isinstance(backbone, Vit) else 0
    return Encoder(backbone, margin)
