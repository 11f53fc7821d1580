"""The ViT-H of SAM 3D Body's second release (that of ViTPose and HMR 2.0), under the names of the released weights.

Plain blocks of attention and a GELU MLP; learnt positions, the first of which belongs to a class token that is not
there any more and is added to all the others; a final norm. The patch convolution pads by two pixels.

The positions were learnt for pictures of 512 x 384 pixels. For others they are resized (bicubic), as is common for
vision transformers; the reference's code has nothing for this case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from native_runtime.network.graph_operators import attention, resized

from .dinov3 import PatchEmbedding

_NORM_EPSILON = 1e-5
_PATCH_PADDING = 2


@dataclass(frozen=True)
class VitDimensions:
    """The sizes of one ViT.

    The number of heads and the rows of positions leave no trace in the tensors' shapes: ViT-H has 16 and 32.
    """

    width: int
    hidden: int
    depth: int
    heads: int
    positions: int
    rows: int
    patch: int

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]], heads: int = 16, rows: int = 32) -> VitDimensions:
        """Read the sizes off `shapes`: tensor name (without prefix) -> shape."""
        width, _, patch, _ = shapes["patch_embed.proj.weight"]
        depth = sum(name.startswith("blocks.") and name.endswith(".norm1.weight") for name in shapes)
        return cls(
            width=width,
            hidden=shapes["blocks.0.mlp.fc1.weight"][0],
            depth=depth,
            heads=heads,
            positions=shapes["pos_embed"][1],
            rows=rows,
            patch=patch,
        )


class Vit(nn.Module):
    """The transformer."""

    def __init__(self, dimensions: VitDimensions) -> None:
        super().__init__()
        width = dimensions.width
        self.pos_embed = nn.Parameter(torch.empty(1, dimensions.positions, width))
        self.rows = dimensions.rows
        self.patch_embed = PatchEmbedding(width, dimensions.patch, _PATCH_PADDING)
        self.blocks = nn.ModuleList(_Block(dimensions) for _ in range(dimensions.depth))
        self.last_norm = nn.LayerNorm(width, eps=_NORM_EPSILON)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the features (N, C, H / 16, W / 16) of normalised RGB images (N, 3, H, W)."""
        embedded = self.patch_embed(image)
        x = embedded.flatten(2).transpose(1, 2) + self.positions(*embedded.shape[2:])
        for block in self.blocks:
            x = block(x)
        patches: torch.Tensor = self.last_norm(x)
        return patches.transpose(1, 2).unflatten(2, embedded.shape[2:])

    def positions(self, rows: int, columns: int) -> torch.Tensor:
        """The positions (1, rows * columns, C) of a picture's patches."""
        learnt = self.pos_embed[:, 1:] + self.pos_embed[:, :1]
        grid = learnt.transpose(1, 2).unflatten(2, (self.rows, -1))
        return resized(grid, rows, columns).flatten(2).transpose(1, 2)


class _Attention(nn.Module):
    """Self-attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query, key, value = self.qkv(x).chunk(3, dim=-1)
        projected: torch.Tensor = self.proj(attention(query, key, value, self.heads))
        return projected


class _Mlp(nn.Module):
    """Two linear layers around an exact GELU."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mixed: torch.Tensor = self.fc2(functional.gelu(self.fc1(x)))
        return mixed


class _Block(nn.Module):
    """Attention and MLP, each normed before."""

    def __init__(self, dimensions: VitDimensions) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dimensions.width, eps=_NORM_EPSILON)
        self.attn = _Attention(dimensions.width, dimensions.heads)
        self.norm2 = nn.LayerNorm(dimensions.width, eps=_NORM_EPSILON)
        self.mlp = _Mlp(dimensions.width, dimensions.hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(self.norm1(x))
        mixed: torch.Tensor = x + self.mlp(self.norm2(x))
        return mixed
