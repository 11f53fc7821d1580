"""Smooth noise of many sizes, as a tile that repeats: bark, leaves, clouds, plaster and dirt are made of it."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_SIDE = 256


@cache
def tile(kind: int, roughness: float = 1.0) -> Floats:
    """(256, 256) of mean 0 and deviation 1 whose spectrum falls with the frequency to the power of ``roughness``."""
    rng = np.random.default_rng([kind, 77])
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(_SIDE), np.fft.rfftfreq(_SIDE), indexing="ij"))
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.normal(size=(_SIDE, _SIDE))) / frequency**roughness
    made = np.fft.irfft2(spectrum, s=(_SIDE, _SIDE))
    return np.asarray((made - made.mean()) / made.std(), np.float32)


def sampled(kind: int, u: NDArray, v: NDArray, roughness: float = 1.0) -> Floats:
    """The noise at places (...,), in tiles: it repeats after 1."""
    shape = u.shape
    if not u.size:
        return np.zeros(shape, np.float32)
    flat_u, flat_v = (np.mod(np.nan_to_num(x, posinf=0.0, neginf=0.0), 1.0).reshape(-1, 1).astype(np.float32) * _SIDE
                      for x in (u, v))  # fmt: skip
    # OpenCV takes maps of at most 32767 rows.
    width = -(-flat_u.size // 16384)
    spare = width * -(-flat_u.size // width) - flat_u.size
    maps = [np.append(x.ravel(), np.zeros(spare, np.float32)).reshape(-1, width) for x in (flat_u, flat_v)]
    found = cv2.remap(tile(kind, roughness), maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return np.asarray(found.ravel()[: flat_u.size].reshape(shape), np.float32)
