"""sRGB, linear light, and layers above one another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

_KNEE = 0.7


def roll_off(linear: Floats) -> Floats:
    """Bright parts bent below white smoothly instead of clipped; up to 0.7 all stays as it is."""
    return np.where(linear > _KNEE, 1 - (1 - _KNEE) * np.exp((_KNEE - linear) / (1 - _KNEE)), linear)


def encode_srgb(linear: NDArray) -> Pixels:
    """Linear Rec.709 to 8 bit sRGB; what is brighter than white is clipped."""
    x = np.clip(np.asarray(linear, np.float32), 0, 1)
    srgb = np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.power(np.maximum(x, 1e-6), 1 / 2.4) - 0.055)
    return np.round(255 * srgb).astype(np.uint8)


def linear_of(srgb: NDArray) -> Floats:
    """sRGB values 0..1 to linear Rec.709."""
    x = np.asarray(srgb, np.float32)
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4).astype(np.float32)


_LINEAR = linear_of(np.arange(256) / 255)


def decode_srgb(pixels: Pixels) -> Floats:
    """8 bit sRGB to linear Rec.709."""
    return _LINEAR[pixels]


def over(above: Floats, below: NDArray, opacity: float = 1.0) -> Floats:
    """(H, W, 4) linear colour times coverage, and coverage, over (H, W, 3) linear colour."""
    return np.asarray(opacity * above[..., :3] + below * (1 - opacity * above[..., 3:]), np.float32)
