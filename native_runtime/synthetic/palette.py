"""Colours as they are in the world: seldom vivid. Linear Rec.709."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from native_runtime.render.colour import linear_of

Array = NDArray[np.float64]

_LIGHT_SKIN, _DARK_SKIN = linear_of(np.array([0.95, 0.82, 0.73])), linear_of(np.array([0.29, 0.18, 0.14]))
_HAIR = [linear_of(np.array(c) / 255.0) for c in (
    (28, 22, 20), (42, 30, 24), (62, 42, 30), (88, 58, 38), (120, 82, 50), (160, 118, 72), (196, 160, 108),
    (130, 62, 36),
)]  # fmt: skip
_GREY = linear_of(np.array([0.72, 0.71, 0.69]))


def colour(rng: np.random.Generator, vivid: float = 0.2) -> Array:
    """(3,) of something that people make, ``vivid`` of which are strongly coloured."""
    hue, value = rng.random() * 6.0, rng.beta(1.3, 1.6) * 0.95 + 0.03
    saturation = rng.uniform(0.5, 1.0) if rng.random() < vivid else rng.beta(1.2, 4.0)
    distance = np.abs((hue - np.array([0.0, 2.0, 4.0]) + 3.0) % 6.0 - 3.0)
    full = np.clip(2.0 - distance, 0.0, 1.0)
    return np.asarray(linear_of(value * (1.0 - saturation * (1.0 - full))), np.float64)


def skin(rng: np.random.Generator) -> Array:
    """(3,) of somebody's skin."""
    tone = float(rng.random())
    return np.asarray((_LIGHT_SKIN ** (1 - tone) * _DARK_SKIN**tone) * np.exp(rng.normal(0, 0.06, 3)), np.float64)


def hair(rng: np.random.Generator, skin_colour: Array, years: float) -> Array:
    """(3,) of somebody's hair: mostly dark with dark skin, grey in age."""
    choices = _HAIR[:3] if skin_colour.sum() < 0.6 else _HAIR
    own = choices[int(rng.integers(len(choices)))]
    grey = float(np.clip((years - rng.uniform(35, 65)) / 20.0, 0.0, 0.95))
    return np.asarray(((1 - grey) * own + grey * _GREY) * np.exp(rng.normal(0, 0.08)), np.float64)


def foliage(rng: np.random.Generator) -> Array:
    """(3,) of leaves or grass."""
    return np.asarray(linear_of(np.array([rng.uniform(0.15, 0.5), rng.uniform(0.28, 0.55), rng.uniform(0.05, 0.28)])),
                      np.float64)  # fmt: skip
