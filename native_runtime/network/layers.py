"""Building blocks of the decoders, under the official tensor names."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .graph_operators import attention

NORM_EPSILON = 1e-6


def norm(width: int) -> nn.LayerNorm:
    """A layer norm as everywhere outside the backbone."""
    return nn.LayerNorm(width, eps=NORM_EPSILON)


class FeedForward(nn.Module):
    """Two linear layers around an activation."""

    def __init__(self, inputs: int, hidden: int, outputs: int, activation: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Sequential(nn.Linear(inputs, hidden), activation), nn.Linear(hidden, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(..., inputs) to (..., outputs)."""
        out: Tensor = self.layers(x)
        return out


class Perceptron(nn.Module):
    """Three linear layers with ReLU in between."""

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, outputs)])

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) to (..., outputs)."""
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        out: Tensor = self.layers[-1](x)
        return out


class Attention(nn.Module):
    """Multi-head attention whose inner width differs from the tokens'."""

    def __init__(self, queries: int, context: int, inner: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(queries, inner)
        self.k_proj = nn.Linear(context, inner)
        self.v_proj = nn.Linear(context, inner)
        self.proj = nn.Linear(inner, queries)

    def forward(self, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attend with ``query`` (B, N, queries) to projected ``keys`` and ``values`` (B, M, inner)."""
        attended: Tensor = self.proj(attention(self.q_proj(query), keys, values, self.heads))
        return attended


class DecoderLayer(nn.Module):
    """Self-attention of the tokens, cross-attention to the image, feed-forward; each normed before and added.

    The positions of tokens and image are normalised again by every layer and added to queries and keys, not to values;
    the first layer leaves them out of its self-attention.
    """

    def __init__(self, width: int, channels: int, inner: int, heads: int, hidden: int, first: bool) -> None:
        super().__init__()
        self.first = first
        self.ln_pe_1 = norm(width)
        self.ln_pe_2 = norm(channels)
        self.ln1 = norm(width)
        self.self_attn = Attention(width, width, inner, heads)
        self.ln2_1 = norm(width)
        self.ln2_2 = norm(channels)
        self.cross_attn = Attention(width, channels, inner, heads)
        self.ln3 = norm(width)
        self.ffn = FeedForward(width, hidden, width, nn.GELU())

    def keys_and_values(self, context: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """What the cross-attention needs of the image: (B, M, inner) twice.

        Args:
            context: (B, M, C) conditioned image features.
            positions: (M, C) their positional encoding.
        """
        normed = self.ln2_2(context)
        return self.cross_attn.k_proj(normed + self.ln_pe_2(positions)), self.cross_attn.v_proj(normed)

    def forward(
        self, tokens: Tensor, positions: Tensor, keys: Tensor, values: Tensor, wanted: int | None = None
    ) -> Tensor:
        """The tokens (B, N, width) after this layer, or only the first ``wanted`` of them.

        Args:
            tokens, positions: (B, N, width).
            keys, values: from ``keys_and_values``.
            wanted: tokens whose results are needed; the others are attended to all the same.
        """
        positions = self.ln_pe_1(positions)
        normed = self.ln1(tokens)
        placed = normed if self.first else normed + positions
        own = self.self_attn
        tokens = tokens[:, :wanted] + own(placed[:, :wanted], own.k_proj(placed), own.v_proj(normed))
        tokens = tokens + self.cross_attn(self.ln2_1(tokens) + positions[:, :wanted], keys, values)
        out: Tensor = tokens + self.ffn(self.ln3(tokens))
        return out


class PromptableDecoder(nn.Module):
    """The layers of one decoder and its final norm; ``decoder.Decoder`` runs them."""

    def __init__(self, width: int, channels: int, inner: int, heads: int, hidden: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            DecoderLayer(width, channels, inner, heads, hidden, first=index == 0) for index in range(depth)
        )
        self.norm_final = norm(width)


class PositionEncoding(nn.Module):
    """Fourier features of points in 0..1 on random frequencies."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.empty(2, channels // 2))

    def forward(self, points: Tensor) -> Tensor:
        """(..., 2) x, y in 0..1 to (..., channels)."""
        angles = 2 * math.pi * ((2 * points - 1) @ self.positional_encoding_gaussian_matrix)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)

    def grid(self, rows: int, columns: int, cut: int) -> Tensor:
        """The encoding (rows * (columns - 2 cut), channels) of cell centres, without ``cut`` columns a side."""
        device = self.positional_encoding_gaussian_matrix.device
        y = (torch.arange(rows, dtype=torch.float32, device=device) + 0.5) / rows
        x = (torch.arange(cut, columns - cut, dtype=torch.float32, device=device) + 0.5) / columns
        down, right = torch.meshgrid(y, x, indexing="ij")
        return self(torch.stack([right, down], dim=-1).flatten(0, 1))
