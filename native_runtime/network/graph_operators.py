"""Operators that PyTorch has in several pieces and ONNX Runtime in one, on the CPU and on CUDA.

In eager mode each computes what its name says with ordinary torch functions; in an export it becomes a single node of
the ``com.microsoft`` domain, so that ONNX Runtime runs its fused kernel without having to recognise a pattern first.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

CONTRIBUTED = "com.microsoft"


def attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, heads: int) -> torch.Tensor:
    """Return softmax(q k^T / sqrt(d)) v for each head.

    `query` (B, N, heads * d), `key` (B, M, heads * d), `value` (B, M, heads * d); the result is like `query`.
    """
    if torch.onnx.is_in_onnx_export():
        return _node("MultiHeadAttention", (query, key, value), heads)

    def split(x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (heads, -1)).transpose(1, 2)

    attended = functional.scaled_dot_product_attention(split(query), split(key), split(value))
    return attended.transpose(1, 2).flatten(2)


def rotate(x: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor, heads: int) -> torch.Tensor:
    """Return `x` with each head turned by its token's angles (rotary position embedding, "rotate half").

    `x` (B, N, heads * d); `cosines` and `sines` (N, d / 2): number i turns the pair of channels (i, i + d / 2).
    """
    if torch.onnx.is_in_onnx_export():
        first_position = torch.zeros(1, dtype=torch.int64, device=x.device)
        return _node("RotaryEmbedding", (x, first_position, cosines, sines), heads)
    first, second = x.unflatten(-1, (heads, 2, -1)).unbind(-2)
    cosines, sines = cosines[:, None], sines[:, None]
    turned = (first * cosines - second * sines, second * cosines + first * sines)
    return torch.stack(turned, dim=-2).flatten(2)


def resized(x: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """Return `x` (1, C, h, w) as (1, C, rows, columns), bicubic; the same numbers where its size stays."""
    if not torch.onnx.is_in_onnx_export() and (rows, columns) == tuple(x.shape[2:]):
        return x
    return functional.interpolate(x, (rows, columns), mode="bicubic", align_corners=False)


def _node(operator: str, inputs: Sequence[torch.Tensor], heads: int) -> torch.Tensor:
    """Return the output of a node whose output has the type and shape of its first input."""
    return torch.onnx.ops.symbolic(
        f"{CONTRIBUTED}::{operator}",
        inputs,
        {"num_heads": heads},
        dtype=inputs[0].dtype,
        shape=inputs[0].shape,
        version=1,
    )
