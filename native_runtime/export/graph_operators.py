"""Operators that PyTorch has in several pieces and ONNX Runtime in one, on the CPU and on CUDA.

Each is a torch operator of our own: in eager mode it computes what its name says with ordinary torch functions; in an
export it becomes a single node of the ``com.microsoft`` domain (`translations`), so that ONNX Runtime runs its fused
kernel without having to recognise a pattern first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from onnxscript import values
from torch.nn import functional

CONTRIBUTED = "com.microsoft"


@torch.library.custom_op("sam3db::attention", mutates_args=())
def attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, heads: int) -> torch.Tensor:
    """Return softmax(q k^T / sqrt(d)) v for each head.

    `query` (B, N, heads * d), `key` (B, M, heads * d), `value` (B, M, heads * d); the result is like `query`.
    """

    def split(x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (heads, -1)).transpose(1, 2)

    attended = functional.scaled_dot_product_attention(split(query), split(key), split(value))
    return attended.transpose(1, 2).flatten(2)


@attention.register_fake
def _(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, heads: int) -> torch.Tensor:
    return torch.empty_like(query)


@torch.library.custom_op("sam3db::rotate", mutates_args=())
def rotate(x: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor, heads: int) -> torch.Tensor:
    """Return `x` with each head turned by its token's angles (rotary position embedding, "rotate half").

    `x` (B, N, heads * d); `cosines` and `sines` (N, d / 2): number i turns the pair of channels (i, i + d / 2).
    """
    first, second = x.unflatten(-1, (heads, 2, -1)).unbind(-2)
    cosines, sines = cosines[:, None], sines[:, None]
    turned = (first * cosines - second * sines, second * cosines + first * sines)
    return torch.stack(turned, dim=-2).flatten(2)


@rotate.register_fake
def _(x: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor, heads: int) -> torch.Tensor:
    return torch.empty_like(x)


def translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """Return the table that ``torch.onnx.export(custom_translation_table=..)`` wants for these operators."""
    from onnxscript import opset21 as onnx_ops

    contributed = values.Opset(CONTRIBUTED, 1)

    def attention_node(query: Any, key: Any, value: Any, heads: int) -> Any:
        return contributed.MultiHeadAttention(query, key, value, num_heads=heads)

    def rotate_node(x: Any, cosines: Any, sines: Any, heads: int) -> Any:
        start = onnx_ops.Constant(value_ints=[0])
        return contributed.RotaryEmbedding(x, start, cosines, sines, num_heads=heads)

    return {
        torch.ops.sam3db.attention.default: attention_node,
        torch.ops.sam3db.rotate.default: rotate_node,
    }
