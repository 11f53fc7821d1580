"""A small picture of strands: u across them, v along them, the root at v = 0. It repeats across."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.render.colour import encode_srgb

Array = NDArray[np.float64]

WIDTH, HEIGHT = 512, 256
#: Strands across the picture, and how much each size of them counts.
_SIZES = ((9, 0.16), (28, 0.24), (80, 0.28), (190, 0.22))
#: Brightness from roots, which lie in the shade of others, to tips.
_ALONG = ((0.0, 0.55), (0.12, 0.8), (0.45, 1.05), (0.8, 1.12), (1.0, 1.0))
#: How much redder and more saturated dark strands are than light ones.
_WARM = np.array([1.05, 1.0, 0.94])


def strand_picture(colour: Sequence[float], seed: int = 7) -> NDArray[np.uint8]:
    """(HEIGHT, WIDTH, 3) sRGB; its mean is about ``colour``, linear Rec.709."""
    shades = strand_shades(seed)
    bright = np.maximum(shades / shades.mean(), 0)[..., None]
    tint = np.where(bright < 1, _WARM ** (1 - bright), 1.0)
    return encode_srgb(np.clip(bright * tint * np.asarray(colour, np.float64), 0, 1))


def strand_shades(seed: int = 7) -> Array:
    """(HEIGHT, WIDTH) how bright strands are, about 1."""
    rng = np.random.default_rng(seed)
    total = np.zeros((HEIGHT, WIDTH))
    for count, share in _SIZES:
        # strands of one size begin and end anywhere: a few rows of them, blended
        rows = cv2.resize(_repeating(rng.normal(size=(4, count))), (WIDTH + 2 * _margin(count), HEIGHT),
                          interpolation=cv2.INTER_CUBIC)  # fmt: skip
        total += share * rows[:, _margin(count) : _margin(count) + WIDTH]
    total /= max(float(total.std()), 1e-9)
    v = np.linspace(1, 0, HEIGHT)
    places, values = np.array(_ALONG).T
    return np.asarray(np.clip(np.exp(0.34 * total), 0.3, 2.4) * np.interp(v, places, values)[:, None])


def _margin(count: int) -> int:
    return int(np.ceil(3 * WIDTH / count))


def _repeating(values: Array) -> Array:
    """With enough more columns on both sides that the middle repeats after it was enlarged."""
    count = values.shape[1]
    more = _margin(count) * count / WIDTH
    index = np.arange(-round(more), count + round(more)) % count
    return values[:, index]
