"""The DINOv3 vision transformer (ViT-H+/16 in the release), under the names of the released weights.

A patch embedding of 16 x 16 pixels; a class token and four storage tokens in front of the patches; blocks of attention
with rotary positions (on the patches alone) and of SwiGLU, both with a layer scale; one final norm. Facts:
facebookresearch/dinov3 as used by SAM 3D Body.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from native_runtime.network.graph_operators import attention, rotate

_NORM_EPSILON = 1e-5


@dataclass(frozen=True)
class Dinov3Dimensions:
    """The sizes of one DINOv3 transformer; all follow from the shapes of its tensors."""

    width: int
    hidden: int
    depth: int
    heads: int
    storage_tokens: int
    patch: int

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]]) -> Dinov3Dimensions:
        """Read the sizes off `shapes`: tensor name (without prefix) -> shape."""
        width, _, patch, _ = shapes["patch_embed.proj.weight"]
        # Two axes, and two channels to a rotation: a head has four channels to a period.
        (periods,) = shapes["rope_embed.periods"]
        depth = sum(name.startswith("blocks.") and name.endswith(".norm1.weight") for name in shapes)
        return cls(
            width=width,
            hidden=shapes["blocks.0.mlp.w1.weight"][0],
            depth=depth,
            heads=width // (4 * periods),
            storage_tokens=shapes["storage_tokens"][1],
            patch=patch,
        )


class Dinov3(nn.Module):
    """The transformer as SAM 3D Body holds it: everything below the name ``encoder``."""

    def __init__(self, dimensions: Dinov3Dimensions) -> None:
        super().__init__()
        self.encoder = Dinov3Transformer(dimensions)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the features (N, C, H / 16, W / 16) of normalised RGB images (N, 3, H, W)."""
        features: torch.Tensor = self.encoder(image)
        return features


class Dinov3Transformer(nn.Module):
    """Patches, tokens, blocks and norm. The training's ``mask_token`` has no use here and is not a parameter."""

    def __init__(self, dimensions: Dinov3Dimensions) -> None:
        super().__init__()
        width = dimensions.width
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.storage_tokens = nn.Parameter(torch.empty(1, dimensions.storage_tokens, width))
        self.patch_embed = PatchEmbedding(width, dimensions.patch)
        self.rope_embed = RotaryPositions(width // dimensions.heads // 4)
        self.blocks = nn.ModuleList(_Block(dimensions) for _ in range(dimensions.depth))
        self.norm = nn.LayerNorm(width, eps=_NORM_EPSILON)
        self.prefix = 1 + dimensions.storage_tokens

    def tokens(self, image: torch.Tensor) -> torch.Tensor:
        """Return the tokens (N, 1 + storage + patches, C) that enter the first block."""
        patches = self.patch_embed(image).flatten(2).transpose(1, 2)
        first = torch.cat([self.cls_token, self.storage_tokens], dim=1).expand(image.shape[0], -1, -1)
        return torch.cat([first, patches], dim=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the normalised patch features (N, C, H / 16, W / 16)."""
        x = self.tokens(image)
        rows, columns = (side // self.patch_embed.proj.kernel_size[0] for side in image.shape[2:])
        cosines, sines = self.rope_embed(self.prefix, rows, columns)
        for block in self.blocks:
            x = block(x, cosines, sines)
        patches: torch.Tensor = self.norm(x)[:, self.prefix :]
        return patches.transpose(1, 2).unflatten(2, (rows, columns))


class PatchEmbedding(nn.Module):
    """One convolution that turns each patch into a token."""

    def __init__(self, width: int, patch: int, padding: int = 0) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, stride=patch, padding=padding)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return (N, C, rows, columns) of images (N, 3, H, W)."""
        embedded: torch.Tensor = self.proj(image)
        return embedded


class RotaryPositions(nn.Module):
    """The angles of each token's rotary embedding, from the periods as stored (they are rounded in the release)."""

    def __init__(self, periods: int) -> None:
        super().__init__()
        self.register_buffer("periods", torch.empty(periods))

    def forward(self, prefix: int, rows: int, columns: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return cosines and sines (prefix + rows * columns, d / 2); tokens of the prefix are not turned.

        A patch's coordinates are those of its centre in -1..1 on either axis, its angles 2 pi coordinate / period:
        those of y, then those of x.
        """
        device = self.periods.device
        y = (torch.arange(rows, dtype=torch.float32, device=device) + 0.5) / rows * 2 - 1
        x = (torch.arange(columns, dtype=torch.float32, device=device) + 0.5) / columns * 2 - 1
        centres = torch.stack(torch.meshgrid(y, x, indexing="ij"), dim=-1).flatten(0, 1)
        angles = (2 * torch.pi * centres[:, :, None] / self.periods.float()).flatten(1)
        angles = functional.pad(angles, (0, 0, prefix, 0))
        return angles.cos().to(self.periods.dtype), angles.sin().to(self.periods.dtype)


class _Attention(nn.Module):
    """Self-attention with rotary positions; the bias of the joint projection is masked (no bias on the keys)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = _MaskedBiasLinear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
        query, key, value = self.qkv(x).chunk(3, dim=-1)
        query = rotate(query, cosines, sines, self.heads)
        key = rotate(key, cosines, sines, self.heads)
        projected: torch.Tensor = self.proj(attention(query, key, value, self.heads))
        return projected


class _MaskedBiasLinear(nn.Linear):
    """A linear layer whose bias counts only where ``bias_mask`` is 1."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.register_buffer("bias_mask", torch.empty(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.linear(x, self.weight, self.bias * self.bias_mask)


class _LayerScale(nn.Module):
    """A learnt factor to a channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.empty(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gamma


class _SwiGlu(nn.Module):
    """w3(silu(w1 x) * w2 x)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(width, hidden)
        self.w2 = nn.Linear(width, hidden)
        self.w3 = nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mixed: torch.Tensor = self.w3(functional.silu(self.w1(x)) * self.w2(x))
        return mixed


class _Block(nn.Module):
    """Attention and SwiGLU, each normed before and scaled after."""

    def __init__(self, dimensions: Dinov3Dimensions) -> None:
        super().__init__()
        width = dimensions.width
        self.norm1 = nn.LayerNorm(width, eps=_NORM_EPSILON)
        self.attn = _Attention(width, dimensions.heads)
        self.ls1 = _LayerScale(width)
        self.norm2 = nn.LayerNorm(width, eps=_NORM_EPSILON)
        self.mlp = _SwiGlu(width, dimensions.hidden)
        self.ls2 = _LayerScale(width)

    def forward(self, x: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
        x = x + self.ls1(self.attn(self.norm1(x), cosines, sines))
        mixed: torch.Tensor = x + self.ls2(self.mlp(self.norm2(x)))
        return mixed
