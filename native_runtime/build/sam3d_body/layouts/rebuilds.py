"""Tensors of DINOv3 that hold nothing learned, and that some programs therefore leave out.

* ``rope_embed.periods``: 100^(i / n) for i = 0..n-1, rounded to bfloat16 as in the release (n = 16)
* ``attn.qkv.bias_mask``: 0 where the bias of the keys stands, 1 elsewhere. In the release it is zero everywhere, as
  all biases that it multiplies are

Sources: facebookresearch/dinov3, ``dinov3/layers/rope_position_encoding.py`` and ``attention.py``; the release's
values are publicly reported.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from native_runtime.build.sam3d_body.tensors import StoredTensors

from .recipes import Rebuilt, Recipe

PERIODS: Final = "backbone.encoder.rope_embed.periods"
BASE: Final = 100.0


def rope_periods(count: int) -> NDArray[np.float32]:
    """(n,) the periods of the rotary embedding, each rounded to the nearest bfloat16 (ties to even)."""
    exact = np.float32(BASE ** (np.arange(count) / count)).view(np.uint32)
    rounded = (exact + np.uint32(0x7FFF) + ((exact >> 16) & 1)) & np.uint32(0xFFFF0000)
    return rounded.view(np.float32)


def periods(count: int) -> Recipe:
    """The recipe of ``PERIODS``."""
    return Rebuilt(count, lambda source: rope_periods(count), guessed=False)


def bias_mask(bias: Recipe, source: StoredTensors) -> Recipe:
    """The mask that belongs to a layer's bias of queries, keys and values."""
    (size,) = bias.shape(source) or (0,)
    return Rebuilt(size, partial(_mask, bias), bias.parts)


def _mask(bias: Recipe, source: StoredTensors) -> NDArray[np.float32]:
    values = bias.read(source)
    mask = np.ones(len(values), np.float32)
    mask[len(values) // 3 : 2 * (len(values) // 3)] = 0
    return mask if values.any() else np.zeros_like(mask)
